"""`wablock account`: what an account's webhooks are signed with."""

from typing import Annotated

from cyclopts import App, Parameter

from wablock.cli.console import Json, Refused, named, print_json, say
from wablock.cli.databases import on_store
from wablock.cli.secrets import checked_secret, typed
from wablock.gate.routes import Routes
from wablock.settings import DatabaseUrl, KeySettings
from wablock.typed_secrets import secret
from wablock.wiring import routes_of

app = App(name="account")


@app.command(name="set")
def set_(
    account: Annotated[
        str, Parameter(help="The account (WhatsApp Business Account), as `wablock number add` names it.")
    ] = "default",
    *,
    app_secret: Annotated[
        str | None,
        secret(
            "WABLOCK_APP_SECRET",
            "The app secret that webhooks are signed with; =- reads it.",
            otherwise="--app-secret=-",
        ),
    ] = None,
    verify_token: Annotated[
        str | None,
        secret(
            "WABLOCK_VERIFY_TOKEN",
            "What Meta says in the handshake, as you chose it; =- reads it.",
            otherwise="--verify-token=-",
        ),
    ] = None,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Set the app secret (kept encrypted) and the verify token (kept as its SHA-256). What is not said stays.

    A flag is seen by other users of the machine: write --app-secret=- to have it read from standard input, or use the
    variable.
    """
    if app_secret is None and verify_token is None:
        raise Refused("Say --app-secret, --verify-token, or both")
    signed_with = None if app_secret is None else checked_secret(typed(app_secret, "--app-secret"), "--app-secret")
    token = None if verify_token is None else checked_secret(typed(verify_token, "--verify-token"), "--verify-token")

    async def work(routes: Routes) -> None:
        await routes.accounts.set(named(account, "ACCOUNT"), signed_with, token)

    on_store(database, lambda store: work(routes_of(store, key)))
    done = [name for name, value in (("app_secret", signed_with), ("verify_token", token)) if value is not None]
    if json:
        print_json({"account_id": account, "set": done})
    else:
        say(f"Set {' and '.join(done).replace('_', ' ')} of account {account}.")
