"""The rows of one list that changes may touch: as the store has them, and as they are now."""

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from wablock.block_list.ports import Listed, Member, Microseconds


class Head(msgspec.Struct, gc=False):
    """A list's own row. No block expires before `next_expiry`; None: no block expires.

    `event_at`, `event_hash`: of the list's newest event; see `event_chain`.
    """

    account_id: str
    version: int = 0
    size: int = 0
    next_expiry: Microseconds | None = None
    event_at: Microseconds = 0
    event_hash: bytes = b""

    def grow(self, at: Microseconds, by: int) -> int:
        """Add `by` rows, and return the list's next version."""
        self.version = max(at, self.version + 1)
        self.size += by
        return self.version

    def expires(self, at: Microseconds) -> None:
        self.next_expiry = at if self.next_expiry is None else min(self.next_expiry, at)


def first_in_force(rows: Iterable[Listed], at: Microseconds) -> Listed | None:
    """The earliest of `rows` that is in force at `at`."""
    in_force = [row for row in rows if row.expires_at is None or row.expires_at > at]
    return min(in_force, key=lambda row: row.seq, default=None)


def place_of(member: Member, *, beside_older: bool) -> str:
    """The user's key under which a row is stored.

    While nodes of the previous version use the list, it is the key under which they look for this spelling.
    """
    wa_id = member.wa_id
    return wa_id if beside_older and wa_id is not None and wa_id in member.former_keys else member.key


class ListRows:
    """A store loads rows, and writes `removed`, `written` and `head`. A row that is not loaded counts as absent."""

    def __init__(self, list_id: str, head: Head) -> None:
        self.list_id = list_id
        self.head = head
        self._head_before = head.version, head.size, head.next_expiry, head.event_at
        self._rows: dict[str, Listed] = {}
        self._stored: dict[str, Listed] = {}
        self._loaded: set[str] = set()
        """The identities that need not be loaded."""
        self._has_new = False
        """Whether rows were put since the last write."""

    def unloaded(self, names: AbstractSet[str]) -> AbstractSet[str]:
        """Those of `names` that were not loaded."""
        return names - self._loaded if self._loaded else names

    def load(self, names: Iterable[str], rows: Iterable[Listed]) -> None:
        """Load the list's rows under `names`, which were not loaded before."""
        loaded = {row.identity: row for row in rows}
        self._loaded.update(names)
        self._stored |= loaded
        self._rows |= loaded

    @property
    def removed(self) -> list[str]:
        """The identities whose rows must be deleted, before others are written."""
        return [identity for identity in self._stored if identity not in self._rows]

    @property
    def outdated(self) -> list[str]:
        """The identities whose stored rows must be deleted or replaced."""
        rows = self._rows
        return [identity for identity, row in self._stored.items() if rows.get(identity) is not row]

    @property
    def written(self) -> list[Listed]:
        """The rows to write: new ones, and those that changed. In the order of the request: so SQLite is faster."""
        rows, stored = self._rows.values(), self._stored
        return [row for row in rows if stored.get(row.identity) is not row] if stored else list(rows)

    @property
    def has_changed(self) -> bool:
        """Whether the list's rows or its head must be written."""
        head = self.head
        return self._has_new or (head.version, head.size, head.next_expiry, head.event_at) != self._head_before

    def mark_written(self) -> None:
        """Note that the store has written all changes."""
        self._stored = self._rows.copy()
        self._loaded.update(self._rows)
        self._has_new = False
        head = self.head
        self._head_before = head.version, head.size, head.next_expiry, head.event_at

    def mark_expired(self, at: Microseconds, count: int, next_expiry: Microseconds | None) -> None:
        """Note that the store has deleted `count` rows that had expired at `at`. All changes were written before."""
        self.head.size -= count
        self.head.next_expiry = next_expiry
        for row in self._expired(at):
            del self._rows[row.identity]
            self._stored.pop(row.identity, None)

    def _of(self, names: Iterable[str]) -> list[Listed]:
        """The rows under `names`, the earliest first."""
        rows = [self._rows[name] for name in set(names) if name in self._rows]
        return rows if len(rows) < 2 else sorted(rows, key=lambda row: row.seq)

    def _taken(self, names: Collection[str]) -> Sequence[Listed]:
        """Remove the rows under `names`, and return them."""
        if len(names) == 1:
            (name,) = names
            row = self._rows.pop(name, None)
            return () if row is None else (row,)
        rows = self._of(names)
        for row in rows:
            del self._rows[row.identity]
        return rows

    def _put(self, row: Listed) -> None:
        self._rows[row.identity] = row
        self._has_new = True
        if row.expires_at is not None:
            self.head.expires(row.expires_at)

    def _expired(self, at: Microseconds) -> list[Listed]:
        return [row for row in self._rows.values() if row.expires_at is not None and row.expires_at <= at]
