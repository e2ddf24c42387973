"""The rows of one list that changes may touch: as they were loaded, and as they are now."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import msgspec

from wablock.block_list.ports import Listed, Microseconds


class Head(msgspec.Struct):
    """A list's own row. Nobody on it expires before `next_expiry`; None: nobody does."""

    account_id: str
    version: int = 0
    size: int = 0
    next_expiry: Microseconds | None = None

    def grow(self, at: Microseconds, by: int) -> int:
        """The list's next version, `by` rows larger."""
        self.version = max(at, self.version + 1)
        self.size += by
        return self.version

    def expires(self, at: Microseconds) -> None:
        self.next_expiry = at if self.next_expiry is None else min(self.next_expiry, at)


class ListRows:
    """A store loads rows and writes what `removed`, `written` and `head` say. A row that is not loaded is not there."""

    def __init__(self, list_id: str, head: Head) -> None:
        self.list_id = list_id
        self.head = head
        self._head_before = msgspec.structs.astuple(head)
        self._rows: dict[str, Listed] = {}
        self._loaded: set[str] = set()
        self._stored: set[str] = set()
        self._changed: dict[str, None] = {}  # in order: SQLite writes neighbours sooner

    def unloaded(self, names: AbstractSet[str]) -> AbstractSet[str]:
        """Those of `names` that were not loaded."""
        return names - self._loaded if self._loaded else names

    def load(self, names: Iterable[str], rows: Iterable[Listed]) -> None:
        """The list's rows under `names`, which were not loaded before."""
        self._loaded.update(names)
        for row in rows:
            self._rows[row.identity] = row
            self._stored.add(row.identity)

    @property
    def removed(self) -> list[str]:
        """The identities whose rows are to be deleted, before others are written."""
        return [identity for identity in self._stored if identity not in self._rows]

    @property
    def replaced(self) -> list[str]:
        """The identities whose rows are stored otherwise than they are now."""
        return [identity for identity in self._changed if identity in self._stored and identity in self._rows]

    @property
    def written(self) -> list[Listed]:
        """The rows to be kept as they are now: new ones, and those that changed."""
        return [self._rows[identity] for identity in self._changed if identity in self._rows]

    @property
    def has_changed(self) -> bool:
        """Whether the list's rows or its head are to be written."""
        return bool(self._changed) or msgspec.structs.astuple(self.head) != self._head_before

    def mark_written(self) -> None:
        """The store has written it all."""
        self._stored = set(self._rows)
        self._changed = {}
        self._head_before = msgspec.structs.astuple(self.head)

    def mark_expired(self, at: Microseconds, count: int, next_expiry: Microseconds | None) -> None:
        """The store has deleted `count` rows that had expired at `at`."""
        self.head.size -= count
        self.head.next_expiry = next_expiry
        for row in self._expired(at):
            del self._rows[row.identity]
            if row.identity in self._stored:
                self._stored.remove(row.identity)
            else:  # it was never written, so that the store did not count it
                self.head.size -= 1
        for row in self.written:
            if row.expires_at is not None:
                self.head.expires(row.expires_at)

    def _of(self, names: Iterable[str]) -> list[Listed]:
        """The rows under `names`, the earliest first."""
        rows = [self._rows[name] for name in set(names) if name in self._rows]
        return rows if len(rows) < 2 else sorted(rows, key=lambda row: row.seq)

    def _put(self, row: Listed) -> None:
        self._rows[row.identity] = row
        self._changed[row.identity] = None
        if row.expires_at is not None:
            self.head.expires(row.expires_at)

    def _expired(self, at: Microseconds) -> list[Listed]:
        return [row for row in self._rows.values() if row.expires_at is not None and row.expires_at <= at]
