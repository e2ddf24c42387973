"""`wablock account`: the app secret and verify token of an account."""

from typing import Annotated

from cyclopts import App, Parameter

from wablock.cli.console import Refused, not_blank, print_result
from wablock.cli.databases import on_store
from wablock.cli.options import Json
from wablock.cli.secrets import checked_secret, secret_in
from wablock.gate.routes import Routes
from wablock.settings import DatabaseUrl, KeySettings
from wablock.typed_secrets import secret
from wablock.wiring import routes_of

app = App(name="account")


@app.command(name="set")
def set_(
    account: Annotated[
        str, Parameter(help="Id of the account (WhatsApp Business Account), as in `wablock number add`.")
    ] = "default",
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
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Set the app secret (stored encrypted) or the verify token (stored as SHA-256), or both.

    Other users of the machine can read the values of flags. To hide a secret, use --app-secret=-, which reads it from
    standard input, or the environment variable.
    """
    if app_secret is None and verify_token is None:
        raise Refused("Nothing to set: add --app-secret, --verify-token, or both")
    secret_text = None if app_secret is None else checked_secret(secret_in(app_secret, "--app-secret"), "--app-secret")
    token = (
        None if verify_token is None else checked_secret(secret_in(verify_token, "--verify-token"), "--verify-token")
    )

    async def work(routes: Routes) -> None:
        await routes.accounts.set(not_blank(account, "ACCOUNT"), secret_text, token)

    on_store(database, lambda store: work(routes_of(store, key)))
    done = [name for name, value in (("app_secret", secret_text), ("verify_token", token)) if value is not None]
    sentence = f"Set {' and '.join(done).replace('_', ' ')} of account {account}."
    print_result({"account_id": account, "set": done}, sentence, as_json=json)
