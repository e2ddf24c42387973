"""`wablock number`: the business numbers of a database."""

from typing import Annotated, Final

from cyclopts import App, Parameter

from wablock.block_list.ports import BusinessNumber, PageRequest, Rules
from wablock.cli.arguments import Refused, checked_number_id, is_confirmed, not_blank
from wablock.cli.databases import check_number_exists, on_store
from wablock.cli.options import DEFAULT_ACCOUNT, Json, Yes, option
from wablock.cli.output import print_result
from wablock.cli.tables import show
from wablock.contract import identity
from wablock.contract.errors import NotAWhatsAppUser
from wablock.contract.number_plans import COUNTRIES, country_to_read_by
from wablock.settings import DatabaseUrl
from wablock.storage import Store
from wablock.wiring import system_clock

app = App(name="number")

_PAGE: Final = 10_000  # rows of a list that are counted at a time
_MISSING: Final = "The number {} does not exist: see wablock number list"
_COLUMNS = ("phone_number_id", "account_id", "wa_id", "country", "rules")

GraphNumberId = Annotated[str, Parameter(help="Graph's id of the business number: digits.")]


@app.command
def add(
    phone_number_id: GraphNumberId,
    *,
    account: Annotated[str, option("Account (WhatsApp Business Account) of the number.")] = DEFAULT_ACCOUNT,
    display_number: Annotated[
        str | None, option("The phone number itself, with + and country code. It cannot be blocked.")
    ] = None,
    country: Annotated[str | None, option("Country (two letters) in which national numbers are read.")] = None,
    rules: Annotated[Rules | None, option("Rules for this number. Default: the server's.")] = None,
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
    )
    on_store(database, lambda store: _add(store, number), may_create=True)
    print_result([_row(number)], f"Added number {phone_number_id} to account {account}.", as_json=json)


async def _add(store: Store, number: BusinessNumber) -> None:
    if not await store.add_number(number, system_clock()):
        existing = await store.find_number(number.phone_number_id)
        account = "" if existing is None else f", in account {existing.account_id}"
        raise Refused(f"The number {number.phone_number_id} already exists{account}: see wablock number list")


@app.command(name="list")
def list_(*, database: DatabaseUrl = None, json: Json = False) -> None:
    """List the business numbers."""
    numbers = on_store(database, lambda store: store.numbers())
    show([_row(number) for number in numbers], _COLUMNS, as_json=json, empty="No numbers yet: wablock number add ID")


@app.command
def remove(
    phone_number_id: GraphNumberId, *, yes: Yes = False, database: DatabaseUrl = None, json: Json = False
) -> None:
    """Remove a business number and its whole block list, after a question that says how many blocks it has."""
    blocks = on_store(database, lambda store: _blocks_of(store, phone_number_id))
    if not yes and not is_confirmed(f"Remove number {phone_number_id} and its {_counted(blocks)}?"):
        raise Refused(f"Nothing was removed; add --yes to remove the number and its {_counted(blocks)}")
    if not on_store(database, lambda store: store.remove_number(phone_number_id)):
        raise Refused(_MISSING.format(phone_number_id))
    sentence = f"Removed number {phone_number_id} and its {_counted(blocks)}."
    print_result([{"phone_number_id": phone_number_id, "blocks": blocks}], sentence, as_json=json)


async def _blocks_of(store: Store, phone_number_id: str) -> int:
    """The number of users who are blocked now; raises `Refused` if the number does not exist."""
    await check_number_exists(store, phone_number_id)
    blocks, after, now = 0, None, system_clock()
    while True:
        page = await store.page(PageRequest(phone_number_id, _PAGE, now, after, details=False))
        blocks += len(page.rows)
        if not page.has_next:
            return blocks
        after = page.rows[-1].seq


def _counted(blocks: int) -> str:
    return f"{blocks:,} block{'' if blocks == 1 else 's'}"


def _row(number: BusinessNumber) -> dict[str, str]:
    values = {column: getattr(number, column) for column in _COLUMNS}
    return {column: str(value) for column, value in values.items() if value}


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
