"""Accounts, business numbers and access tokens, on PostgreSQL. See `Directory`.

On Citus every shard has all accounts, tokens and rows of account_list; a number is on the shard of its list. So they
are written in separate transactions, ordered so that a crash between them leaves nothing in force.
"""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg
from msgspec import UNSET, UnsetType

from wablock.access import AccessToken, Scope
from wablock.block_list.ports import BusinessNumber, Microseconds, Rules
from wablock.business_numbers import NumberChanges
from wablock.failures import NumberNameTaken
from wablock.names import name_key
from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.sessions import Connection

_TOKEN: Final = "token_sha256, account_id, label, scopes, phone_number_ids, created_at, expires_at, revoked_at, made_by"
_FIND_TOKENS = f"SELECT {_TOKEN} FROM access_token WHERE token_sha256 = ANY($1)"
_TOKENS = (
    f"SELECT {_TOKEN} FROM access_token WHERE $1::text IS NULL OR account_id = $1 ORDER BY created_at, token_sha256"
)
_ADD_TOKEN = f"""
INSERT INTO access_token ({_TOKEN}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (token_sha256) DO NOTHING RETURNING token_sha256
"""
# The token's maker is locked: if it is revoked later, that transaction finds this token.
_HOLD_MAKER = "SELECT revoked_at FROM access_token WHERE token_sha256 = $1 FOR UPDATE"
_REVOKE_TOKEN = """
UPDATE access_token SET revoked_at = $2 WHERE token_sha256 = $1 AND revoked_at IS NULL RETURNING token_sha256
"""
_ADD_ACCOUNT = "INSERT INTO account (account_id, created_at) VALUES ($1, $2) ON CONFLICT (account_id) DO NOTHING"
_ADD_LIST = """
INSERT INTO account_list (account_id, list_id) VALUES ($1, $2) ON CONFLICT (account_id, list_id) DO NOTHING
"""
_LISTS = "SELECT DISTINCT list_id FROM account_list ORDER BY list_id"

_NUMBER: Final = "phone_number_id, account_id, wa_id, country, rules, name, waba_id, created_at"
_FIND_NUMBER = f"SELECT {_NUMBER} FROM phone_number WHERE phone_number_id = $1"
_NUMBERS = f"SELECT {_NUMBER} FROM phone_number WHERE phone_number_id = ANY($1) ORDER BY phone_number_id"
_ACCOUNT_NUMBERS = f"SELECT {_NUMBER} FROM phone_number WHERE account_id = $1 ORDER BY phone_number_id"
_ADD_NUMBER = f"""
INSERT INTO phone_number ({_NUMBER}, name_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (phone_number_id) DO NOTHING RETURNING phone_number_id
"""
_COMPLETE_NUMBER = f"""
UPDATE phone_number SET wa_id = COALESCE(wa_id, $3), country = COALESCE(country, $4)
WHERE phone_number_id = $1 AND account_id = $2 RETURNING {_NUMBER}
"""
_CHANGE_NUMBER = f"""
UPDATE phone_number SET
  wa_id = CASE WHEN $3 THEN $4 ELSE wa_id END,
  country = CASE WHEN $5 THEN $6 ELSE country END,
  rules = CASE WHEN $7 THEN $8 ELSE rules END,
  name = CASE WHEN $9 THEN $10 ELSE name END,
  name_key = CASE WHEN $9 THEN $11 ELSE name_key END,
  waba_id = CASE WHEN $12 THEN $13 ELSE waba_id END
WHERE phone_number_id = $1 AND account_id = $2 RETURNING {_NUMBER}
"""
_MAKE_LIST = """
INSERT INTO block_list (list_id, account_id, version, size, revision, writers) VALUES ($1, $2, 0, 0, 0, '{}')
ON CONFLICT (list_id) DO NOTHING
"""
_OWNER = "SELECT account_id FROM block_list WHERE list_id = $1"
_TAKE_LIST = """
INSERT INTO block_list (list_id, account_id, version, size, revision, writers) VALUES ($1, $2, 0, 0, 0, '{}')
ON CONFLICT (list_id) DO UPDATE SET account_id = excluded.account_id, revision = block_list.revision + 1
"""
# The row in account_list stays: another process may be adding the number again.
# The list of a removed number stays, empty and without an account. So a request that was accepted just before the
# removal fails, and cannot block for the number's next account. The list is locked first, as every writer does.
_GIVE_UP_LIST = """
INSERT INTO block_list (list_id, account_id, version, size, revision, writers) VALUES ($1, '', 0, 0, 0, '{}')
ON CONFLICT (list_id) DO UPDATE SET
  account_id = '', version = block_list.version + 1, size = 0, next_expiry = NULL, revision = block_list.revision + 1,
  event_at = 0, event_hash = '', oldest_at = 0, oldest_hash = ''
"""
_REMOVE_NUMBER = "DELETE FROM phone_number WHERE phone_number_id = $1 RETURNING account_id"
_REMOVE_REST = (
    "DELETE FROM blocked_user WHERE list_id = $1 AND seq > 0",
    "DELETE FROM event WHERE list_id = $1",
    "DELETE FROM answered_request WHERE list_id = $1",
    "DELETE FROM subscription_cursor WHERE list_id = $1",
    "DELETE FROM last_inbound WHERE phone_number_id = $1 AND at > 0",
    "DELETE FROM downstream WHERE phone_number_id = $1",
    "DELETE FROM upstream WHERE phone_number_id = $1",
)
_DETACH_ALL = "DELETE FROM attachment WHERE phone_number_id = $1"
_REMOVED_WITHIN: Final = 600.0  # seconds: a list of millions of rows is deleted in one transaction


