"""A webhook's body, taken apart into raw pieces: what is let through keeps every byte of it, in its order.

Shapes that Meta has not documented are no errors: they are kept whole. Of a repeated JSON key the last one counts.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from wablock.gate.senders import names_of

_CARRIES_ITEMS: Final = frozenset(("messages", "standby", "calls"))  # fields whose messages and calls come from users
_ARRAYS: Final = ("messages", "calls")
_ONLY_AN_ADDRESS: Final = frozenset(("messaging_product", "metadata"))
_CHANGED_NUMBER: Final = frozenset(("user_changed_number", "customer_changed_number"))

_Members = dict[str, msgspec.Raw]
_Piece = msgspec.Raw | bytes

_members = msgspec.json.Decoder(_Members)
_pieces = msgspec.json.Decoder(list[msgspec.Raw])
_anything = msgspec.json.Decoder()


class Unreadable(ValueError):
    """The body is not a JSON object."""


class _Metadata(msgspec.Struct):
    phone_number_id: Any = None


class _System(msgspec.Struct):
    type: Any = None
    wa_id: Any = None
    new_wa_id: Any = None
    user_id: Any = None
    previous_user_id: Any = None


class _Fields(msgspec.Struct):
    """What is read of a message or a call; any JSON may stand in each member."""

    from_: Any = msgspec.field(default=None, name="from")
    from_user_id: Any = None
    id: Any = None
    type: Any = None
    timestamp: Any = None
    system: msgspec.Raw = msgspec.Raw()


class _Person(msgspec.Struct):
    """A contact, or whom a status is about."""

    wa_id: Any = None
    user_id: Any = None
    recipient_id: Any = None
    recipient_user_id: Any = None

    @property
    def names(self) -> set[str]:
        wa_id = _text(self.wa_id) or _text(self.recipient_id)
        return names_of(wa_id, _text(self.user_id) or _text(self.recipient_user_id))


_fields = msgspec.json.Decoder(_Fields)
_metadata = msgspec.json.Decoder(_Metadata)
_person = msgspec.json.Decoder(_Person)
_system = msgspec.json.Decoder(_System)


class Item(msgspec.Struct, eq=False):
    """One message or call. `timestamp` in seconds since 1970, `size` in bytes."""

    array: str
    raw: msgspec.Raw
    wa_id: str | None
    user_id: str | None
    id: str | None
    type: str
    timestamp: int | None
    size: int


class Notice(msgspec.Struct, frozen=True):
    """WhatsApp says that one user's ids have changed. Either id of a pair may be missing."""

    previous: tuple[str | None, str | None]
    current: tuple[str | None, str | None]


class Change(msgspec.Struct, eq=False):
    """One change of a delivery; `raw` is all of it. Where it is not of the documented shape nothing else is known."""

    raw: _Piece
    entry_id: str | None = None
    field: str | None = None
    phone_number_id: str | None = None
    items: list[Item] = []
    links: list[tuple[str, str]] = []
    notices: list[Notice] = []
    members: _Members = {}
    value: _Members = {}

    def without(self, drop: Callable[[Item], bool]) -> _Piece | None:
        """What is left when the items that `drop` names are taken out; None for nothing."""
        kept = [item for item in self.items if not drop(item)]
        if len(kept) == len(self.items):
            return self.raw
        value = self._value_with(kept)
        if _ONLY_AN_ADDRESS.issuperset(value):
            return None
        return _object({**self.members, "value": _object(value)})

    def _value_with(self, kept: Sequence[Item]) -> dict[str, _Piece]:
        value: dict[str, _Piece] = dict(self.value)
        for array in _ARRAYS:
            if any(item.array == array for item in self.items):
                left = {id(item) for item in kept}
                pieces = _list(self.value[array])
                mine = iter([item for item in self.items if item.array == array])
                # What is no object is no item, and stays where it is.
                spliced = [it for it in pieces if not _is_object(it) or id(next(mine)) in left]
                _put(value, array, spliced, len(pieces))
        contacts = _list(self.value.get("contacts"))
        _put(value, "contacts", self._contacts_with(contacts, kept), len(contacts))
        return value

    def _contacts_with(self, contacts: Sequence[msgspec.Raw], kept: Sequence[Item]) -> list[msgspec.Raw]:
        """Without those who belong to nobody but the senders of what was taken out."""
        staying = set().union(*(names_of(item.wa_id, item.user_id) for item in kept), *_recipients(self.value))
        left = {id(item) for item in kept}
        gone = set().union(*(names_of(it.wa_id, it.user_id) for it in self.items if id(it) not in left)) - staying
        return [
            contact
            for contact in contacts
            if not ((names := _decode(_person, contact, _Person()).names) & gone) or names & staying
        ]


