"""Changes of several lists in the same few round trips, each list in a transaction of its own.

The rows of all lists are read without a lock, and the changes are applied here. One call writes all lists, and skips a
list that has changed since it was read. Such a list is locked and read again; see `lists`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from wablock.block_list.changes import Block
from wablock.block_list.list_changes import DropExpired, Rekey, names_of
from wablock.block_list.list_rows import Head
from wablock.block_list.list_state import ListState
from wablock.block_list.meanings import Meaning
from wablock.block_list.ports import Listed, Microseconds, Outcome
from wablock.storage.postgres.checks import Name
from wablock.storage.postgres.lists import COLUMNS, Batch
from wablock.storage.postgres.sessions import Connection

# Read before the rows: they are correct as long as the list has this revision.
_HEADS = """
SELECT list.list_id, list.account_id, list.version, list.size, list.next_expiry, list.event_at, list.event_hash,
       list.writers, list.revision, allowing.list_id IS NOT NULL
FROM block_list AS list
LEFT JOIN attachment AS allowing ON allowing.account_id = list.account_id
  AND allowing.phone_number_id IN ('', list.list_id) AND allowing.kind = 'allow'
WHERE list.list_id = ANY($1)
"""
_MEANINGS = """
SELECT known.account_id, known.alias, known.identity, known.wa_id
FROM unnest($1::text[], $2::text[]) AS wanted (account_id, alias)
JOIN identity_alias AS known ON known.account_id = wanted.account_id AND known.alias = wanted.alias
"""
# ANY: see checks.py.
_ROWS = f"""
SELECT block.list_id, {", ".join(f"block.{column}" for column in COLUMNS)}
FROM unnest($1::text[], $2::text[]) AS wanted (list_id, identity)
JOIN blocked_user AS block ON block.list_id = wanted.list_id AND block.identity = wanted.identity
WHERE block.list_id = ANY($3::text[])
"""
_WRITE = "CALL wablock_write_lists_3($1, $2, $3, NULL)"

_MOST_USERS: Final = 1_000  # a list with more changes is written alone, and does not delay others

Outcomes: TypeAlias = Sequence[Outcome | Exception]


class _Snapshot(msgspec.Struct, frozen=True):
    """A list as it was read."""

    account_id: str
    head: Head
    writers: Sequence[int]
    revision: int
    has_allow_lists: bool


def may_share(batch: Batch) -> bool:
    """Whether the batch can be decided without a lock.

    It needs no last-inbound times, no stored outcomes of requests with a key, and not too many rows.
    """
    changes = batch.changes
    if any(getattr(it, "key", None) is not None for it in changes):
        return False
    if any(isinstance(it, Rekey) or (isinstance(it, Block) and it.written_since is not None) for it in changes):
        return False
    return sum(len(getattr(change, "members", "1")) for change in changes) <= _MOST_USERS


async def write(connection: Connection, batches: Sequence[Batch]) -> Sequence[Outcomes | None]:
    """For each batch the outcomes of its changes, durable on return; None if its list must be locked."""
    heads = await _heads(connection, batches)
    open_ = [batch for batch in batches if _is_quiet(batch, heads.get(batch.list_id))]
    results = await _write(connection, open_, heads) if open_ else {}
    return [results.get(batch.list_id) for batch in batches]


async def _write(
    connection: Connection, batches: Sequence[Batch], heads: Mapping[str, _Snapshot]
) -> dict[str, Outcomes | None]:
    meanings = await _meanings(connection, batches, heads)
    rows = await _rows(connection, batches, heads, meanings)
    written, decided = [], []
    for batch in batches:
        snapshot = heads[batch.list_id]
        state = ListState(batch.list_id, snapshot.head, beside_older=batch.beside_older)
        state.meanings = meanings[snapshot.account_id]
        state.load((), rows[batch.list_id])
        number, outcomes = batch.decide(state)
        decided.append((batch, number, outcomes))
        written.append(_written(state, batch.writers(snapshot.writers, number)))
    revisions = [heads[batch.list_id].revision for batch in batches]
    list_ids = [batch.list_id for batch in batches]
    were_written = await connection.fetchval(_WRITE, list_ids, revisions, msgspec.json.encode(written).decode())
    results: dict[str, Outcomes | None] = {}
    for batch, number, outcomes in decided:
        was_written = batch.list_id in were_written
        if not was_written:
            batch.discard(number)
        results[batch.list_id] = outcomes if was_written else None
    return results


async def _heads(connection: Connection, batches: Sequence[Batch]) -> dict[str, _Snapshot]:
    rows = await connection.fetch(_HEADS, [batch.list_id for batch in batches])
    return {row[0]: _Snapshot(row[1], Head(*row[1:7]), *row[7:]) for row in rows}


def _is_quiet(batch: Batch, snapshot: _Snapshot | None) -> bool:
    """Whether the list exists, has no expired rows and no allow lists, and no earlier attempt of the batch was made.

    Expired rows are deleted under the lock. An interrupted attempt did not wait for the standby. So its outcome
    is returned after locking: the lock is a write, and its commit waits.
    """
    if snapshot is None or snapshot.has_allow_lists or batch.done(snapshot.writers) is not None:
        return False
    until = snapshot.head.next_expiry
    return until is None or all(until > it.at and not isinstance(it, DropExpired) for it in batch.changes)


async def _meanings(
    connection: Connection, batches: Sequence[Batch], heads: Mapping[str, _Snapshot]
) -> Mapping[str, Mapping[str, Meaning]]:
    """The meanings of the user_ids of the changes, by account."""
    meanings: dict[str, dict[str, Meaning]] = {heads[batch.list_id].account_id: {} for batch in batches}
    names = {
        (heads[batch.list_id].account_id, member.user_id)
        for batch in batches
        for change in batch.changes
        for member in getattr(change, "members", ())
        if member.user_id is not None
    }
    if names:
        for account_id, alias, *meaning in await connection.fetch(_MEANINGS, *_columns(names)):
            meanings[account_id][alias] = meaning[0], meaning[1]
    return meanings


async def _rows(
    connection: Connection,
    batches: Sequence[Batch],
    heads: Mapping[str, _Snapshot],
    meanings: Mapping[str, Mapping[str, Meaning]],
) -> Mapping[str, Sequence[Listed]]:
    """The rows that the changes may touch, by list."""
    rows: dict[str, list[Listed]] = {batch.list_id: [] for batch in batches}
    names: set[Name] = {
        (batch.list_id, name)
        for batch in batches
        for change in batch.changes
        for name in names_of(change, meanings[heads[batch.list_id].account_id])
    }
    if names:
        list_ids, identities = _columns(names)
        for list_id, *row in await connection.fetch(_ROWS, list_ids, identities, list(rows)):
            rows[list_id].append(Listed(*row))
    return rows


def _written(state: ListState, writers: Sequence[int]) -> dict[str, Any]:
    """The part of the call's argument for one list, without empty members."""
    wrote: list[dict[str, str | Microseconds]] = [
        {"identity": identity, "at": at} for identity, at in sorted(state.wrote.items())
    ]
    written = {"removed": state.removed, "rows": state.written, "wrote": wrote, "events": state.events.written}
    if state.has_changed:
        written |= {"head": state.head, "writers": writers}
    return {name: value for name, value in written.items() if value}


def _columns(names: set[Name]) -> tuple[list[str], list[str]]:
    firsts, seconds = zip(*names, strict=True)
    return list(firsts), list(seconds)
