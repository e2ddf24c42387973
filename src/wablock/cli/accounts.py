"""`wablock account`: the app secret and verify token of an account."""

from typing import Annotated

from cyclopts import App, Parameter

from wablock.cli.arguments import Refused, not_blank
from wablock.cli.databases import on_store
from wablock.cli.options import DEFAULT_ACCOUNT, Json, flag
from wablock.cli.output import print_result
from wablock.cli.secrets import checked_secret, secrets_in
from wablock.settings import DatabaseUrl, KeySettings
from wablock.storage import Store
from wablock.typed_secrets import FromVariable, secret
from wablock.wiring import routes_of

app = App(name="account")


@app.command(name="set")
def set_(
    account: Annotated[
        str, Parameter(help="Id of the account (WhatsApp Business Account), as in `wablock number add`.")
    ] = DEFAULT_ACCOUNT,
    *,
    app_secret: Annotated[
        str | None,
        secret(
            "WABLOCK_APP_SECRET",
            "The app secret with which Meta signs webhooks. --app-secret=- reads it from standard input.",
            otherwise="--app-secret=-",
        ),
    ] = None,
    verify_token: Annotated[
        str | None,
        secret(
            "WABLOCK_VERIFY_TOKEN",
            "The verify token that you set at Meta. --verify-token=- reads it from standard input.",
            otherwise="--verify-token=-",
        ),
    ] = None,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    create: Annotated[bool, flag("Create the account if it does not exist.")] = False,
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Set the app secret (stored encrypted) or the verify token (stored as SHA-256), or both.

    If one of the two flags is there, the other's environment variable is ignored.

    Other users of the machine can read the values of flags. To hide a secret, use --app-secret=-, which reads it from
    standard input, or the environment variable.
    """
    if app_secret is None and verify_token is None:
        raise Refused("Nothing to set: add --app-secret, --verify-token, or both")
    values = {"--app-secret": app_secret, "--verify-token": verify_token}
    flags = {name: value for name, value in values.items() if not isinstance(value, FromVariable)}
    # A variable that was set for another account or command must not be stored beside the flag.
    chosen = values if all(value is None for value in flags.values()) else flags
    secrets = secrets_in({name: value for name, value in chosen.items() if value is not None})
    for name, value in secrets.items():
        checked_secret(value, name)

    async def work(store: Store) -> None:
        if not create and not await _exists(store, account):
            raise Refused(
                f"The account {account} does not exist: see wablock number list, or add --create to create the account"
            )
        app_secret, verify_token = secrets.get("--app-secret"), secrets.get("--verify-token")
        await routes_of(store, key).accounts.set(account, app_secret, verify_token)

    not_blank(account, "ACCOUNT")
    on_store(database, work, may_create=create)
    done = [name.removeprefix("--").replace("-", "_") for name in secrets]
    sentence = f"Set {' and '.join(done).replace('_', ' ')} of account {account}."
    print_result({"account_id": account, "set": done}, sentence, as_json=json)


async def _exists(store: Store, account: str) -> bool:
    """Whether the account has secrets or a number."""
    has_secrets = await store.find_account(account) is not None
    return has_secrets or any(number.account_id == account for number in await store.numbers())