class Payload:
    """One delivery. `raw` are its bytes, `changes` all of it in order."""

    def __init__(self, raw: bytes, top: _Members, entries: list[tuple[_Piece, _Members, list[Change]]]) -> None:
        self.raw = raw
        self._top = top
        self._entries = entries
        self.changes: list[Change] = [change for _, _, changes in entries for change in changes]

    @classmethod
    def parse(cls, body: bytes) -> "Payload":
        """Raises `Unreadable`."""
        try:
            top = _members.decode(body)
            entries = _decode(_pieces, top.get("entry"), None)
            if entries is None:  # nothing in it can be told apart: it is one change
                return cls(body, top, [(body, {}, [Change(body)])])
            return cls(body, top, [_entry(raw) for raw in entries])
        except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
            raise Unreadable("not a JSON object") from fault

    def body(self, chosen: Iterable[Change], drop: Callable[[Item], bool]) -> bytes | None:
        """The JSON of the chosen changes without the items that `drop` names; None where nothing is left.

        `raw` itself where that is all of it.
        """
        wanted = {id(change) for change in chosen}
        entries: list[_Piece] = []
        untouched = len(wanted) == len(self.changes)
        for raw, members, changes in self._entries:
            kept = [
                (change, left)
                for change in changes
                if id(change) in wanted and (left := change.without(drop)) is not None
            ]
            whole = len(kept) == len(changes) and all(left is change.raw for change, left in kept)
            untouched = untouched and whole
            if whole and (kept or not wanted.isdisjoint(map(id, self.changes))):
                entries.append(raw)
            elif kept:
                entries.append(_object({**members, "changes": _array(left for _, left in kept)}))
        if untouched and self.changes:
            return self.raw
        if not any(id(change) in wanted for change in self.changes) or not entries:
            return None
        return _object({**self._top, "entry": _array(entries)})


def _entry(raw: msgspec.Raw) -> tuple[_Piece, _Members, list[Change]]:
    members = _decode(_members, raw, {})
    changes = _decode(_pieces, members.get("changes"), None)
    if changes is None:
        return raw, {}, [Change(raw, _id(members.get("id")))]
    entry_id = _id(members.get("id"))
    return raw, members, [_change(change, entry_id) for change in changes]


def _change(raw: msgspec.Raw, entry_id: str | None) -> Change:
    members = _decode(_members, raw, {})
    value = _decode(_members, members.get("value"), {})
    field = _text(_decode(_anything, members.get("field"), None))
    metadata = _decode(_metadata, value.get("metadata"), _Metadata())
    change = Change(raw, entry_id, field, _text(metadata.phone_number_id), members=members, value=value)
    if field in _CARRIES_ITEMS:
        change.items = [item for array in _ARRAYS for item in _items(array, _list(value.get(array)))]
        change.notices = [notice for item in change.items if (notice := _system_notice(item)) is not None]
        change.links = list(_links(change))
    elif field == "user_id_update":
        change.notices = list(_id_updates(value))
    return change


def _items(array: str, pieces: Iterable[msgspec.Raw]) -> Iterator[Item]:
    for raw in pieces:
        if _is_object(raw):
            said = _fields.decode(raw)  # where this fails the whole body is unreadable: nobody passes unseen
            kind = "call" if array == "calls" else _text(said.type) or "unknown"
            yield Item(
                array,
                raw,
                _text(said.from_),
                _text(said.from_user_id),
                _text(said.id),
                kind,
                _seconds(said.timestamp),
                len(memoryview(raw)),
            )


def _system_notice(item: Item) -> Notice | None:
    if item.type != "system":
        return None
    said = _decode(_system, _fields.decode(item.raw).system, _System())
    new_id, old_id = _text(said.user_id), _text(said.previous_user_id)
    if said.type in _CHANGED_NUMBER:
        return Notice((item.wa_id, old_id), (_text(said.wa_id) or _text(said.new_wa_id), new_id))
    if said.type == "user_changed_user_id":
        return Notice((item.wa_id, old_id), (item.wa_id, new_id))
    return None


def _id_updates(value: _Members) -> Iterator[Notice]:
    updates = _decode(_anything, value.get("user_id_update"), None)
    for update in updates if isinstance(updates, list) else [updates]:
        if isinstance(update, dict):
            ids = update.get("user_id")
            said = ids if isinstance(ids, dict) else update
            wa_id = _text(update.get("wa_id"))
            yield Notice((wa_id, _text(said.get("previous"))), (wa_id, _text(said.get("current"))))


def _links(change: Change) -> Iterator[tuple[str, str]]:
    """The numbers and user_ids that are shown to be one user."""
    for raw in _list(change.value.get("contacts")):
        person = _decode(_person, raw, _Person())
        if (wa_id := _text(person.wa_id)) and (user_id := _text(person.user_id)):
            yield wa_id, user_id
    for item in change.items:
        if item.wa_id and item.user_id and item.type != "system":
            yield item.wa_id, item.user_id


def _recipients(value: _Members) -> Iterator[set[str]]:
    for raw in _list(value.get("statuses")):
        yield _decode(_person, raw, _Person()).names


def _decode(decoder: msgspec.json.Decoder[Any], raw: _Piece | None, otherwise: Any) -> Any:
    """What `raw` is; `otherwise` where it is missing or something else."""
    if raw is None:
        return otherwise
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return otherwise


def _list(raw: msgspec.Raw | None) -> list[msgspec.Raw]:
    found: list[msgspec.Raw] = _decode(_pieces, raw, [])
    return found


def _is_object(raw: msgspec.Raw) -> bool:
    return bytes(memoryview(raw)[:1]) == b"{"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _id(raw: msgspec.Raw | None) -> str | None:
    return _text(_decode(_anything, raw, None))


def _seconds(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:12])
    return value if isinstance(value, int) and 0 <= value < 10**12 else None


def _put(value: dict[str, _Piece], name: str, left: Sequence[msgspec.Raw], before: int) -> None:
    """`left` in place of an array; no array where taking out has emptied it."""
    if not left:
        value.pop(name, None)
    elif len(left) < before:
        value[name] = _array(left)


def _array(pieces: Iterable[_Piece]) -> bytes:
    return b"[" + b",".join(pieces) + b"]"


def _object(members: dict[str, Any]) -> bytes:
    return b"{" + b",".join([msgspec.json.encode(name) + b":" + bytes(piece) for name, piece in members.items()]) + b"}"