async def find_tokens(connection: Connection, digests: Sequence[bytes]) -> Sequence[AccessToken | None]:
    """The token of each of `digests`."""
    by_digest = {row[0]: _token(*row) for row in await connection.fetch(_FIND_TOKENS, list(set(digests)))}
    return [by_digest.get(digest) for digest in digests]


async def find_numbers(connection: Connection, phone_number_ids: Sequence[str]) -> Sequence[BusinessNumber | None]:
    """The number of each of `phone_number_ids`."""
    by_id = {row[0]: _number(*row) for row in await connection.fetch(_NUMBERS, list(set(phone_number_ids)))}
    return [by_id.get(phone_number_id) for phone_number_id in phone_number_ids]


async def find_number(connection: Connection, phone_number_id: str) -> BusinessNumber | None:
    row = await connection.fetchrow(_FIND_NUMBER, phone_number_id)
    return None if row is None else _number(*row)


async def tokens(connection: Connection, account_id: str | None) -> Sequence[AccessToken]:
    return [_token(*row) for row in await connection.fetch(_TOKENS, account_id)]


async def numbers(connection: Connection, account_id: str | None) -> Sequence[BusinessNumber]:
    if account_id is not None:
        return [_number(*row) for row in await connection.fetch(_ACCOUNT_NUMBERS, account_id)]
    lists = [list_id for (list_id,) in await connection.fetch(_LISTS)]
    return [_number(*row) for row in await connection.fetch(_NUMBERS, lists)]


async def add_token(connection: Connection, token: AccessToken) -> bool:
    chosen = token.phone_number_ids
    values = token.digest, token.account_id, token.label, " ".join(sorted(token.scopes))
    times = token.created_at, token.expires_at, token.revoked_at, token.made_by
    async with connection.transaction():
        if await is_revoked(connection, token.made_by):
            return False
        await connection.execute(_ADD_ACCOUNT, token.account_id, token.created_at)
        added = await connection.fetchval(_ADD_TOKEN, *values, None if chosen is None else sorted(chosen), *times)
    return added is not None


async def is_revoked(connection: Connection, maker: bytes | None) -> bool:
    """Whether this token was revoked; if not, it cannot be revoked before the transaction ends."""
    return maker is not None and await connection.fetchval(_HOLD_MAKER, maker) is not None


async def revoke_token(connection: Connection, digest: bytes, at: Microseconds) -> bool:
    return await connection.fetchval(_REVOKE_TOKEN, digest, at) is not None


