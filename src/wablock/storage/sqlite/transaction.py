"""One batch's changes, between BEGIN and COMMIT. See `BlockStore.apply`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import apsw
import msgspec

from wablock.block_list.ports import (
    Block,
    Carry,
    Change,
    Link,
    Member,
    Microseconds,
    NoteInbound,
    Outcome,
    Sweep,
    Unblock,
)
from wablock.block_list.rules import refusals
from wablock.contract.errors import UnknownObject
from wablock.storage.sqlite.links import Links
from wablock.storage.sqlite.lists import Lists, ListState

# Only a conflict of identities may be passed over: it means that the user is on the list already.
_ADD_ONE = """
INSERT INTO blocked_user
  (list_id, seq, blocked_at, blocked_by, identity, wa_id, user_id, input, reason, note, expires_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (list_id, identity) DO NOTHING
"""
_KEEP_DETAILS = """
UPDATE blocked_user
SET reason = coalesce(?, reason), note = coalesce(?, note), expires_at = ?
WHERE list_id = +? AND identity = +?
"""
_NEWEST = "SELECT max(seq) FROM blocked_user WHERE list_id = +?"
# INDEXED BY: without statistics SQLite would take the primary key for a list of identities, and walk the whole list.
_ON_LIST = """
SELECT identity FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +? AND identity IN (SELECT value FROM json_each(?))
"""
# `typed` is a key, and the key today of its user. The last time comes last. CROSS JOIN: in this order every step is a
# search; one OR of the two would walk all that the number has heard in a day, for each user.
_WROTE_AT = """
SELECT typed.value, last_inbound.at
FROM json_each(?2) AS typed
CROSS JOIN last_inbound
WHERE last_inbound.phone_number_id = ?1 AND last_inbound.identity = typed.key
UNION ALL
SELECT typed.value, last_inbound.at
FROM json_each(?2) AS typed
CROSS JOIN identity_alias
CROSS JOIN last_inbound
WHERE identity_alias.account_id = ?3 AND identity_alias.identity = typed.key
  AND last_inbound.phone_number_id = ?1 AND last_inbound.identity = identity_alias.alias
ORDER BY 2
"""
_REMOVE = """
DELETE FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +? AND identity IN (SELECT value FROM json_each(?))
"""
_NOTE_INBOUND = """
INSERT INTO last_inbound (phone_number_id, identity, at) VALUES (?, ?, ?)
ON CONFLICT (phone_number_id, identity) DO UPDATE SET at = max(at, excluded.at)
"""
_FORGET_INBOUND = """
DELETE FROM last_inbound WHERE (phone_number_id, identity) IN (
  SELECT phone_number_id, identity FROM last_inbound WHERE at < +? LIMIT ?)
"""

# What one sweep forgets at most, so that no change waits long behind it; the next sweep goes on.
_MOST_EXPIRED_SWEPT: Final = 10_000
_MOST_INBOUND_SWEPT: Final = 50_000


class Transaction:
    """The changes of one batch."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute: Callable[..., Any] = connection.execute
        self._lists = Lists(connection)
        self._links = Links(connection, self._lists)

    def apply(self, change: Change) -> Outcome | UnknownObject:
        """What became of `change`; `UnknownObject`, nothing written, where the list is not the account's."""
        try:
            return self._apply(change)
        except UnknownObject as refusal:
            return refusal

    def write_back(self) -> None:
        self._lists.write_back()

    def _apply(self, change: Change) -> Outcome:
        match change:
            case Block():
                return self._block(change)
            case Unblock():
                return self._unblock(change)
            case NoteInbound():
                return self._note_inbound(change)
            case Link():
                self._links.learn(change)
                return _DONE
            case Carry():
                self._links.carry(change)
                return _DONE
            case Sweep():
                return self._sweep(change)

    def _block(self, change: Block) -> Outcome:
        state = self._lists.get(change.list_id, change.account_id, change.at)
        members = self._links.resolved(change.account_id, change.list_id, change.members, change.at)
        refused = {}
        if change.max_size is not None or change.written_since is not None:
            refused = dict(
                refusals(change, members, self._on_list(change, members), state.size, self._wrote_at(change, members))
            )
        accepted = [member for index, member in enumerate(members) if index not in refused] if refused else members
        self._add(change, state, accepted)
        return Outcome(refused) if refused else _DONE

    def _add(self, change: Block, state: ListState, members: Sequence[Member]) -> None:
        newest = max(change.at, state.version + len(members))
        before = self._connection.total_changes()
        rows = [
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
        ]
        self._connection.executemany(_ADD_ONE, rows)
        added = self._connection.total_changes() - before
        if added:
            version = newest if added == len(members) else self._execute(_NEWEST, (change.list_id,)).get
            state.change(version, added)
        for member in members:
            if member.expires_at is not None:
                state.expires(member.expires_at)
            # Only where somebody's block ends can one without an end change anything.
            if member.has_details or state.next_expiry is not None:
                details = (member.reason, member.note, member.expires_at, change.list_id, member.key)
                self._execute(_KEEP_DETAILS, details)

    def _unblock(self, change: Unblock) -> Outcome:
        state = self._lists.get(change.list_id, change.account_id, change.at)
        self._execute(_REMOVE, (change.list_id, _json(self._links.names(change.account_id, change.members))))
        removed = self._connection.changes()
        if removed:
            state.change(max(change.at, state.version + 1), -removed)
        return _DONE

    def _note_inbound(self, change: NoteInbound) -> Outcome:
        self._lists.get(change.phone_number_id, change.account_id, change.at)
        members = self._links.resolved(change.account_id, change.phone_number_id, change.members, change.at)
        times = [change.at] * len(members) if change.times is None else change.times
        wrote = [(change.phone_number_id, member.key, at) for member, at in zip(members, times, strict=True)]
        self._connection.executemany(_NOTE_INBOUND, wrote)
        return _DONE

    def _sweep(self, change: Sweep) -> Outcome:
        self._lists.sweep(change.at, _MOST_EXPIRED_SWEPT)
        self._execute(_FORGET_INBOUND, (change.inbound_before, _MOST_INBOUND_SWEPT))
        return _DONE

    def _on_list(self, change: Block, members: Sequence[Member]) -> set[str]:
        return {row[0] for row in self._execute(_ON_LIST, (change.list_id, _keys(members)))}

    def _wrote_at(self, change: Block, members: Sequence[Member]) -> dict[str, Microseconds]:
        if change.written_since is None:
            return {}
        typed = msgspec.json.encode({key: member.key for member in members for key in member.keys}).decode()
        return dict(self._execute(_WROTE_AT, (change.list_id, typed, change.account_id)).fetchall())


_DONE = Outcome()


def _keys(members: Sequence[Member]) -> str:
    return _json(member.key for member in members)


def _json(names: Iterable[str]) -> str:
    return msgspec.json.encode(list(names)).decode()
