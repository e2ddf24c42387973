"""`wablock token`: the access tokens of a database."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from wablock import access
from wablock.access import AccessToken, Scope
from wablock.block_list.ports import Microseconds
from wablock.block_list.rules import SECOND
from wablock.cli.console import Refused, checked_number_id, not_blank, print_json, say, show, time_text
from wablock.cli.databases import on_store
from wablock.cli.options import Json, flag, option
from wablock.cli.secrets import checked_secret
from wablock.gate.routes import RemovedRoutes
from wablock.server.endpoints.tokens import token_info
from wablock.settings import DatabaseUrl, KeySettings
from wablock.storage import Store
from wablock.wiring import routes_of, system_clock

app = App(name="token")

_COLUMNS = (
    "token_id",
    "label",
    "account_id",
    "scopes",
    "phone_number_ids",
    "made_by",
    "created_at",
    "expires_at",
    "revoked_at",
)
_SHORTEST = 16  # characters: a token is stored as one fast hash, which is safe only for long random texts

_MOST_DAYS = 36_500


@app.command
def create(
    *,
    account: Annotated[str, option("ACCOUNT", "Account of the token.")] = "default",
    label: Annotated[str, option("LABEL", "Purpose of the token; stored as the author of blocks.")] = "token",
    scope: Annotated[
        list[Scope] | None, option("SCOPE", "What the token allows; may be repeated. Default: read and write.")
    ] = None,
    number: Annotated[
        list[str] | None, option("NUMBER", "Number id that the token may use; may be repeated. Default: all.")
    ] = None,
    expires_in_days: Annotated[
        float | None, option("EXPIRES_IN_DAYS", "Days until the token expires. Default: never.")
    ] = None,
    from_stdin: Annotated[
        bool, flag("FROM_STDIN", "Register an existing token of an application, which is read from standard input.")
    ] = False,
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Create a token and print it once; only its SHA-256 is stored."""
    now = system_clock()
    expires_at = None if expires_in_days is None else _expiry(now, expires_in_days)
    text = _typed_token() if from_stdin else access.random_token()
    token = AccessToken(
        access.digest(text),
        not_blank(account, "--account"),
        not_blank(label, "--label"),
        frozenset(scope or (Scope.READ, Scope.WRITE)),
        frozenset(map(checked_number_id, number)) if number else None,
        now,
        expires_at,
    )
    if not on_store(database, lambda store: store.add_token(token)):
        raise Refused("This token already exists")
    if json:
        print_json(_row(token) | ({} if from_stdin else {"token": text}))
    elif from_stdin:
        say(f"Registered token {token.token_id} ({label}).")
    else:
        say(f"Created token {token.token_id} ({label}). Copy it now, it is shown only once:", "", text)


@app.command(name="list")
def list_(*, database: DatabaseUrl = None, json: Json = False) -> None:
    """List the tokens and what they allow, without their values."""
    tokens = on_store(database, lambda store: store.tokens())
    rows = [_row(token) for token in tokens]
    if not json:
        rows = [row | {name: time_text(row[name]) for name in row if name.endswith("_at")} for row in rows]
    show(rows, _COLUMNS, as_json=json, empty="No tokens yet: wablock token create")


@app.command
def revoke(
    token_id: Annotated[str, Parameter(help="The token_id, or a label that only one token has.")],
    *,
    with_made: Annotated[
        bool,
        flag(
            "WITH_MADE",
            "Also revoke all tokens that it created, directly or indirectly, and remove the receivers and "
            "upstreams that any of them set. The token itself may already be revoked.",
        ),
    ] = False,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Revoke a token. Every server refuses it within a second."""

    async def work(store: Store) -> tuple[AccessToken, Sequence[AccessToken], RemovedRoutes]:
        tokens = await store.tokens()
        unrevoked = [token for token in tokens if token.revoked_at is None]
        matching = [token for token in (tokens if with_made else unrevoked) if token.token_id == token_id]
        matching = matching or [token for token in unrevoked if token.label == token_id]
        if len(matching) != 1:
            raise Refused(
                f"{len(matching) or 'No'} unrevoked tokens have the id or label {token_id!r}: see wablock token list"
            )
        token, now = matching[0], system_clock()
        if not with_made:
            await store.revoke_token(token.digest, now)
            return token, [token], RemovedRoutes()
        revoked = await access.revoke_with_made(store, token, now)
        makers = {it.digest for it in revoked}
        return token, revoked, await routes_of(store, key).remove_set_by(token.account_id, makers)

    token, revoked, removed = on_store(database, work)
    if json:
        created = {"made": [_row(it) for it in revoked[1:]]} | msgspec.structs.asdict(removed) if with_made else {}
        print_json(_row(token) | created)
        return
    say(f"Revoked token {token.token_id} ({token.label}).")
    for it in revoked[1:]:
        say(f"Revoked token {it.token_id} ({it.label}), created by {access.token_id_of(it.made_by or b'')}.")
    for downstream_id in removed.downstream_ids:
        say(f"Removed downstream {downstream_id}.")
    for phone_number_id in removed.upstreams_of:
        say(f"Removed the upstream of number {phone_number_id}.")


def _typed_token() -> str:
    text = sys.stdin.read().strip()
    if len(text) < _SHORTEST or not access.is_token(text):
        raise Refused(f"A token must have {_SHORTEST} to 1,024 printable ASCII characters, without spaces")
    return checked_secret(text, "The token")


def _expiry(now: Microseconds, days: float) -> Microseconds:
    if not 0 < days <= _MOST_DAYS:
        raise Refused(f"--expires-in-days {days} must be more than 0 and at most {_MOST_DAYS}")
    return now + int(days * 86_400 * SECOND)


def _row(token: AccessToken) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(token_info(token))
    return row | {"account_id": token.account_id}
