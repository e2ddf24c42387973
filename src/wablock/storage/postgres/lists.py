"""One list's changes in one transaction, under the lock of the list's row."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from wablock.block_list.changes import Block, Undo
from wablock.block_list.idempotency import AnsweredRequests
from wablock.block_list.list_changes import DropExpired, ListChange, Rekey, names_of
from wablock.block_list.list_rows import Head, first_in_force
from wablock.block_list.list_state import ListState
from wablock.block_list.meanings import Meaning
from wablock.block_list.ports import Listed, Member, Microseconds, Outcome
from wablock.block_list.shared_lists import is_own
from wablock.storage.postgres import answered_requests
from wablock.storage.postgres.linked_checks import links_of
from wablock.storage.postgres.sessions import Connection

# The lock is a write, so the commit waits for the standby even if nothing else is written. Then the outcome of an
# earlier attempt is durable, too.
_LOCK = """
SELECT account_id, version, size, next_expiry, event_at, event_hash, writers FROM block_list
WHERE list_id = $1 FOR UPDATE
"""
_MEANINGS = "SELECT alias, identity, wa_id FROM identity_alias WHERE account_id = $1 AND alias = ANY($2)"
_ALIASES = "SELECT alias, identity FROM identity_alias WHERE account_id = $1 AND identity = ANY($2)"
_ALLOW_LISTS = """
SELECT list_id, name FROM attachment WHERE account_id = $1 AND phone_number_id IN ('', $2) AND kind = 'allow'
"""
_ALLOWED = """
SELECT list_id, identity FROM blocked_user
WHERE list_id = ANY($1) AND identity = ANY($2) AND (expires_at IS NULL OR expires_at > $3)
"""
COLUMNS: Final = Listed.__struct_fields__
_COLUMNS: Final = ", ".join(COLUMNS)
_ROWS = f"SELECT {_COLUMNS} FROM blocked_user WHERE list_id = $1 AND identity = ANY($2)"
_WROTE_AT = "SELECT identity, at FROM last_inbound WHERE phone_number_id = $1 AND identity = ANY($2)"
_EXPIRED = "SELECT identity FROM blocked_user WHERE list_id = $1 AND expires_at <= $2 LIMIT $3"
# coalesce: without it, PostgreSQL would scan all expired rows.
_DROP_THESE = """
DELETE FROM blocked_user WHERE list_id = $1 AND coalesce(expires_at <= $2, false) AND identity = ANY($3) RETURNING seq
"""
_NEXT_EXPIRY = """
SELECT expires_at FROM blocked_user WHERE list_id = $1 AND expires_at IS NOT NULL ORDER BY expires_at LIMIT 1
"""
_REMOVE = "DELETE FROM blocked_user WHERE list_id = $1 AND identity = ANY($2)"
_OR_REPLACE: Final = """
ON CONFLICT (list_id, identity) DO UPDATE SET
  seq = excluded.seq, wa_id = excluded.wa_id, user_id = excluded.user_id, input = excluded.input,
  blocked_at = excluded.blocked_at, blocked_by = excluded.blocked_by, reason = excluded.reason, note = excluded.note,
  expires_at = excluded.expires_at, updated_at = excluded.updated_at, updated_by = excluded.updated_by,
  source = excluded.source, batch_id = excluded.batch_id
