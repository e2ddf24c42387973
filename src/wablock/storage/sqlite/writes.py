"""Changes of block lists, on SQLite: a batch of them is one transaction. See `BlockStore.apply`."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apsw
import msgspec

from wablock.block_list.ports import Block, Change, Member, Microseconds, NoteInbound, Outcome, Sweep, Unblock
from wablock.block_list.rules import refusals
from wablock.contract.errors import BlocklistInternalError

_log = logging.getLogger("wablock.storage")

_LIST = """
SELECT version, size, (SELECT min(expires_at) FROM blocked_user
                       WHERE blocked_user.list_id = block_list.list_id AND expires_at IS NOT NULL)
FROM block_list WHERE list_id = +?
"""
_NEW_LIST = "INSERT INTO block_list (list_id, account_id, version, size) VALUES (?, ?, 0, 0)"
_CHANGE_LIST = "UPDATE block_list SET version = ?, size = ? WHERE list_id = ?"
_NEXT_EXPIRY = "SELECT min(expires_at) FROM blocked_user WHERE list_id = +? AND expires_at IS NOT NULL"
_DROP_EXPIRED = "DELETE FROM blocked_user WHERE list_id = +? AND expires_at <= +?"

# Only a conflict of identities may be passed over: it means that the user is on the list already.
_ADD_ONE = """
INSERT INTO blocked_user
  (list_id, seq, blocked_at, blocked_by, identity, wa_id, user_id, input, reason, note, expires_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (list_id, identity) DO NOTHING
"""
_KEEP_DETAILS = """
UPDATE blocked_user
SET reason = coalesce(?, reason), note = coalesce(?, note), expires_at = coalesce(?, expires_at)
WHERE list_id = +? AND identity = +?
"""
_NEWEST = "SELECT max(seq) FROM blocked_user WHERE list_id = +?"
# INDEXED BY: without statistics SQLite would take the primary key for a list of identities, and walk the whole list.
_ON_LIST = """
SELECT identity FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +? AND identity IN (SELECT value FROM json_each(?))
"""
# The last time comes last. CROSS JOIN: in this order every step is a search; one OR of the two would walk all that the
# number has heard in a day, for each user.
_WROTE_AT = """
SELECT typed.value, last_inbound.at
FROM json_each(?2) AS typed
CROSS JOIN last_inbound
WHERE last_inbound.phone_number_id = ?1 AND last_inbound.identity = typed.value
UNION ALL
SELECT typed.value, last_inbound.at
FROM json_each(?2) AS typed
CROSS JOIN identity_alias
CROSS JOIN last_inbound
WHERE identity_alias.account_id = ?3 AND identity_alias.identity = typed.value
  AND last_inbound.phone_number_id = ?1 AND last_inbound.identity = identity_alias.alias
ORDER BY 2
"""
_REMOVE = """
DELETE FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +? AND identity IN (SELECT value FROM json_each(?))
"""
_NOTE_INBOUND = """
INSERT INTO last_inbound (phone_number_id, identity, at)
SELECT ?, value, ? FROM json_each(?) WHERE true
ON CONFLICT (phone_number_id, identity) DO UPDATE SET at = max(at, excluded.at)
"""
_ALIAS = "SELECT identity, wa_id FROM identity_alias WHERE account_id = +? AND alias = +?"
_LINK = """
INSERT INTO identity_alias (account_id, alias, identity, wa_id) VALUES (?, ?, ?, ?)
ON CONFLICT (account_id, alias) DO UPDATE SET identity = excluded.identity, wa_id = excluded.wa_id
"""
_LISTS_WITH = """
SELECT block_list.list_id FROM block_list
JOIN blocked_user INDEXED BY blocked_user_identity
  ON blocked_user.list_id = block_list.list_id AND blocked_user.identity = +?
WHERE block_list.account_id = +?
"""
_ROWS_OF = """
SELECT seq, expires_at FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +? AND identity IN (?, ?) ORDER BY seq
"""
_DROP_ROW = "DELETE FROM blocked_user WHERE list_id = +? AND seq = +?"
_MERGED_ROW = """
UPDATE blocked_user SET identity = ?, wa_id = coalesce(wa_id, ?), user_id = ?, expires_at = ?
WHERE list_id = +? AND seq = +?
"""
_EXPIRED_LISTS = """
SELECT list_id, account_id FROM block_list
WHERE EXISTS (SELECT 1 FROM blocked_user
              WHERE blocked_user.list_id = block_list.list_id AND blocked_user.expires_at <= +?)
"""
_FORGET_INBOUND = "DELETE FROM last_inbound WHERE at < +?"

# The database itself is in trouble: trying the changes of a batch one by one would only meet it again.
_TROUBLE = (
    apsw.FullError,
    apsw.IOError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.NoMemError,
    apsw.ProtocolError,
)


class _ListState:
    """A list's version and size within one transaction, written back once at its end.

    Before `next_expiry` nobody on it expires; None: nobody does.
    """

    __slots__ = ("changed", "list_id", "next_expiry", "size", "version")

    def __init__(self, list_id: str, version: int, size: int, next_expiry: Microseconds | None) -> None:
        self.list_id = list_id
        self.version = version
        self.size = size
        self.next_expiry = next_expiry
        self.changed = False

    def expires(self, at: Microseconds) -> None:
        self.next_expiry = at if self.next_expiry is None else min(self.next_expiry, at)

    def change(self, version: int, grown_by: int) -> None:
        self.version = version
        self.size += grown_by
        self.changed = True


class BatchWriter:
    """Applies batches on a connection of its own, which it opens anew after trouble. Not for two threads at a time."""

    def __init__(self, connect: Callable[[], apsw.Connection]) -> None:
        self._connect = connect
        self._connection: apsw.Connection | None = None

    def apply(self, changes: Sequence[Change]) -> list[Outcome | Exception]:
        """All of `changes` in one transaction, durable on return; an outcome for each, in order.

        Where one of them cannot be done, the others are, each for itself. Where the database is in trouble, none is.
        """
        try:
            with self.transaction() as connection:
                batch = _Transaction(connection)
                outcomes: list[Outcome | Exception] = [batch.apply(change) for change in changes]
                batch.write_back()
        except Exception as trouble:
            if len(changes) == 1 or isinstance(trouble.__cause__, _TROUBLE):
                return [trouble] * len(changes)
            return [self.apply([change])[0] for change in changes]
        return outcomes

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """A transaction of its own: durable when the block ends, undone where the block or the commit raises."""
        try:
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except BaseException as trouble:
            # After a failed write or sync nothing that this connection remembers of the file may be relied on.
            self.close()
            if isinstance(trouble, apsw.Error):
                raise _internal_error(trouble) from trouble
            raise

    def is_ready(self) -> bool:
        """Whether a transaction can be made durable now: only a write tells, a full disk still lets one begin."""
        with self.transaction() as connection:
            connection.pragma("user_version", connection.pragma("user_version"))
            return True

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(force=True)

    def _opened(self) -> apsw.Connection:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._connect()
        if connection.in_transaction:  # a thread died in the middle of it
            connection.execute("ROLLBACK")
        return connection


class _Transaction:
    """The changes of one batch, between BEGIN and COMMIT."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute: Callable[..., Any] = connection.execute
        self._lists: dict[str, _ListState] = {}

    def apply(self, change: Change) -> Outcome:
        match change:
            case Block():
                return self._block(change)
            case Unblock():
                return self._unblock(change)
            case NoteInbound():
                return self._note_inbound(change)
            case Sweep():
                return self._sweep(change)

    def write_back(self) -> None:
        for state in self._lists.values():
            if state.changed:
                self._execute(_CHANGE_LIST, (state.version, state.size, state.list_id))

    def _block(self, change: Block) -> Outcome:
        state = self._list(change.list_id, change.account_id, change.at)
        members = self._resolved(change.account_id, change.members, change.at)
        refused = {}
        if change.max_size is not None or change.written_since is not None:
            refused = dict(
                refusals(change, members, self._on_list(change, members), state.size, self._wrote_at(change, members))
            )
        accepted = [member for index, member in enumerate(members) if index not in refused] if refused else members
        self._add(change, state, accepted)
        return Outcome(refused) if refused else _DONE

    def _add(self, change: Block, state: _ListState, members: Sequence[Member]) -> None:
        newest = max(change.at, state.version + len(members))
        before = self._connection.total_changes()
        self._connection.executemany(
            _ADD_ONE,
            (
                (
                    change.list_id,
                    newest - index,
                    change.at,
                    change.by,
                    member.key,
                    member.wa_id,
                    member.user_id,
                    member.input,
                    member.reason,
                    member.note,
                    member.expires_at,
                )
                for index, member in enumerate(members)
            ),
        )
        added = self._connection.total_changes() - before
        if added:
            version = newest if added == len(members) else self._execute(_NEWEST, (change.list_id,)).get
            state.change(version, added)
        for member in members:
            if member.expires_at is not None:
                state.expires(member.expires_at)
            if member.has_details:
                details = (member.reason, member.note, member.expires_at, change.list_id, member.key)
                self._execute(_KEEP_DETAILS, details)

    def _unblock(self, change: Unblock) -> Outcome:
        state = self._list(change.list_id, change.account_id, change.at)
        members = self._resolved(change.account_id, change.members, change.at)
        self._execute(_REMOVE, (change.list_id, _keys(members)))
        removed = self._connection.changes()
        if removed:
            state.change(max(change.at, state.version + 1), -removed)
        return _DONE

    def _note_inbound(self, change: NoteInbound) -> Outcome:
        members = self._resolved(change.account_id, change.members, change.at)
        self._execute(_NOTE_INBOUND, (change.phone_number_id, change.at, _keys(members)))
        return _DONE

    def _sweep(self, change: Sweep) -> Outcome:
        for list_id, account_id in self._execute(_EXPIRED_LISTS, (change.at,)).fetchall():
            self._list(list_id, account_id, change.at)
        self._execute(_FORGET_INBOUND, (change.inbound_before,))
        return _DONE

    def _list(self, list_id: str, account_id: str, at: Microseconds) -> _ListState:
        """The list as this transaction has made it, without rows that expired: what is over does not count."""
        state = self._lists.get(list_id)
        if state is None:
            row = self._execute(_LIST, (list_id,)).fetchone()
            if row is None:
                self._execute(_NEW_LIST, (list_id, account_id))
                row = (0, 0, None)
            state = self._lists[list_id] = _ListState(list_id, *row)
        if state.next_expiry is not None and state.next_expiry <= at:
            self._execute(_DROP_EXPIRED, (list_id, at))
            state.change(state.version, -self._connection.changes())
            state.next_expiry = self._execute(_NEXT_EXPIRY, (list_id,)).get
        return state

    def _on_list(self, change: Block, members: Sequence[Member]) -> set[str]:
        return {row[0] for row in self._execute(_ON_LIST, (change.list_id, _keys(members)))}

    def _wrote_at(self, change: Block, members: Sequence[Member]) -> dict[str, Microseconds]:
        if change.written_since is None:
            return {}
        return dict(self._execute(_WROTE_AT, (change.list_id, _keys(members), change.account_id)).fetchall())

    def _resolved(self, account_id: str, members: Sequence[Member], at: Microseconds) -> Sequence[Member]:
        """`members` under the identity that each is known by; links that a member shows are learned first."""
        if all(member.user_id is None for member in members):
            return members
        return [self._known(account_id, member, at) for member in members]

    def _known(self, account_id: str, member: Member, at: Microseconds) -> Member:
        if member.user_id is None:
            return member
        if member.links:
            self._link(account_id, member, at)
            return member
        alias = self._execute(_ALIAS, (account_id, member.user_id)).fetchone()
        return member if alias is None else msgspec.structs.replace(member, key=alias[0], wa_id=alias[1])

    def _link(self, account_id: str, member: Member, at: Microseconds) -> None:
        """From now on `member.user_id` means `member.key`, and rows under either become one in every list."""
        alias = self._execute(_ALIAS, (account_id, member.user_id)).fetchone()
        if alias is not None and alias[0] == member.key:
            return
        self._execute(_LINK, (account_id, member.user_id, member.key, member.wa_id))
        for (list_id,) in self._execute(_LISTS_WITH, (member.user_id, account_id)).fetchall():
            self._merge(self._list(list_id, account_id, at), member, at)

    def _merge(self, state: _ListState, member: Member, at: Microseconds) -> None:
        """One row of what may be two: the earlier block, the later expiry."""
        rows = self._execute(_ROWS_OF, (state.list_id, member.key, member.user_id)).fetchall()
        if not rows:  # it had expired
            return
        for seq, _ in rows[1:]:
            self._execute(_DROP_ROW, (state.list_id, seq))
            state.change(max(at, state.version + 1), -1)
        expiries = [expires_at for _, expires_at in rows]
        expires_at = None if None in expiries else max(expiries)
        self._execute(_MERGED_ROW, (member.key, member.wa_id, member.user_id, expires_at, state.list_id, rows[0][0]))


_DONE = Outcome()


def _keys(members: Sequence[Member]) -> str:
    return msgspec.json.encode([member.key for member in members]).decode()


def _internal_error(trouble: Exception) -> BlocklistInternalError:
    _log.error("a write failed: %s: %s", type(trouble).__name__, trouble)
    error = BlocklistInternalError()
    error.__cause__ = trouble
    return error
