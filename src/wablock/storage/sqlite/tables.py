"""The tables of block lists on SQLite, within a transaction. See `block_list.transaction.Tables`."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import starmap
from typing import Any

import apsw
import msgspec
from msgspec.structs import astuple

from wablock.block_list.changes import Block
from wablock.block_list.idempotency import AnsweredRequest
from wablock.block_list.list_changes import names_of_member
from wablock.block_list.list_rows import Head, first_in_force
from wablock.block_list.list_state import ListState
from wablock.block_list.meanings import Meaning, meanings_of
from wablock.block_list.ports import Listed, Member, Microseconds
from wablock.contract.spellings import one_spelling

# +? and not ?: see reads.py.
_HEAD = """
SELECT account_id, version, size, (SELECT min(expires_at) FROM blocked_user
                                   WHERE blocked_user.list_id = block_list.list_id AND expires_at IS NOT NULL),
  event_at, event_hash
FROM block_list WHERE list_id = +?
"""
# At most one row of a user: an identity is unique on its list.
_HEAD_AND_ROW = """
SELECT account_id, version, size, (SELECT min(expires_at) FROM blocked_user
                                   WHERE list_id = +?1 AND expires_at IS NOT NULL),
  event_at, event_hash, identity, seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at,
  updated_at, updated_by, source, batch_id
FROM block_list LEFT JOIN blocked_user INDEXED BY blocked_user_identity
  ON blocked_user.list_id = +?1 AND identity = +?2
WHERE block_list.list_id = +?1
"""
_NEW_LIST = "INSERT INTO block_list (list_id, account_id, version, size) VALUES (?, ?, 0, 0)"
_CHANGE_LIST = "UPDATE block_list SET version = ?, size = ?, event_at = ?, event_hash = ? WHERE list_id = +?"
_ADD_EVENT = "INSERT INTO event (list_id, at, batch_id, text, hash) VALUES (?, ?, ?, ?, ?)"
_NEXT_EXPIRY = "SELECT min(expires_at) FROM blocked_user WHERE list_id = +? AND expires_at IS NOT NULL"
_DELETE_EXPIRED = """
DELETE FROM blocked_user WHERE list_id = +?1 AND seq IN (
  SELECT seq FROM blocked_user WHERE list_id = +?1 AND expires_at <= +?2 LIMIT ?3)
"""
_LISTS_WITH_EXPIRED = """
SELECT list_id, account_id FROM block_list
WHERE EXISTS (SELECT 1 FROM blocked_user
              WHERE blocked_user.list_id = block_list.list_id AND blocked_user.expires_at <= +?)
"""
# INDEXED BY: without statistics SQLite would use the primary key for several identities, and scan the whole list.
# CROSS JOIN: with IN, SQLite would first sort the identities, which takes as long as the search.
_ROWS = """
SELECT identity, seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at,
  updated_at, updated_by, source, batch_id
