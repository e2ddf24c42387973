"""The events of lists on PostgreSQL. See `EventStore`. In a cluster, every statement but three is of one list."""

from collections.abc import Sequence
from typing import Any, Final

from wablock.block_list.event_chain import ChainEnd, EventLog, NewEvent
from wablock.block_list.event_store import Chain, Span
from wablock.block_list.events import StoredEvent
from wablock.block_list.list_rows import Head
from wablock.block_list.ports import Microseconds
from wablock.storage.postgres.sessions import Connection

_ENDS: Final = (
    "list_id, coalesce(former_account_id, account_id), oldest_at, oldest_hash, event_at, event_hash, "
    "former_account_id IS NOT NULL"
)
_LISTS = "SELECT list_id FROM account_list WHERE account_id = $1 ORDER BY list_id"
_ALL_LISTS = "SELECT DISTINCT list_id FROM account_list ORDER BY list_id"
_CHAINS = f"""
SELECT {_ENDS} FROM block_list
WHERE list_id = ANY($1) AND event_at > 0 AND ($2::text IS NULL OR account_id = $2 OR former_account_id = $2)
"""
_CHAIN_OF = f"SELECT {_ENDS} FROM block_list WHERE list_id = $1 AND event_at > 0"
_LISTS_WITH_EVENTS = "SELECT DISTINCT list_id FROM event ORDER BY list_id"
_COLUMNS: Final = "list_id, at, batch_id, text, hash, commitment"
_IN_SPAN: Final = "list_id = $1 AND at >= $2 AND at <= $3"
_NEWEST = f"SELECT {_COLUMNS} FROM event WHERE {_IN_SPAN} ORDER BY at DESC LIMIT $4"
_OLDEST = f"SELECT {_COLUMNS} FROM event WHERE {_IN_SPAN} ORDER BY at LIMIT $4"
_NEWEST_OF_BATCH = f"SELECT {_COLUMNS} FROM event WHERE {_IN_SPAN} AND batch_id = $5 ORDER BY at DESC LIMIT $4"
_OLDEST_OF_BATCH = f"SELECT {_COLUMNS} FROM event WHERE {_IN_SPAN} AND batch_id = $5 ORDER BY at LIMIT $4"
_LISTS_WITH_OLD = """
SELECT list_id FROM block_list WHERE list_id = ANY($1) AND event_at > oldest_at
  AND EXISTS (
    SELECT 1 FROM event WHERE event.list_id = ANY($1) AND event.list_id = block_list.list_id AND event.at < $2
  )
"""
_LOCK = (
    "SELECT account_id, version, size, next_expiry, event_at, event_hash FROM block_list WHERE list_id = $1 FOR UPDATE"
)
_OLD = "SELECT at, hash FROM event WHERE list_id = $1 AND at < $2 ORDER BY at LIMIT $3"
_DELETE = "DELETE FROM event WHERE list_id = $1 AND at <= $2"
_SET_OLDEST = "UPDATE block_list SET oldest_at = $2, oldest_hash = $3 WHERE list_id = $1"
_ADD = "INSERT INTO event (list_id, at, batch_id, text, hash) VALUES ($1, $2, $3, $4, $5)"
# The revision shows other nodes that the chain has grown.
_SET_NEWEST = "UPDATE block_list SET event_at = $2, event_hash = $3, revision = revision + 1 WHERE list_id = $1"


async def lists(connection: Connection, account_id: str | None) -> list[str]:
    """The lists of an account, or of all, and those that it had."""
    rows = connection.fetch(_ALL_LISTS) if account_id is None else connection.fetch(_LISTS, account_id)
    return [list_id for (list_id,) in await rows]


async def chains(connection: Connection, account_id: str | None, list_ids: Sequence[str]) -> list[Chain]:
    return [_chain(*row) for row in await connection.fetch(_CHAINS, list_ids, account_id)]


async def chain(connection: Connection, list_id: str) -> Chain | None:
    row = await connection.fetchrow(_CHAIN_OF, list_id)
    return None if row is None else _chain(*row)


async def lists_with_events(connection: Connection) -> list[str]:
    return [list_id for (list_id,) in await connection.fetch(_LISTS_WITH_EVENTS)]


async def events(connection: Connection, list_id: str, span: Span) -> Sequence[StoredEvent]:
    bindings: tuple[Any, ...] = list_id, span.after + 1, span.before - 1, span.most
    if span.batch_id is None:
        statement = _NEWEST if span.is_newest_first else _OLDEST
    else:
        statement = _NEWEST_OF_BATCH if span.is_newest_first else _OLDEST_OF_BATCH
        bindings = (*bindings, span.batch_id)
    return [StoredEvent(*row) for row in await connection.fetch(statement, *bindings)]


async def lists_with_old(connection: Connection, list_ids: Sequence[str], before: Microseconds) -> list[str]:
    return [list_id for (list_id,) in await connection.fetch(_LISTS_WITH_OLD, list_ids, before)]


async def delete_old(connection: Connection, list_id: str, before: Microseconds, most: int) -> int:
    """Delete the oldest events of one list. Several nodes may do it at the same time."""
    async with connection.transaction():
        await connection.fetchrow(_LOCK, list_id)
        old = await connection.fetch(_OLD, list_id, before, most)
        if old:
            last_at, last_hash = old[-1]
            await connection.execute(_DELETE, list_id, last_at)
            await connection.execute(_SET_OLDEST, list_id, last_at, last_hash)
    return len(old)


async def add(connection: Connection, list_id: str, new: NewEvent) -> None:
    """Add an event to the chain of a list, within a transaction."""
    row = await connection.fetchrow(_LOCK, list_id)
    if row is None:
        return
    head = Head(*row)
    log = EventLog(list_id, head)
    log.add(new.event, new.at)
    await connection.executemany(_ADD, [(list_id, it.at, it.batch_id, it.text, it.hash) for it in log.written])
    await connection.execute(_SET_NEWEST, list_id, head.event_at, head.event_hash)


def _chain(
    list_id: str,
    account_id: str,
    oldest_at: Microseconds,
    oldest_hash: bytes,
    newest_at: Microseconds,
    newest_hash: bytes,
    is_deleted: bool,  # noqa: FBT001
) -> Chain:
    return Chain(list_id, account_id, ChainEnd(oldest_at, oldest_hash), ChainEnd(newest_at, newest_hash), is_deleted)
