"""A webhook's body, taken apart into raw pieces: what is let through keeps every byte of it, in its order.

Shapes that Meta has not documented are no errors: they are kept whole. Of a repeated JSON key the last one counts, and
only that one is handed on where something else was taken out of the same object.
"""

from collections.abc import Callable, Iterable

import msgspec

from wablock.gate.changes import Change, Item, changes_of
from wablock.gate.pieces import (
    UNREAD,
    Members,
    Pieces,
    Unreadable,
    a_list,
    a_text,
    an_object,
    decoded,
    joined_elements,
    joined_object,
    mask,
    objects,
    unmask,
)


class _Entry(msgspec.Struct):
    """`members` None: it is opaque, and its only change is all of it."""

    members: Members | None
    changes: list[Change]


class Payload:
    """One delivery. `raw` are its bytes, `changes` all of it in order."""

    def __init__(self, raw: bytes, top: Members, entries: list[_Entry], *, masked: bool = False) -> None:
        self.raw = raw
        self.changes: list[Change] = [change for entry in entries for change in entry.changes]
        self._top = top
        self._entries = entries
        self._masked = masked

    @classmethod
    def parse(cls, body: bytes) -> "Payload":
        """Raises `Unreadable`."""
        try:
            return cls(body, *_split(body))
        except UNREAD as fault:
            masked = mask(body)
            if masked is None:
                raise Unreadable("not a JSON object") from fault
        try:
            return cls(body, *_split(masked), masked=True)
        except UNREAD as fault:
            raise Unreadable("not a JSON object") from fault

    def body(self, chosen: Iterable[Change], drop: Callable[[Item], bool]) -> bytes | None:
        """The JSON of the chosen changes without the items that `drop` names; None where nothing is left.

        `raw` itself where that is all of it. Raises `Unreadable`.
        """
        wanted = {id(change) for change in chosen}
        mine = [change for change in self.changes if id(change) in wanted]
        gone = {id(item) for change in mine for item in change.items if drop(item)}
        if not gone and len(mine) == len(self.changes):
            return self.raw
        entries = [left for entry in self._entries if (left := _left(entry, wanted, gone)) is not None]
        if not entries:
            return None
        body = b"".join(joined_object(self._top, {"entry": joined_elements(entries)}))
        return unmask(body) if self._masked else body


def _left(entry: _Entry, wanted: set[int], gone: set[int]) -> Pieces | None:
    kept = (change.without(gone) for change in entry.changes if id(change) in wanted)
    changes = [pieces for pieces in kept if pieces is not None]
    if not changes:
        return None
    return changes[0] if entry.members is None else joined_object(entry.members, {"changes": joined_elements(changes)})


def _split(body: bytes) -> tuple[Members, list[_Entry]]:
    top = an_object.decode(body)
    entries = decoded(objects, top.get("entry"))
    if entries is not None:
        return top, [_entry(members) for members in entries]
    pieces = decoded(a_list, top.get("entry"))
    if pieces is None:  # nothing in it can be told apart: it is one change
        return top, [_Entry(None, [Change([body])])]
    return top, [
        _Entry(None, [Change([it])]) if (members := decoded(an_object, it)) is None else _entry(members)
        for it in pieces
    ]


def _entry(members: Members) -> _Entry:
    entry_id = decoded(a_text, members.get("id")) or None
    changes = changes_of(members["changes"], entry_id) if "changes" in members else None
    if changes is None:
        return _Entry(None, [Change(joined_object(members, {}), entry_id)])
    return _Entry(members, changes)