"""
_WRITE = f"""
INSERT INTO blocked_user (list_id, {_COLUMNS})
SELECT $1, unnest($2::text[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
       unnest($7::bigint[]), unnest($8::text[]), unnest($9::text[]), unnest($10::text[]), unnest($11::bigint[]),
       unnest($12::bigint[]), unnest($13::text[]), unnest($14::text[]), unnest($15::text[])
{_OR_REPLACE}"""
_WRITE_ONE = f"""
INSERT INTO blocked_user (list_id, {_COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
{_OR_REPLACE}"""
_OR_LATEST: Final = """
ON CONFLICT (phone_number_id, identity) DO UPDATE SET at = greatest(last_inbound.at, excluded.at)
"""
_NOTE_INBOUND = f"""
INSERT INTO last_inbound (phone_number_id, identity, at) SELECT $1, unnest($2::text[]), unnest($3::bigint[])
{_OR_LATEST}"""
_NOTE_ONE = f"INSERT INTO last_inbound (phone_number_id, identity, at) VALUES ($1, $2, $3) {_OR_LATEST}"
_FORGET_INBOUND = "DELETE FROM last_inbound WHERE phone_number_id = $1 AND identity = ANY($2)"
_CHANGE_LIST = """
UPDATE block_list SET
  version = $2, size = $3, next_expiry = $4, event_at = $5, event_hash = $6, revision = revision + 1, writers = $7
WHERE list_id = $1
"""
_ADD_EVENTS = """
INSERT INTO event (list_id, at, batch_id, text, hash)
SELECT $1, unnest($2::bigint[]), unnest($3::text[]), unnest($4::text[]), unnest($5::bytea[])
"""
_ADD_EVENT = "INSERT INTO event (list_id, at, batch_id, text, hash) VALUES ($1, $2, $3, $4, $5)"

_MOST_EXPIRED: Final = 10_000  # deleted in one transaction, which must end before its time-out
# Citus copies the rows of INSERT ... SELECT to the shard, which needs a two-phase commit. For more rows that costs less
# than a statement for each. The procedure that `together` calls does the same.
_MOST_ALONE: Final = 8
_MOST_WRITERS: Final = 16  # nodes whose last batch a list stores, so that a retry finds whether it was made


class NoSuchList(Exception):
    """The list has no row yet."""


class Batch:
    """Changes of one list, applied once even if the transaction is retried.

    Each attempt has a number, which is written to the list: `node` and a number of `numbers` identify the attempt.
    `beside_older`: see `ListState`. `is_in_cluster`: whether the list is on a worker of a Citus cluster.
    """

    def __init__(
        self,
        list_id: str,
        changes: Sequence[ListChange],
        node: int,
        numbers: Iterator[int],
        *,
        beside_older: bool = False,
        is_in_cluster: bool = False,
    ) -> None:
        self._most_alone = _MOST_ALONE if is_in_cluster else 0
        self.list_id = list_id
        self.changes = changes
        self.beside_older = beside_older
        self._node = node
        self._numbers = numbers
        self._decided: dict[int, Sequence[Outcome | Exception]] = {}
        self._answered = AnsweredRequests()

    async def __call__(self, connection: Connection) -> Sequence[Outcome | Exception] | None:
        """An outcome for each change; all of them are durable on return, or none is. Raises `NoSuchList`.

        None if only some of the expired rows could be deleted: call it again.
        """
        async with connection.transaction(isolation="read_committed"):
            row = await connection.fetchrow(_LOCK, self.list_id)
            if row is None:
                raise NoSuchList
            *head, writers = row
            done = self.done(writers)
            if done is not None:
                return done
            state = ListState(self.list_id, Head(*head), beside_older=self.beside_older)
            if await self._drop_expired(connection, state):
                await self._write(connection, state, list(writers))
                return None
            await self._read(connection, state)
            number, outcomes = self.decide(state)
            await self._write(connection, state, self.writers(writers, number))
            await answered_requests.add(connection, self.list_id, self._answered.new)
        return outcomes

    def done(self, writers: Sequence[int]) -> Sequence[Outcome | Exception] | None:
        """The outcomes of an earlier attempt that was committed but lost its connection; None if there is none."""
        mine = (self._decided.get(number) for node, number in _pairs(writers) if node == self._node)
        return next((outcomes for outcomes in mine if outcomes is not None), None)

    @property
    def in_doubt(self) -> bool:
        """Whether an attempt that lost its connection may have been committed, or may still be."""
        return bool(self._decided)

    def discard(self, number: int) -> None:
        """Note that the attempt was not written, and will not be."""
        del self._decided[number]

    def decide(self, state: ListState) -> tuple[int, Sequence[Outcome | Exception]]:
        """A new attempt: its number, and its outcomes if it is written."""
        number = next(self._numbers)
        self._decided[number] = [self._answered.once(change, state.apply) for change in self.changes]
        return number, self._decided[number]

    def writers(self, before: Sequence[int], number: int) -> list[int]:
        """The list's last writers after this attempt."""
        others = [each for pair in _pairs(before) if pair[0] != self._node for each in pair]
        return [self._node, number, *others[: 2 * (_MOST_WRITERS - 1)]]

    async def _read(self, connection: Connection, state: ListState) -> None:
        head = state.head
        changes = [change for change in self.changes if change.account_id == head.account_id]
        self._answered = await answered_requests.read(connection, self.list_id, changes)
        state.meanings = await self._meanings(connection, head, changes)
        names = {name for change in changes for name in names_of(change, state.meanings)}
        rows = await connection.fetch(_ROWS, self.list_id, list(names)) if names else ()
        state.load(names, (Listed(*row) for row in rows))
        state.load_wrote_at(await self._wrote_at(connection, head, changes, names))
        state.allowed = await self._allowed(connection, head, changes, names)

    async def _allowed(
        self, connection: Connection, head: Head, changes: Sequence[ListChange], names: set[str]
    ) -> Mapping[str, str]:
        """Those of `names` that are on an allow list in force, each with the name of the list."""
        at = max((change.at for change in changes if isinstance(change, (Block, Undo))), default=None)
        if at is None or not is_own(self.list_id):
            return {}
        lists = dict(await connection.fetch(_ALLOW_LISTS, head.account_id, self.list_id))
        rows = await connection.fetch(_ALLOWED, list(lists), list(names), at) if lists else ()
        return {identity: lists[list_id] for list_id, identity in rows}

    async def _drop_expired(self, connection: Connection, state: ListState) -> bool:
        """Delete expired rows. Return whether more must follow.

        All changes are decided at the time of the latest one: a message may be recorded long after it was sent.
        """
        head = state.head
        changes = [change for change in self.changes if change.account_id == head.account_id]
        at = max((change.at for change in changes), default=None)
        if at is None or head.next_expiry is None or head.next_expiry > at:
            return False
        is_sweep = all(isinstance(change, DropExpired) for change in changes)
        if is_sweep:  # it names the rows to delete
            these = [name for change in changes if isinstance(change, DropExpired) for name in change.identities]
        else:
            these = [name for (name,) in await connection.fetch(_EXPIRED, self.list_id, at, _MOST_EXPIRED)]
        dropped = await connection.fetch(_DROP_THESE, self.list_id, at, these)
        state.mark_expired(at, len(dropped), await connection.fetchval(_NEXT_EXPIRY, self.list_id))
        return not is_sweep and head.next_expiry is not None and head.next_expiry <= at

    async def _meanings(self, connection: Connection, head: Head, changes: Sequence[ListChange]) -> dict[str, Meaning]:
        """Read under the lock. If a user_id is linked after this read, the node that links it merges the rows."""
        members = (member for change in changes for member in getattr(change, "members", ()))
        user_ids = {member.user_id for member in members if member.user_id is not None}
        if not user_ids:
            return {}
        rows = await connection.fetch(_MEANINGS, head.account_id, list(user_ids))
        return {alias: (identity, wa_id) for alias, identity, wa_id in rows}

    async def _wrote_at(
        self, connection: Connection, head: Head, changes: Sequence[ListChange], names: set[str]
    ) -> dict[str, Microseconds]:
        """When the users last wrote, under any of their ids."""
        has_window = any(isinstance(it, Block) and it.written_since is not None for it in changes)
        if not has_window and not any(isinstance(it, Rekey) for it in changes):
            return {}
        identities = {name: name for name in names}
        if has_window:
            identities |= dict(await connection.fetch(_ALIASES, head.account_id, list(names)))
        wrote_at: dict[str, Microseconds] = {}
        for name, at in await connection.fetch(_WROTE_AT, self.list_id, list(identities)):
            identity = identities[name]
            wrote_at[identity] = max(at, wrote_at.get(identity, at))
        return wrote_at

    async def _write(self, connection: Connection, state: ListState, writers: Sequence[int]) -> None:
        if removed := state.removed:
            await connection.execute(_REMOVE, self.list_id, removed)
        if rows := [msgspec.structs.astuple(row) for row in state.written]:
            if len(rows) <= self._most_alone:
                await connection.executemany(_WRITE_ONE, [(self.list_id, *row) for row in rows])
            else:
                await connection.execute(_WRITE, self.list_id, *zip(*rows, strict=True))
        if wrote := sorted(state.wrote.items()):  # in one order, so that two nodes do not wait for each other
            if len(wrote) <= self._most_alone:
                await connection.executemany(_NOTE_ONE, [(self.list_id, *note) for note in wrote])
            else:
                await connection.execute(_NOTE_INBOUND, self.list_id, *map(list, zip(*wrote, strict=True)))
        if state.forgotten:
            await connection.execute(_FORGET_INBOUND, self.list_id, state.forgotten)
        if state.has_changed:
            head = state.head
            columns = msgspec.structs.astuple(head)[1:]
            await connection.execute(_CHANGE_LIST, self.list_id, *columns, writers)
        if events := [(it.at, it.batch_id, it.text, it.hash) for it in state.events.written]:
            if len(events) <= self._most_alone:
                await connection.executemany(_ADD_EVENT, [(self.list_id, *it) for it in events])
            else:
                await connection.execute(_ADD_EVENTS, self.list_id, *zip(*events, strict=True))


async def row(connection: Connection, account_id: str, list_id: str, user: Member, at: Microseconds) -> Listed | None:
    """See `BlockStore.row`. Links are read before the rows and, if there is no row, after them; see `linked_checks`."""
    names = {*user.keys, *user.aliases}
    await _learn(connection, account_id, names)
    while True:
        rows = [Listed(*columns) for columns in await connection.fetch(_ROWS, list_id, list(names))]
        first = first_in_force(rows, at)
        if first is not None or not await _learn(connection, account_id, names):
            return first


async def _learn(connection: Connection, account_id: str, names: set[str]) -> bool:
    """Add all ids that links show to `names`. Returns whether there were any."""
    count = len(names)
    while True:
        links = await links_of(connection, {(account_id, name) for name in names})
        further = {other for others in links.values() for other in others} - names
        if not further:
            return len(names) > count
        names |= further


def _pairs(writers: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip(writers[::2], writers[1::2], strict=True))
