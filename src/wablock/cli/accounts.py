"""`wablock account`: the app secret and verify token of an account."""

from typing import Annotated

from cyclopts import App, Parameter

from wablock.cli.arguments import Refused, not_blank
from wablock.cli.databases import on_store
from wablock.cli.options import DEFAULT_ACCOUNT, Json, flag
from wablock.cli.output import print_result
from wablock.cli.webhook_secrets import AppSecret, VerifyToken, webhook_secrets
from wablock.settings import DatabaseUrl, KeySettings
from wablock.storage import Store
from wablock.wiring import routes_of

app = App(name="account")


@app.command(name="set")
def set_(
    account: Annotated[str, Parameter(help="Id of the account, as in `wablock number add`.")] = DEFAULT_ACCOUNT,
    *,
    app_secret: AppSecret = None,
    verify_token: VerifyToken = None,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    create: Annotated[bool, flag("Create the account if it does not exist.")] = False,
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Set the app secret (stored encrypted) or the verify token (stored as SHA-256), or both.

    They hold for all WhatsApp Business Accounts of the account that have none of their own: see `wablock
    business-account set`.

    If one of the two flags is there, the other's environment variable is ignored.

    Other users of the machine can read the values of flags. To hide a secret, use --app-secret=-, which reads it from
    standard input, or the environment variable.
    """
    if app_secret is None and verify_token is None:
        raise Refused("Nothing to set: add --app-secret, --verify-token, or both")
    secrets = webhook_secrets(app_secret, verify_token)

    async def work(store: Store) -> None:
        if not create:
            await check_account_exists(store, account)
        await routes_of(store, key).accounts.set(account, secrets.get("app_secret"), secrets.get("verify_token"))

    not_blank(account, "ACCOUNT")
    on_store(database, work, may_create=create)
    done = list(secrets)
    sentence = f"Set {' and '.join(done).replace('_', ' ')} of account {account}."
    print_result({"account_id": account, "set": done}, sentence, as_json=json)


async def check_account_exists(store: Store, account: str) -> None:
    """Raises `Refused` if the account has neither secrets nor a number."""
    if await store.find_account(account) is None and not await store.numbers(account):
        raise Refused(
            f"The account {account} does not exist: see wablock number list, or add --create to create the account"
        )
