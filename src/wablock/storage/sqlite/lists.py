"""The block lists that one transaction touches: whose each is, its version and its size."""

from typing import Any, Final

import apsw

from wablock.block_list.ports import Microseconds
from wablock.contract.errors import UnknownObject

# +? and not ?: see reads.py.
_LIST = """
SELECT account_id, version, size, (SELECT min(expires_at) FROM blocked_user
                                   WHERE blocked_user.list_id = block_list.list_id AND expires_at IS NOT NULL)
FROM block_list WHERE list_id = +?
"""
_NEW_LIST = "INSERT INTO block_list (list_id, account_id, version, size) VALUES (?, ?, 0, 0)"
_CHANGE_LIST = "UPDATE block_list SET version = ?, size = ? WHERE list_id = ?"
_NEXT_EXPIRY = "SELECT min(expires_at) FROM blocked_user WHERE list_id = +? AND expires_at IS NOT NULL"
_DROP_EXPIRED = """
DELETE FROM blocked_user WHERE list_id = +?1 AND seq IN (
  SELECT seq FROM blocked_user WHERE list_id = +?1 AND expires_at <= +?2 LIMIT ?3)
"""
_EXPIRED_LISTS = """
SELECT list_id, account_id FROM block_list
WHERE EXISTS (SELECT 1 FROM blocked_user
              WHERE blocked_user.list_id = block_list.list_id AND blocked_user.expires_at <= +?)
"""
_ALL: Final = -1


class ListState:
    """A list's version and size within one transaction, written back once at its end.

    Before `next_expiry` nobody on it expires; None: nobody does.
    """

    __slots__ = ("account_id", "changed", "list_id", "next_expiry", "size", "version")

    def __init__(
        self, list_id: str, account_id: str, version: int, size: int, next_expiry: Microseconds | None
    ) -> None:
        self.list_id = list_id
        self.account_id = account_id
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


class Lists:
    """Every list that a transaction has touched so far, as it has made it."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._states: dict[str, ListState] = {}

    def get(self, list_id: str, account_id: str, at: Microseconds) -> ListState:
        """The list, made where there is none, without rows that expired: what is over does not count.

        Raises `UnknownObject` before anything is written where it is not the account's, or its number was removed.
        """
        state = self._state(list_id, account_id)
        if state.account_id != account_id:
            raise UnknownObject("POST", list_id)
        self._drop_expired(state, at, _ALL)
        return state

    def sweep(self, at: Microseconds, most: int) -> None:
        """Drop at most so many rows that expired: the writer is not to be held long."""
        found: list[tuple[Any, ...]] = self._connection.execute(_EXPIRED_LISTS, (at,)).fetchall()
        for list_id, account_id in found:
            if most > 0:
                most -= self._drop_expired(self._state(list_id, account_id), at, most)

    def write_back(self) -> None:
        for state in self._states.values():
            if state.changed:
                self._connection.execute(_CHANGE_LIST, (state.version, state.size, state.list_id))

    def _state(self, list_id: str, account_id: str) -> ListState:
        state = self._states.get(list_id)
        if state is None:
            row = self._connection.execute(_LIST, (list_id,)).fetchone()
            if row is None:
                self._connection.execute(_NEW_LIST, (list_id, account_id))
                row = (account_id, 0, 0, None)
            state = self._states[list_id] = ListState(list_id, *row)
        return state

    def _drop_expired(self, state: ListState, at: Microseconds, most: int) -> int:
        if state.next_expiry is None or state.next_expiry > at:
            return 0
        self._connection.execute(_DROP_EXPIRED, (state.list_id, at, most))
        dropped = self._connection.changes()
        state.change(state.version, -dropped)
        state.next_expiry = self._connection.execute(_NEXT_EXPIRY, (state.list_id,)).get
        return dropped
