"""The hash chain of a list's events. Each hash proves its event and all earlier ones.

It is computed of the hash of the event's text. So the text can be deleted, and the chain still be verified.
"""

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from wablock.block_list.events import Event, EventKind, RowChange, StoredEvent, event_id_of, new_salt, text_of
from wablock.block_list.list_rows import Head
from wablock.block_list.ports import Microseconds

_NOT_TEXT: Final = "surrogateescape"  # a store reads bytes so that are not UTF-8: only a changed event has some
FIRST_HASH: Final = b""
"""What stands before the first event of a list."""


class ChainEnd(msgspec.Struct, frozen=True):
    """An end of a list's chain: its newest event, or the last one that was deleted because of its age."""

    at: Microseconds = 0
    hash: bytes = FIRST_HASH


class Fault(StrEnum):
    """How an event differs from what was written.

    `changed`: the event, or one before it that is missing. `missing`: the newest events.
    """

    CHANGED = "changed"
    MISSING = "missing"


class ChainFault(msgspec.Struct, frozen=True):
    """`event_id` does not fit its hash or, for `missing`, is the last one that is there ("": there is none)."""

    event_id: str
    fault: Fault


class NewEvent(msgspec.Struct, frozen=True):
    """An event at `at` that is not in a chain yet."""

    event: Event
    at: Microseconds


class EventLog:
    """The new events of one list, in the order of its changes. `written` is what a store must add."""

    def __init__(self, list_id: str, head: Head) -> None:
        self._list_id = list_id
        self._head = head
        self.written: list[StoredEvent] = []

    def add(
        self, event: Event, at: Microseconds, changes: Iterable[RowChange] = (), batch_id: str | None = None
    ) -> None:
        """Add an event of a change at `at`. Its own time is that or later: it grows strictly."""
        head, list_id = self._head, self._list_id
        place = max(at, head.event_at + 1, head.version)
        text = text_of(event, place, tuple(changes))
        digest = hash_of(head.event_hash, list_id, place, batch_id, commitment_of(text))
        self.written.append(StoredEvent(list_id, place, batch_id, text, digest))
        head.event_at, head.event_hash = place, digest


def event(kind: EventKind, by: str = "", **values: object) -> Event:
    """A new event, with its own salt."""
    return Event(kind=kind, salt=new_salt(), by=by, **values)  # type: ignore[arg-type]


def commitment_of(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors=_NOT_TEXT)).digest()


def hash_of(before: bytes, list_id: str, at: Microseconds, batch_id: str | None, commitment: bytes) -> bytes:
    """The hash of an event after the one with the hash `before`."""
    named = f"{list_id}-{at}-{'' if batch_id is None else 'in ' + batch_id}".encode(errors=_NOT_TEXT)
    return hashlib.sha256(before + commitment + named).digest()


class ChainCheck:
    """Compares the events of a list, one after the other, with their hashes."""

    def __init__(self, list_id: str, oldest: ChainEnd) -> None:
        self._list_id = list_id
        self._last = oldest.at
        self._may_precede = [oldest.hash]
        """The hashes after which the next event may be correct: the stored one, and after a fault two computed ones."""

    def fault_of(self, stored: StoredEvent) -> ChainFault | None:
        """The fault of the next event; None if it is as it was written."""
        commitment = stored.commitment if stored.text is None else commitment_of(stored.text)
        is_whole = (stored.text is None) is not (stored.commitment is None) and stored.at > self._last
        hashes = [
            hash_of(before, self._list_id, stored.at, stored.batch_id, commitment or b"")
            for before in self._may_precede
        ]
        self._last = stored.at
        is_correct = is_whole and stored.hash in hashes
        self._may_precede = [stored.hash] if is_correct else [stored.hash, *hashes[:2]]
        return None if is_correct else ChainFault(stored.event_id, Fault.CHANGED)

    def fault_at_end(self, newest: ChainEnd) -> ChainFault | None:
        """The fault after the last event; None if the list's own row names that one as its last."""
        if newest.at == self._last and newest.hash in self._may_precede:
            return None
        return ChainFault(event_id_of(self._list_id, self._last) if self._last else "", Fault.MISSING)
