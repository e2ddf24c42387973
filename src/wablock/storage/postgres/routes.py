"""Downstreams and upstreams, on PostgreSQL. See `DownstreamStore` and `UpstreamStore`."""

from collections.abc import Sequence
from typing import Final

from wablock.gate.ports import MOST_SET_BY_TOKENS, SealedDownstream, SealedUpstream
from wablock.storage.postgres.directory import is_revoked
from wablock.storage.postgres.sessions import Connection

_NUL: Final = "\0"  # PostgreSQL's text cannot contain it, but requests can

_LISTS = "SELECT list_id FROM account_list WHERE account_id = $1"

_DOWNSTREAM: Final = (
    "downstream_id, phone_number_id, account_id, url, secret, headers, timeout_ms, required, may_be_inside, "
    "created_at, account_events, set_by"
)
_DOWNSTREAMS = f"""
SELECT {_DOWNSTREAM} FROM downstream WHERE phone_number_id = $1 ORDER BY created_at, downstream_id
"""
_ACCOUNT_DOWNSTREAMS = f"""
SELECT {_DOWNSTREAM} FROM downstream WHERE phone_number_id = ANY($1) AND account_id = $2
ORDER BY created_at, downstream_id
"""
# Only for a number of the account: no account may receive another's webhooks. The number is locked, so that it is
# not removed at the same time.
_HOLD_NUMBER = "SELECT 1 FROM phone_number WHERE phone_number_id = $1 AND account_id = $2 FOR UPDATE"
_COUNT_SET_BY_TOKENS = "SELECT count(*) FROM downstream WHERE phone_number_id = $1 AND set_by IS NOT NULL"
_ADD_DOWNSTREAM = """
INSERT INTO downstream (
  phone_number_id, downstream_id, account_id, url, secret, headers, timeout_ms, required, may_be_inside, created_at,
  account_events, set_by
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (phone_number_id, downstream_id) DO NOTHING
"""
_REMOVE_DOWNSTREAM = """
DELETE FROM downstream WHERE phone_number_id = $1 AND downstream_id = $2 RETURNING downstream_id
"""

_UPSTREAM: Final = "phone_number_id, account_id, url, token, timeout_ms, may_be_inside, created_at, set_by"
_FIND_UPSTREAM = f"SELECT {_UPSTREAM} FROM upstream WHERE phone_number_id = $1"
_ACCOUNT_UPSTREAMS = f"""
SELECT {_UPSTREAM} FROM upstream WHERE phone_number_id = ANY($1) AND account_id = $2 ORDER BY phone_number_id
"""
_SET_UPSTREAM = f"""
INSERT INTO upstream ({_UPSTREAM}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (phone_number_id) DO UPDATE SET
  account_id = excluded.account_id, url = excluded.url, token = excluded.token, timeout_ms = excluded.timeout_ms,
  may_be_inside = excluded.may_be_inside, created_at = excluded.created_at, set_by = excluded.set_by
"""
_REMOVE_UPSTREAM = "DELETE FROM upstream WHERE phone_number_id = $1 RETURNING phone_number_id"


async def downstreams(connection: Connection, phone_number_id: str) -> Sequence[SealedDownstream]:
    return [SealedDownstream(*row) for row in await connection.fetch(_DOWNSTREAMS, phone_number_id)]


async def account_downstreams(connection: Connection, account_id: str) -> Sequence[SealedDownstream]:
    lists = [list_id for (list_id,) in await connection.fetch(_LISTS, account_id)]
    return [SealedDownstream(*row) for row in await connection.fetch(_ACCOUNT_DOWNSTREAMS, lists, account_id)]


async def add_downstream(connection: Connection, it: SealedDownstream) -> bool:
    async with connection.transaction():
        if await connection.fetchval(_HOLD_NUMBER, it.phone_number_id, it.account_id) is None:
            return False
        if await is_revoked(connection, it.set_by):
            return False
        if it.set_by is not None and await _set_by_tokens(connection, it.phone_number_id) >= MOST_SET_BY_TOKENS:
            return False
        values = it.downstream_id, it.account_id, it.url, it.secret, it.headers, it.timeout_ms, it.required
        rest = it.may_be_inside, it.created_at, it.account_events, it.set_by
        await connection.execute(_ADD_DOWNSTREAM, it.phone_number_id, *values, *rest)
    return True


async def remove_downstream(connection: Connection, phone_number_id: str, downstream_id: str) -> bool:
    if _NUL in downstream_id:
        return False
    return await connection.fetchval(_REMOVE_DOWNSTREAM, phone_number_id, downstream_id) is not None


async def find_upstream(connection: Connection, phone_number_id: str) -> SealedUpstream | None:
    row = await connection.fetchrow(_FIND_UPSTREAM, phone_number_id)
    return None if row is None else SealedUpstream(*row)


async def account_upstreams(connection: Connection, account_id: str) -> Sequence[SealedUpstream]:
    lists = [list_id for (list_id,) in await connection.fetch(_LISTS, account_id)]
    return [SealedUpstream(*row) for row in await connection.fetch(_ACCOUNT_UPSTREAMS, lists, account_id)]


async def set_upstream(connection: Connection, it: SealedUpstream) -> bool:
    async with connection.transaction():
        if await connection.fetchval(_HOLD_NUMBER, it.phone_number_id, it.account_id) is None:
            return False
        if await is_revoked(connection, it.set_by):
            return False
        values = it.account_id, it.url, it.token, it.timeout_ms, it.may_be_inside, it.created_at, it.set_by
        await connection.execute(_SET_UPSTREAM, it.phone_number_id, *values)
    return True


async def remove_upstream(connection: Connection, phone_number_id: str) -> bool:
    return await connection.fetchval(_REMOVE_UPSTREAM, phone_number_id) is not None


async def _set_by_tokens(connection: Connection, phone_number_id: str) -> int:
    count: int = await connection.fetchval(_COUNT_SET_BY_TOKENS, phone_number_id)
    return count
