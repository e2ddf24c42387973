"""`wablock number`: the business numbers of a database."""

from typing import Annotated, Final, Literal

import msgspec
from cyclopts import App, Parameter
from msgspec import UNSET

from wablock.block_list.pages import PageRequest
from wablock.block_list.ports import BusinessNumber, Rules
from wablock.business_numbers import NumberChanges
from wablock.cli.arguments import Refused, checked_number_id, is_confirmed, not_blank
from wablock.cli.business_accounts import check_waba_is_of, checked_waba_id
from wablock.cli.databases import check_number_exists, on_store
from wablock.cli.number_names import number_id_of
from wablock.cli.options import DEFAULT_ACCOUNT, Json, PhoneNumberId, Yes, option
from wablock.cli.output import print_result
from wablock.cli.tables import show
from wablock.contract import identity
from wablock.contract.errors import NotAWhatsAppUser
from wablock.contract.number_plans import COUNTRIES, country_to_read_by
from wablock.failures import NumberNameTaken
from wablock.names import BadName, checked_name
from wablock.settings import DatabaseUrl
from wablock.storage import Store
from wablock.wiring import system_clock

app = App(name="number")

_PAGE: Final = 10_000  # rows of a list that are counted at a time
_MISSING: Final = "The number {} does not exist: see wablock number list"
_NAME_TAKEN: Final = "--name {!r} is the name of another number in account {}: see wablock number list"
_COLUMNS = ("phone_number_id", "name", "account_id", "wa_id", "country", "rules", "waba_id")

_COLUMN_OF: Final = {"display-number": "wa_id", "waba": "waba_id"}
Field = Literal["name", "display-number", "country", "rules", "waba"]

GraphNumberId = Annotated[str, Parameter(help="Graph's id of the business number: digits.")]


