"""The events of lists on SQLite. See `EventStore`."""

from collections.abc import Sequence
from typing import Final

import apsw

from wablock.block_list.event_chain import ChainEnd, EventLog, NewEvent
from wablock.block_list.event_store import Chain, Span
from wablock.block_list.events import StoredEvent
from wablock.block_list.list_rows import Head
from wablock.block_list.ports import Microseconds
from wablock.storage.sqlite.writes import BatchWriter

_ENDS: Final = (
    "list_id, coalesce(former_account_id, account_id), oldest_at, oldest_hash, event_at, event_hash, "
    "former_account_id IS NOT NULL"
)
# Two selects: with OR, SQLite would read the lists of all accounts.
_CHAINS = f"""
SELECT {_ENDS} FROM block_list WHERE account_id = +?1 AND event_at > 0
UNION ALL
SELECT {_ENDS} FROM block_list WHERE former_account_id = +?1 AND event_at > 0
ORDER BY list_id
"""
_ALL_CHAINS = f"SELECT {_ENDS} FROM block_list WHERE event_at > 0 ORDER BY list_id"
_CHAIN_OF = f"SELECT {_ENDS} FROM block_list WHERE list_id = +? AND event_at > 0"
_LISTS_WITH_EVENTS = "SELECT DISTINCT CAST(list_id AS BLOB) FROM event ORDER BY list_id"
# Text is read as bytes: an event that others have changed may have bytes that are not UTF-8.
_COLUMNS: Final = "at, CAST(batch_id AS BLOB), CAST(text AS BLOB), hash, commitment"
_IN_SPAN: Final = "list_id = +?1 AND at >= +?2 AND at <= +?3"
_NEWEST = f"SELECT {_COLUMNS} FROM event INDEXED BY event_chain WHERE {_IN_SPAN} ORDER BY at DESC LIMIT ?4"
_OLDEST = f"SELECT {_COLUMNS} FROM event INDEXED BY event_chain WHERE {_IN_SPAN} ORDER BY at LIMIT ?4"
_NEWEST_OF_BATCH = (
    f"SELECT {_COLUMNS} FROM event INDEXED BY event_batch WHERE {_IN_SPAN} AND batch_id = +?5 ORDER BY at DESC LIMIT ?4"
)
_OLDEST_OF_BATCH = (
    f"SELECT {_COLUMNS} FROM event INDEXED BY event_batch WHERE {_IN_SPAN} AND batch_id = +?5 ORDER BY at LIMIT ?4"
)
_LISTS_WITH_OLD = """
SELECT list_id FROM block_list
WHERE event_at > oldest_at AND EXISTS (SELECT 1 FROM event WHERE event.list_id = block_list.list_id AND at < +?)
"""
_OLD = "SELECT at, hash FROM event WHERE list_id = +? AND at < +? ORDER BY at LIMIT ?"
_DELETE = "DELETE FROM event WHERE list_id = +? AND at <= +?"
_SET_OLDEST = "UPDATE block_list SET oldest_at = ?, oldest_hash = ? WHERE list_id = +?"
_ADD = "INSERT INTO event (list_id, at, batch_id, text, hash) VALUES (?, ?, ?, ?, ?)"
_HEAD = "SELECT account_id, version, size, NULL, event_at, event_hash FROM block_list WHERE list_id = +?"
_SET_NEWEST = "UPDATE block_list SET event_at = ?, event_hash = ? WHERE list_id = +?"


def chains(connection: apsw.Connection, account_id: str | None) -> Sequence[Chain]:
    rows = connection.execute(_ALL_CHAINS) if account_id is None else connection.execute(_CHAINS, (account_id,))
    return [_chain(*row) for row in rows]


def chain(connection: apsw.Connection, list_id: str) -> Chain | None:
    row = connection.execute(_CHAIN_OF, (list_id,)).fetchone()
    return None if row is None else _chain(*row)


def lists_with_events(connection: apsw.Connection) -> Sequence[str]:
    return [list_id.decode(errors="replace") for (list_id,) in connection.execute(_LISTS_WITH_EVENTS)]


def events(connection: apsw.Connection, list_id: str, span: Span) -> Sequence[StoredEvent]:
    bindings: tuple[object, ...] = list_id, span.after + 1, span.before - 1, span.most
    if span.batch_id is None:
        statement = _NEWEST if span.is_newest_first else _OLDEST
    else:
        statement = _NEWEST_OF_BATCH if span.is_newest_first else _OLDEST_OF_BATCH
        bindings = (*bindings, span.batch_id)
    return [
        StoredEvent(list_id, at, _text(batch_id), _text(text), digest, commitment)
        for at, batch_id, text, digest, commitment in connection.execute(statement, bindings)
    ]


def delete_events(writer: BatchWriter, before: Microseconds, most: int) -> int:
    left = most
    with writer.transaction() as connection:
        for (list_id,) in connection.execute(_LISTS_WITH_OLD, (before,)).fetchall():
            old = connection.execute(_OLD, (list_id, before, left)).fetchall()
            if old:
                connection.execute(_DELETE, (list_id, old[-1][0]))
                connection.execute(_SET_OLDEST, (*old[-1], list_id))
            left -= len(old)
            if not left:
                break
    return most - left


def add(connection: apsw.Connection, list_id: str, new: NewEvent) -> None:
    """Add an event to the chain of a list, within a transaction."""
    row = connection.execute(_HEAD, (list_id,)).fetchone()
    if row is None:
        return
    head = Head(*row)
    log = EventLog(list_id, head)
    log.add(new.event, new.at)
    for it in log.written:
        connection.execute(_ADD, (it.list_id, it.at, it.batch_id, it.text, it.hash))
    connection.execute(_SET_NEWEST, (head.event_at, head.event_hash, list_id))


def _text(stored: bytes | None) -> str | None:
    return None if stored is None else stored.decode(errors="surrogateescape")


def _chain(
    list_id: str,
    account_id: str,
    oldest_at: Microseconds,
    oldest_hash: bytes,
    newest_at: Microseconds,
    newest_hash: bytes,
    is_deleted: int,
) -> Chain:
    oldest, newest = ChainEnd(oldest_at, oldest_hash), ChainEnd(newest_at, newest_hash)
    return Chain(list_id, account_id, oldest, newest, bool(is_deleted))
