"""`wablock token`: the access tokens of a database."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from wablock import access
from wablock.access import AccessToken, Scope
from wablock.block_list.rules import SECOND
from wablock.cli.arguments import Refused, not_blank
from wablock.cli.databases import on_store
from wablock.cli.expiry import ExpiresInDays, Until, expiry
from wablock.cli.number_names import number_id_of
from wablock.cli.options import DEFAULT_ACCOUNT, Json, flag, option
from wablock.cli.output import print_json, say
from wablock.cli.secrets import checked_secret, secret_in
from wablock.cli.tables import show, time_text
from wablock.gate.routes import RemovedRoutes
from wablock.server.endpoints.tokens import token_info
from wablock.settings import DatabaseUrl, KeySettings
from wablock.storage import Store
from wablock.wiring import routes_of, subscriptions_of, system_clock

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


@app.command
def create(
    *,
    account: Annotated[
        str | None, option("Account of the token. Default: the account of --number, otherwise default.")
    ] = None,
    label: Annotated[str, option("Purpose of the token; stored as the author of blocks.")] = "token",
    scope: Annotated[
        list[Scope] | None, option("What the token allows; may be repeated. Default: read and write.")
    ] = None,
    number: Annotated[
        list[str] | None, option("Id or name of a number that the token may use; may be repeated. Default: all.")
    ] = None,
    until: Until = None,
    expires_in_days: ExpiresInDays = None,
    from_stdin: Annotated[
        bool, flag("Register an existing token of an application, which is read from standard input.")
    ] = False,
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Create a token and print it once; only its SHA-256 is stored."""
    now = system_clock()
    expires_at = expiry(until, expires_in_days, now / SECOND)
    if expires_at is not None and expires_at * SECOND <= now:
        raise Refused(f"--until {until!r} must be in the future")
    text = _typed_token() if from_stdin else access.random_token()

    async def work(store: Store) -> AccessToken:
        ids = [await number_id_of(store, it, "--number", account=account) for it in number or ()]
        numbers = frozenset(ids) if number else None
        token = AccessToken(
            access.digest(text),
            await _account_of(store, account, numbers or frozenset()),
            not_blank(label, "--label"),
            frozenset(scope or (Scope.READ, Scope.WRITE)),
            numbers,
            now,
            None if expires_at is None else expires_at * SECOND,
        )
        if not await store.add_token(token):
            raise Refused("This token already exists")
        return token

    token = on_store(database, work)
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
            "Also revoke all tokens that it created, directly or indirectly, and remove the receivers, "
            "upstreams and subscriptions that any of them set. The token itself may already be revoked.",
        ),
    ] = False,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Revoke a token. Every server refuses it within a second."""

    async def work(store: Store) -> tuple[AccessToken, Sequence[AccessToken], RemovedRoutes, Sequence[str]]:
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
            return token, [token], RemovedRoutes(), ()
        revoked = await access.revoke_with_made(store, token, now)
        makers = {it.digest for it in revoked}
        routes = await routes_of(store, key).remove_set_by(token.account_id, makers)
        return token, revoked, routes, await subscriptions_of(store, key).remove_set_by(token.account_id, makers)

    token, revoked, removed, subscription_ids = on_store(database, work)
    if json:
        made = {"made": [_row(it) for it in revoked[1:]], "subscription_ids": list(subscription_ids)}
        print_json(_row(token) | (made | msgspec.structs.asdict(removed) if with_made else {}))
        return
    say(f"Revoked token {token.token_id} ({token.label}).")
    for it in revoked[1:]:
        say(f"Revoked token {it.token_id} ({it.label}), created by {access.token_id_of(it.made_by or b'')}.")
    for downstream_id in removed.downstream_ids:
        say(f"Removed downstream {downstream_id}.")
    for phone_number_id in removed.upstreams_of:
        say(f"Removed the upstream of number {phone_number_id}.")
    for subscription_id in subscription_ids:
        say(f"Removed subscription {subscription_id}.")


def _typed_token() -> str:
    text = secret_in("-", "--from-stdin")
    if len(text) < _SHORTEST or not access.is_token(text):
        raise Refused(f"A token must have {_SHORTEST} to 1,024 printable ASCII characters, without spaces")
    return checked_secret(text, "The token")


async def _account_of(store: Store, account: str | None, numbers: AbstractSet[str]) -> str:
    """The account of a token for `numbers`; raises `Refused` if it has not all of them: they could not be used."""
    if account is not None:
        not_blank(account, "--account")
    accounts = {it.phone_number_id: it.account_id for it in await store.numbers()}
    for number in sorted(numbers):
        if number not in accounts:
            raise Refused(f"The number {number} does not exist: add it with wablock number add {number}")
        account = accounts[number] if account is None else account
        if accounts[number] != account:
            raise Refused(f"The number {number} is not in account {account}: add --account {accounts[number]}")
    if account not in (None, *accounts.values()) and await store.find_account(account or "") is None:
        raise Refused(f"The account {account} does not exist: add a number to it with wablock number add")
    return account or DEFAULT_ACCOUNT


def _row(token: AccessToken) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(token_info(token))
    return row | {"account_id": token.account_id}
