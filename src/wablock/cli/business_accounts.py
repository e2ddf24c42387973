"""`wablock business-account`: the WhatsApp Business Accounts of an account, and their own secrets."""

from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter

from wablock.access import is_number_id
from wablock.cli.accounts import check_account_exists
from wablock.cli.arguments import Refused, not_blank
from wablock.cli.databases import on_store
from wablock.cli.options import DEFAULT_ACCOUNT, Json, flag, option
from wablock.cli.output import print_result
from wablock.cli.tables import show
from wablock.cli.webhook_secrets import AppSecret, VerifyToken, webhook_secrets
from wablock.gate.account_store import MOST_BUSINESS_ACCOUNTS
from wablock.settings import DatabaseUrl, KeySettings
from wablock.storage import Store
from wablock.wiring import routes_of

app = App(name="business-account")

_COLUMNS: Final = ("waba_id", "account_id", "has_app_secret", "has_verify_token")

WabaId = Annotated[str, Parameter(help="Meta's id of the WhatsApp Business Account (WABA): digits.")]


@app.command(name="set")
def set_(
    waba_id: WabaId,
    *,
    account: Annotated[str, option("The account that it belongs to, as in `wablock number list`.")] = DEFAULT_ACCOUNT,
    app_secret: AppSecret = None,
    verify_token: VerifyToken = None,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    create: Annotated[bool, flag("Create the account if it does not exist.")] = False,
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Add a business account to an account, or set its app secret (stored encrypted) or verify token (as SHA-256).

    Set an app secret only if the business account belongs to another app than the account's own secret: without one,
    its webhooks are verified with the account's. If one of the two flags is there, the other's environment variable is
    ignored.
    """
    checked_waba_id(waba_id, "WABA-ID")
    not_blank(account, "--account")
    secrets = webhook_secrets(app_secret, verify_token)

    async def work(store: Store) -> None:
        if not create:
            await check_account_exists(store, account)
        values = secrets.get("app_secret"), secrets.get("verify_token")
        if not await routes_of(store, key).accounts.set_business_account(account, waba_id, *values):
            raise Refused(await _reason(store, waba_id, account))

    on_store(database, work, may_create=create)
    done = list(secrets)
    sentence = f"Set {' and '.join(done).replace('_', ' ')} of" if done else "Added"
    print_result(
        {"waba_id": waba_id, "account_id": account, "set": done},
        f"{sentence} business account {waba_id} in account {account}.",
        as_json=json,
    )


@app.command(name="list")
def list_(
    *,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """List the business accounts, and whether they have secrets of their own."""
    infos = on_store(database, lambda store: routes_of(store, key).accounts.business_accounts())
    rows: list[dict[str, Any]] = [msgspec.to_builtins(info) for info in infos]
    show(rows, _COLUMNS, as_json=json, empty="No business accounts yet: wablock business-account set WABA-ID")


@app.command
def remove(
    waba_id: WabaId,
    *,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Remove a business account and its secrets. The secret of the account then verifies its webhooks."""
    if not on_store(database, lambda store: routes_of(store, key).accounts.remove_business_account(waba_id)):
        raise Refused(f"There is no business account {waba_id}: see wablock business-account list")
    print_result({"waba_id": waba_id}, f"Removed business account {waba_id}.", as_json=json)


def checked_waba_id(text: str, name: str) -> str:
    """Return `text` if it can be the id of a business account; raises `Refused` if not."""
    if not text or not is_number_id(text):
        raise Refused(f"{name} {text!r} is not the id of a business account: use digits only, such as 102290129340398")
    return text


async def check_waba_is_of(store: Store, waba_id: str, account: str) -> None:
    """Raises `Refused` if the business account belongs to another account."""
    business = await store.find_business_account(waba_id)
    if business is not None and business.account_id != account:
        raise Refused(f"The business account {waba_id} belongs to account {business.account_id}, and not to {account}")


async def _reason(store: Store, waba_id: str, account: str) -> str:
    """Why the store refused it, and what to do."""
    business = await store.find_business_account(waba_id)
    if business is not None and business.account_id != account:
        return (
            f"The business account {waba_id} belongs to account {business.account_id}: "
            f"remove it there first, with wablock business-account remove {waba_id}"
        )
    if waba_id != account and await store.numbers(waba_id):
        return (
            f"{waba_id} is the id of an account that has numbers: add it to that account, with --account {waba_id}, "
            f"or remove its numbers there and add them to account {account} first"
        )
    return f"Account {account} has {MOST_BUSINESS_ACCOUNTS:,} business accounts, and cannot have more"