@app.command
def add(
    phone_number_id: GraphNumberId,
    *,
    account: Annotated[str, option("Account of the number.")] = DEFAULT_ACCOUNT,
    name: Annotated[str | None, option("A name for commands, which no other number of the account has.")] = None,
    display_number: Annotated[
        str | None, option("The phone number itself, with + and country code. It cannot be blocked.")
    ] = None,
    country: Annotated[str | None, option("Country (two letters) in which national numbers are read.")] = None,
    rules: Annotated[Rules | None, option("Rules for this number. Default: the server's.")] = None,
    waba: Annotated[str | None, option("Id of its WhatsApp Business Account, if the account has several.")] = None,
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Add a business number with an empty block list. Running servers use it immediately."""
    number = BusinessNumber(
        checked_number_id(phone_number_id),
        not_blank(account, "--account"),
        _wa_id(display_number),
        _country(country, display_number),
        rules,
        None if name is None else _name(name),
        None if waba is None else checked_waba_id(waba, "--waba"),
    )
    on_store(database, lambda store: _add(store, number), may_create=True)
    print_result([_row(number)], f"Added number {phone_number_id} to account {account}.", as_json=json)


async def _add(store: Store, number: BusinessNumber) -> None:
    business = await store.find_business_account(number.account_id)
    if business is not None and business.account_id != number.account_id:
        raise Refused(
            f"{business.waba_id} is a business account of account {business.account_id}: "
            f"add --account {business.account_id} --waba {business.waba_id}"
        )
    if number.waba_id is not None:
        await check_waba_is_of(store, number.waba_id, number.account_id)
    try:
        added = await store.add_number(number, system_clock())
    except NumberNameTaken:
        raise Refused(_NAME_TAKEN.format(number.name, number.account_id)) from None
    if not added:
        existing = await store.find_number(number.phone_number_id)
        account = "" if existing is None else f", in account {existing.account_id}"
        raise Refused(f"The number {number.phone_number_id} already exists{account}: see wablock number list")


@app.command(name="list")
def list_(*, database: DatabaseUrl = None, json: Json = False) -> None:
    """List the business numbers."""
    numbers = on_store(database, lambda store: store.numbers())
    show([_row(number) for number in numbers], _COLUMNS, as_json=json, empty="No numbers yet: wablock number add ID")


@app.command(name="set")
def set_(
    phone_number_id: PhoneNumberId,
    *,
    name: Annotated[str | None, option("A name for commands, which no other number of the account has.")] = None,
    display_number: Annotated[
        str | None, option("The phone number itself, with + and country code. It cannot be blocked.")
    ] = None,
    country: Annotated[str | None, option("Country (two letters) in which national numbers are read.")] = None,
    rules: Annotated[Rules | None, option("Rules for this number.")] = None,
    waba: Annotated[str | None, option("Id of its WhatsApp Business Account, if the account has several.")] = None,
    clear: Annotated[list[Field] | None, option("Remove this value; may be repeated.")] = None,
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Change a business number: only the values that are named. Running servers use them within a second."""
    changes = NumberChanges(
        name=UNSET if name is None else _name(name),
        wa_id=UNSET if display_number is None else _wa_id(display_number),
        country=UNSET if country is None else _country(country, None),
        rules=UNSET if rules is None else rules,
        waba_id=UNSET if waba is None else checked_waba_id(waba, "--waba"),
    )
    cleared = {_COLUMN_OF.get(field, field): field for field in clear or []}
    for column, field in cleared.items():
        if getattr(changes, column) is not UNSET:
            raise Refused(f"--{field} and --clear {field} contradict each other: use one of them")
    changes = msgspec.structs.replace(changes, **dict.fromkeys(cleared))
    if changes == NumberChanges():
        raise Refused("Nothing to change: add --name, --display-number, --country, --rules, --waba or --clear")
    number = on_store(database, lambda store: _change(store, phone_number_id, changes))
    print_result([_row(number)], f"Changed number {number.phone_number_id}.", as_json=json)


async def _change(store: Store, named: str, changes: NumberChanges) -> BusinessNumber:
    phone_number_id = await number_id_of(store, named)
    number = await store.find_number(phone_number_id)
    if number is None:
        raise Refused(_MISSING.format(phone_number_id))
    if isinstance(changes.waba_id, str):
        await check_waba_is_of(store, changes.waba_id, number.account_id)
    try:
        changed = await store.change_number(number, changes)
    except NumberNameTaken:
        raise Refused(_NAME_TAKEN.format(changes.name, number.account_id)) from None
    if changed is None:
        raise Refused(_MISSING.format(phone_number_id))
    return changed


@app.command
def remove(
    phone_number_id: PhoneNumberId, *, yes: Yes = False, database: DatabaseUrl = None, json: Json = False
) -> None:
    """Remove a business number and its whole block list, after a question that says how many blocks it has."""
    phone_number_id, blocks = on_store(database, lambda store: _id_and_blocks_of(store, phone_number_id))
    if not yes and not is_confirmed(f"Remove number {phone_number_id} and its {_counted(blocks)}?"):
        raise Refused(f"Nothing was removed; add --yes to remove the number and its {_counted(blocks)}")
    if not on_store(database, lambda store: store.remove_number(phone_number_id)):
        raise Refused(_MISSING.format(phone_number_id))
    sentence = f"Removed number {phone_number_id} and its {_counted(blocks)}."
    print_result([{"phone_number_id": phone_number_id, "blocks": blocks}], sentence, as_json=json)


async def _id_and_blocks_of(store: Store, named: str) -> tuple[str, int]:
    """The number's id, and how many users are blocked now; raises `Refused` if the number does not exist."""
    phone_number_id = await number_id_of(store, named)
    await check_number_exists(store, phone_number_id)
    blocks, after, now = 0, None, system_clock()
    while True:
        page = await store.page(PageRequest(phone_number_id, _PAGE, now, after, details=False))
        blocks += len(page.rows)
        if not page.has_next:
            return phone_number_id, blocks
        after = page.rows[-1].seq


def _counted(blocks: int) -> str:
    return f"{blocks:,} block{'' if blocks == 1 else 's'}"


def _row(number: BusinessNumber) -> dict[str, str]:
    values = {column: getattr(number, column) for column in _COLUMNS}
    return {column: str(value) for column, value in values.items() if value}


def _name(text: str) -> str:
    try:
        return checked_name(text)
    except BadName as error:
        raise Refused(f"--name {text!r} {error}") from None


def _wa_id(display_number: str | None) -> str | None:
    if display_number is None:
        return None
    try:
        return identity.of_user(display_number, None).wa_id
    except NotAWhatsAppUser as failure:
        raise Refused(f"--display-number {display_number!r}: {failure}") from None


def _country(country: str | None, display_number: str | None) -> str | None:
    if country is not None:
        if country.upper() not in COUNTRIES:
            raise Refused(f"--country {country!r} is not a country: write two letters, such as US")
        return country.upper()
    wa_id = _wa_id(display_number)
    return None if wa_id is None else country_to_read_by(wa_id)