async def add_list(connection: Connection, account_id: str, list_id: str) -> None:
    """Add the list's row, and its row in account_list. The account of an existing list does not change."""
    await connection.execute(_ADD_LIST, account_id, list_id)
    await connection.execute(_MAKE_LIST, list_id, account_id)


async def owner(connection: Connection, list_id: str) -> str | None:
    """The account of the list; '' if it has none, None if there is no list."""
    account_id: str | None = await connection.fetchval(_OWNER, list_id)
    return account_id


async def add_number(connections: Connections, number: BusinessNumber, at: Microseconds) -> bool:
    texts = number.account_id, number.wa_id, number.country, number.rules, number.name, number.waba_id
    values = *texts, at, _key_of(number.name)

    async def add(connection: Connection) -> bool:
        try:
            async with connection.transaction():
                if await connection.fetchval(_ADD_NUMBER, number.phone_number_id, *values) is None:
                    return False
                await connection.execute(_TAKE_LIST, number.phone_number_id, number.account_id)
        except asyncpg.UniqueViolationError as error:
            raise NumberNameTaken(number.name or "") from error
        return True

    if await connections.run(lambda connection: find_number(connection, number.phone_number_id)) is not None:
        return False
    await connections.run(lambda connection: _know_list(connection, number, at))
    return await connections.run(add, again=False)


async def complete_number(connection: Connection, number: BusinessNumber) -> BusinessNumber | None:
    details = number.wa_id, number.country
    row = await connection.fetchrow(_COMPLETE_NUMBER, number.phone_number_id, number.account_id, *details)
    return None if row is None else _number(*row)


async def change_number(
    connection: Connection, number: BusinessNumber, changes: NumberChanges
) -> BusinessNumber | None:
    name = None if changes.name is UNSET else changes.name
    values = [*_change(changes.wa_id), *_change(changes.country), *_change(changes.rules), *_change(changes.name)]
    values += [_key_of(name), *_change(changes.waba_id)]
    try:
        row = await connection.fetchrow(_CHANGE_NUMBER, number.phone_number_id, number.account_id, *values)
    except asyncpg.UniqueViolationError as error:
        raise NumberNameTaken(name or "") from error
    return None if row is None else _number(*row)


async def remove_number(connections: Connections, phone_number_id: str) -> bool:
    async def remove(connection: Connection) -> str | None:
        async with connection.transaction():
            await connection.execute(_GIVE_UP_LIST, phone_number_id)
            for statement in _REMOVE_REST:
                await connection.execute(statement, phone_number_id)
            await connection.execute(_DETACH_ALL, phone_number_id)
            # Last: on Citus this locks the numbers of all accounts until the commit.
            account_id: str | None = await connection.fetchval(_REMOVE_NUMBER, phone_number_id)
        return account_id

    if await connections.run(lambda connection: find_number(connection, phone_number_id)) is None:
        return False
    return await connections.run(remove, again=False, within=_REMOVED_WITHIN) is not None


async def _know_list(connection: Connection, number: BusinessNumber, at: Microseconds) -> None:
    async with connection.transaction():
        await connection.execute(_ADD_ACCOUNT, number.account_id, at)
        await connection.execute(_ADD_LIST, number.account_id, number.phone_number_id)


def _token(
    digest: bytes, account_id: str, label: str, scopes: str, phone_number_ids: list[str] | None, *times: Any
) -> AccessToken:
    chosen = None if phone_number_ids is None else frozenset(phone_number_ids)
    return AccessToken(digest, account_id, label, frozenset(map(Scope, scopes.split())), chosen, *times)


def _number(
    phone_number_id: str, account_id: str, wa_id: str | None, country: str | None, rules: str | None, *rest: Any
) -> BusinessNumber:
    return BusinessNumber(phone_number_id, account_id, wa_id, country, None if rules is None else Rules(rules), *rest)


def _key_of(name: str | None) -> str | None:
    return None if name is None else name_key(name)


def _change(value: str | UnsetType | None) -> tuple[bool, str | None]:
    """Whether a column changes, and its new value."""
    return (False, None) if value is UNSET else (True, value)