FROM carray(?2) AS wanted
CROSS JOIN blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +?1 AND identity = wanted.value
"""
_DELETE = """
DELETE FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +? AND identity IN (SELECT value FROM json_each(?))
"""
_ADD = """
INSERT INTO blocked_user
  (list_id, identity, seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at,
   updated_at, updated_by, source, batch_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ALIAS = "SELECT identity, wa_id FROM identity_alias WHERE account_id = +? AND alias = +?"
_LINK = """
INSERT INTO identity_alias (account_id, alias, identity, wa_id) VALUES (?, ?, ?, ?)
ON CONFLICT (account_id, alias) DO UPDATE SET identity = excluded.identity, wa_id = excluded.wa_id
"""
_REPOINT = "UPDATE identity_alias SET identity = ?, wa_id = ? WHERE account_id = +? AND identity = +?"
# CROSS JOIN: starts from the few identities. Without INDEXED BY SQLite would scan the whole list.
_LISTS_WITH = """
SELECT DISTINCT block_list.list_id FROM block_list
CROSS JOIN json_each(?1) AS wanted
CROSS JOIN blocked_user INDEXED BY blocked_user_identity
WHERE block_list.account_id = ?2 AND blocked_user.list_id = block_list.list_id AND blocked_user.identity = wanted.value
"""
# `typed`: a key, and the current key of its user. The last row has the latest time. CROSS JOIN: every step is a search.
# With OR, SQLite would scan a day's messages for each user.
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
_ALLOW_LISTS = """
SELECT list_id, name FROM attachment WHERE account_id = +? AND phone_number_id IN ('', +?) AND kind = 'allow'
"""
_ON_LISTS = """
SELECT list_id, identity FROM carray(?1) AS allowing
CROSS JOIN carray(?2) AS wanted
CROSS JOIN blocked_user INDEXED BY blocked_user_identity
WHERE list_id = allowing.value AND identity = wanted.value AND (expires_at IS NULL OR expires_at > +?3)
"""
_NOTE_INBOUND = """
INSERT INTO last_inbound (phone_number_id, identity, at) VALUES (?, ?, ?)
ON CONFLICT (phone_number_id, identity) DO UPDATE SET at = max(at, excluded.at)
"""
_FORGET_INBOUND = """
DELETE FROM last_inbound WHERE (phone_number_id, identity) IN (
  SELECT phone_number_id, identity FROM last_inbound WHERE at < +? LIMIT ?)
"""
_ANSWERED = "SELECT key_hash, request_hash, outcome, at FROM answered_request WHERE list_id = ? AND key_hash = ?"
_ADD_ANSWERED = "INSERT INTO answered_request (list_id, key_hash, request_hash, outcome, at) VALUES (?, ?, ?, ?, ?)"
_FORGET_ANSWERED = """
DELETE FROM answered_request WHERE rowid IN (SELECT rowid FROM answered_request WHERE at < +? LIMIT ?)
"""
# So that no change waits long; the next sweep continues.
_MOST_INBOUND_FORGOTTEN = 50_000
_MOST_ANSWERED_FORGOTTEN = 10_000


class SqliteTables:
    """The tables, on a connection in a transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute: Callable[..., Any] = connection.execute

    def open(self, list_id: str, account_id: str, identities: Collection[str]) -> tuple[Head, Iterable[Listed]]:
        if len(identities) == 1:  # one statement: this is the usual request
            row = self._execute(_HEAD_AND_ROW, (list_id, *identities)).fetchone()
            rows: Iterable[Listed] = () if row is None or row[6] is None else (Listed(*row[6:]),)
        else:
            row = self._execute(_HEAD, (list_id,)).fetchone()
            rows = self.rows(list_id, identities) if row and identities else ()
        if row is None:
            self._execute(_NEW_LIST, (list_id, account_id))
            return Head(account_id), ()
        return Head(*row[:6]), rows

    def rows(self, list_id: str, identities: Collection[str]) -> Iterable[Listed]:
        return starmap(Listed, self._execute(_ROWS, (list_id, apsw.carray(tuple(identities)))))

    def lists_with(self, account_id: str, identities: Collection[str]) -> Sequence[str]:
        return [list_id for (list_id,) in self._execute(_LISTS_WITH, (_json(identities), account_id))]

    def wrote_at(self, change: Block, keys: Mapping[str, str]) -> Mapping[str, Microseconds]:
        return dict(self._execute(_WROTE_AT, (change.list_id, _text(keys), change.account_id)).fetchall())

    def allow_lists(self, list_id: str, account_id: str) -> Mapping[str, str]:
        return dict(self._execute(_ALLOW_LISTS, (account_id, list_id)).fetchall())

    def on_lists(
        self, list_ids: Collection[str], identities: Collection[str], at: Microseconds
    ) -> Iterable[tuple[str, str]]:
        bindings = apsw.carray(tuple(list_ids)), apsw.carray(tuple(identities)), at
        found: Iterable[tuple[str, str]] = self._execute(_ON_LISTS, bindings)
        return found

    def write(self, state: ListState) -> None:
        list_id, head = state.list_id, state.head
        if outdated := state.outdated:
            self._execute(_DELETE, (list_id, _json(outdated)))
        if written := state.written:
            self._connection.executemany(_ADD, [(list_id, *astuple(row)) for row in written])
        if state.wrote:
            self._connection.executemany(_NOTE_INBOUND, [(list_id, *note) for note in state.wrote.items()])
        if state.has_changed:
            self._execute(_CHANGE_LIST, (head.version, head.size, head.event_at, head.event_hash, list_id))
        if events := state.events.written:
            self._connection.executemany(
                _ADD_EVENT, [(it.list_id, it.at, it.batch_id, it.text, it.hash) for it in events]
            )

    def delete_expired(self, list_id: str, at: Microseconds, most: int) -> tuple[int, Microseconds | None]:
        self._execute(_DELETE_EXPIRED, (list_id, at, most))
        return self._connection.changes(), self._execute(_NEXT_EXPIRY, (list_id,)).get

    def lists_with_expired(self, at: Microseconds) -> Sequence[tuple[str, str]]:
        lists: Sequence[tuple[str, str]] = self._execute(_LISTS_WITH_EXPIRED, (at,)).fetchall()
        return lists

    def forget_inbound(self, before: Microseconds) -> None:
        self._execute(_FORGET_INBOUND, (before, _MOST_INBOUND_FORGOTTEN))

    def answered(self, list_id: str, key_hash: bytes) -> Iterable[AnsweredRequest]:
        return starmap(AnsweredRequest, self._execute(_ANSWERED, (list_id, key_hash)))

    def add_answered(self, list_id: str, answered: Sequence[AnsweredRequest]) -> None:
        self._connection.executemany(_ADD_ANSWERED, [(list_id, *astuple(it)) for it in answered])

    def forget_answered(self, before: Microseconds) -> None:
        self._execute(_FORGET_ANSWERED, (before, _MOST_ANSWERED_FORGOTTEN))

    def find_meaning(self, account_id: str, alias: str) -> Meaning | None:
        row = self._execute(_ALIAS, (account_id, alias)).fetchone()
        return None if row is None else (one_spelling(row[0]), row[1])

    def link(self, account_id: str, alias: str, meaning: Meaning) -> None:
        self._execute(_LINK, (account_id, alias, *meaning))

    def repoint(self, account_id: str, user_id: str, meaning: Meaning) -> None:
        self._execute(_REPOINT, (*meaning, account_id, user_id))


def row(connection: apsw.Connection, account_id: str, list_id: str, user: Member, at: Microseconds) -> Listed | None:
    """See `BlockStore.row`. In a transaction, so that the links and the row are of one moment."""
    tables = SqliteTables(connection)
    names = names_of_member(user, meanings_of([user], partial(tables.find_meaning, account_id)))
    return first_in_force(tables.rows(list_id, names), at)


def _json(names: Iterable[str]) -> str:
    return _text(list(names))


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
