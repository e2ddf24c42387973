"""One change of a webhook: what users sent in it, what it shows of them, and what is left without some of it."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

import msgspec

from wablock.gate.pieces import (
    UNREAD,
    Members,
    Pieces,
    Reader,
    Unreadable,
    a_list,
    a_text,
    an_object,
    decoded,
    joined_array,
    joined_object,
    list_of,
)
from wablock.gate.senders import ShownId, names_of

_CARRIES_ITEMS: Final = frozenset(("messages", "standby", "calls"))  # fields whose messages and calls come from users
_ARRAYS: Final = ("messages", "calls")
_EMPTIED: Final = frozenset((*_ARRAYS, "contacts"))
_ONLY_AN_ADDRESS: Final = frozenset(("messaging_product", "metadata"))
_CHANGED_NUMBER: Final = frozenset(("user_changed_number", "customer_changed_number"))


class _Metadata(msgspec.Struct, gc=False):
    phone_number_id: str | None = None
    display_phone_number: msgspec.Raw = msgspec.Raw()


class Item(msgspec.Struct, eq=False, gc=False):
    """A message or a call, as it says itself. What is empty says no more than what is missing."""

    wa_id: ShownId = msgspec.field(default=None, name="from")
    user_id: str | None = msgspec.field(default=None, name="from_user_id")
    id: str | None = None
    type: str | None = None
    timestamp: str | int | None = None
    system: msgspec.Raw = msgspec.Raw()

    array: ClassVar[str]
    """Where in a change it stands."""

    @property
    def kind(self) -> str:
        return self.type or "unknown"

    @property
    def sent_at(self) -> int | None:
        """In seconds since 1970."""
        return _seconds(self.timestamp)


class Message(Item, eq=False, gc=False):
    array = "messages"


class Call(Item, eq=False, gc=False):
    array = "calls"

    @property
    def kind(self) -> str:
        return "call"


class _System(msgspec.Struct):
    type: str | None = None
    wa_id: ShownId = None
    new_wa_id: ShownId = None
    user_id: str | None = None
    previous_user_id: str | None = None


class _Contact(msgspec.Struct, gc=False):
    wa_id: ShownId = None
    user_id: str | None = None


class _Status(msgspec.Struct, gc=False):
    recipient_id: ShownId = None
    recipient_user_id: str | None = None


class _NewId(msgspec.Struct):
    previous: str | None = None
    current: str | None = None
    wa_id: ShownId = None
    user_id: msgspec.Raw = msgspec.Raw()


class _Value(msgspec.Struct, gc=False):
    """What is read of a change's value. None in a list is no object."""

    metadata: _Metadata | None = None
    contacts: list[_Contact | None] = []
    messages: list[Message | None] = []
    calls: list[Call | None] = []
    user_id_update: msgspec.Raw = msgspec.Raw()


class _Read(msgspec.Struct, gc=False):
    field: str | None = None
    value: _Value | None = None


_documented = msgspec.json.Decoder(list[_Read])
_metadata = Reader(_Metadata)
_message = Reader(Message)
_call = Reader(Call)
_system = Reader(_System)
_contact = Reader(_Contact)
_status = Reader(_Status)
_new_id = Reader(_NewId)


class Notice(msgspec.Struct, frozen=True):
    """WhatsApp says that one user's (wa_id, user_id) have changed. Either of a pair may be missing."""

    previous: tuple[ShownId, str | None]
    current: tuple[ShownId, str | None]


class _Parts(msgspec.Struct):
    """A change in raw pieces."""

    members: Members
    value: Members
    arrays: dict[str, list[msgspec.Raw]]
    contacts: list[tuple[msgspec.Raw, _Contact]]


class Change(msgspec.Struct, eq=False):
    """One change of a delivery: its pieces as they came, and what was read of them.

    Where it is not of the documented shape it has no items, and nothing else of it is known. `links`: the wa_ids and
    user_ids that it shows to be one user. The pieces are for this package's eyes: they may be masked.
    """

    pieces: Pieces
    entry_id: str | None = None
    field: str | None = None
    phone_number_id: str | None = None
    items: list[Item] = []
    links: list[tuple[ShownId, str]] = []
    notices: list[Notice] = []
    arrays: tuple[Sequence[Item | None], Sequence[Item | None]] = ((), ())
    """Messages and calls, as they stand there."""
    display_number: msgspec.Raw = msgspec.Raw()
    """The business number's own, unread: it is of use once."""
    _parts: _Parts | None = None

    def piece(self, item: Item) -> msgspec.Raw:
        """All of the item."""
        place = next(place for place, it in enumerate(self._array(item.array)) if it is item)
        return self._taken_apart().arrays[item.array][place]

    def size(self, item: Item) -> int:
        """In bytes, as it came."""
        return memoryview(self.piece(item)).nbytes

    def without(self, gone: set[int]) -> Pieces | None:
        """What is left when the items with these ids are taken out; None for nothing."""
        dropped = [item for item in self.items if id(item) in gone]
        if not dropped:
            return self.pieces
        parts = self._taken_apart()
        left = self._arrays_without(parts, dropped, gone)
        value = {name: raw for name, raw in parts.value.items() if left.get(name) != []}
        if all(name in _ONLY_AN_ADDRESS or _came_empty(name, raw) for name, raw in value.items()):
            return None
        return joined_object(
            parts.members, {"value": joined_object(value, {name: joined_array(it) for name, it in left.items()})}
        )

    def _array(self, name: str) -> Sequence[Item | None]:
        return self.arrays[_ARRAYS.index(name)]

    def _taken_apart(self) -> _Parts:
        """Done once, and only for a change that something is taken out of; raises `Unreadable`."""
        if self._parts is None:
            try:
                self._parts = _parts(b"".join(self.pieces))
            except UNREAD as fault:
                raise Unreadable("not UTF-8") from fault
        return self._parts

    def _arrays_without(self, parts: _Parts, dropped: Sequence[Item], gone: set[int]) -> dict[str, list[msgspec.Raw]]:
        """The arrays from which something was taken out."""
        left = {}
        for array in {item.array for item in dropped}:
            items = zip(parts.arrays[array], self._array(array), strict=True)
            left[array] = [piece for piece, item in items if id(item) not in gone]
        contacts = self._contacts_without(parts, dropped, gone)
        if len(contacts) < len(parts.contacts):
            left["contacts"] = contacts
        return left

    def _contacts_without(self, parts: _Parts, dropped: Sequence[Item], gone: set[int]) -> list[msgspec.Raw]:
        """Without those who belong to nobody but the senders of what was taken out."""
        leaving: set[str] = set().union(*(names_of(item.wa_id, item.user_id) for item in dropped))
        names = [names_of(person.wa_id, person.user_id) for _, person in parts.contacts]
        if all(map(leaving.isdisjoint, names)):
            return [raw for raw, _ in parts.contacts]
        kept = (names_of(item.wa_id, item.user_id) for item in self.items if id(item) not in gone)
        staying: set[str] = set().union(*kept, *_recipients(parts.value))
        whose = zip(parts.contacts, names, strict=True)
        return [raw for (raw, _), its in whose if leaving.isdisjoint(its) or not staying.isdisjoint(its)]


def _parts(change: bytes) -> _Parts:
    members = an_object.decode(change)
    value = decoded(an_object, members.get("value")) or {}
    arrays: dict[str, list[msgspec.Raw]] = {array: list_of(value[array]) for array in _ARRAYS if array in value}
    contacts = [(raw, _contact.read(raw) or _Contact()) for raw in list_of(value.get("contacts"))]
    return _Parts(members, value, arrays, contacts)


def _recipients(value: Members) -> Iterator[set[str]]:
    try:
        for raw in list_of(value.get("statuses")):
            status = _status.read(raw) or _Status()
            yield names_of(status.recipient_id, status.recipient_user_id)
    except UNREAD:  # it is handed on as it is; only the contacts of those not read yet may go with their senders
        return


def changes_of(array: msgspec.Raw, entry_id: str | None) -> list[Change] | None:
    """The changes in this array; None where it is none. All are read at once, where none has another shape."""
    pieces = decoded(a_list, array)
    if pieces is None:
        return None
    try:
        read: Sequence[_Read | None] = _documented.decode(array)
    except UNREAD:  # perhaps in a change of another field, of which nothing need be read
        read = [_read_apart(raw) for raw in pieces]
    return [
        Change([raw], entry_id) if said is None else _change(raw, said, entry_id)
        for raw, said in zip(pieces, read, strict=True)
    ]


def _read_apart(raw: msgspec.Raw) -> _Read | None:
    """The same of one change, in which what has another shape is as if it were missing."""
    members = decoded(an_object, raw)
    if members is None:
        return None
    field = decoded(a_text, members.get("field"))
    value = decoded(an_object, members.get("value")) or {}
    read = _Value(
        _metadata.read(value["metadata"]) if "metadata" in value else None,
        user_id_update=value.get("user_id_update", msgspec.Raw()),
    )
    if field in _CARRIES_ITEMS:
        read.contacts = [_contact.read(raw) for raw in list_of(value.get("contacts"))]
        read.messages = [_message.read(raw) for raw in list_of(value.get("messages"))]
        read.calls = [_call.read(raw) for raw in list_of(value.get("calls"))]
    return _Read(field, read)


def _change(raw: msgspec.Raw, read: _Read, entry_id: str | None) -> Change:
    value = read.value or _Value()
    phone_number_id = value.metadata.phone_number_id if value.metadata is not None else None
    change = Change([raw], entry_id, read.field, phone_number_id or None)
    if value.metadata is not None:
        change.display_number = value.metadata.display_phone_number
    if read.field in _CARRIES_ITEMS:
        _read_items(change, value)
    elif read.field == "user_id_update" and memoryview(value.user_id_update):
        change.notices = list(_new_ids(value.user_id_update))
    return change


def _read_items(change: Change, value: _Value) -> None:
    change.arrays = value.messages, value.calls
    # What is no object is no item, and stays where it is.
    change.items = [item for sent in change.arrays for item in sent if item is not None]
    links: list[tuple[ShownId, str]] = [
        (it.wa_id, it.user_id) for it in value.contacts if it is not None and it.user_id and it.wa_id
    ]
    notices: list[Notice] = []
    for item in change.items:
        if item.type == "system" and item.array == "messages":  # it speaks of ids before and after, which are no link
            notices += _notices(item.wa_id, item.user_id, item.system)
        elif item.user_id and item.wa_id:
            links.append((item.wa_id, item.user_id))
    change.links, change.notices = links, notices


def _notices(wa_id: ShownId, user_id: str | None, raw: msgspec.Raw) -> Iterator[Notice]:
    said = (_system.read(raw) if memoryview(raw) else None) or _System()
    new_wa_id, new_id = said.wa_id or said.new_wa_id or None, said.user_id or None
    if said.type in _CHANGED_NUMBER:
        old_id = said.previous_user_id or (user_id if user_id != new_id else None)
        yield Notice((wa_id, old_id), (new_wa_id, new_id))
    elif said.type == "user_changed_user_id":
        yield Notice((wa_id, said.previous_user_id or None), (new_wa_id or wa_id, new_id))


def _new_ids(raw: msgspec.Raw) -> Iterator[Notice]:
    updates = decoded(a_list, raw)
    for update in [raw] if updates is None else updates:
        said = _new_id.read(update)
        if said is not None:
            ids = (_new_id.read(said.user_id) if memoryview(said.user_id) else None) or said
            wa_id = said.wa_id or None
            yield Notice((wa_id, ids.previous or None), (wa_id, ids.current or None))


def _seconds(value: str | int | None) -> int | None:
    if isinstance(value, str):
        return int(value) if len(value) <= 12 and value.isascii() and value.isdigit() else None
    return value if value is not None and 0 <= value < 10**12 else None


def _came_empty(name: str, raw: msgspec.Raw) -> bool:
    return name in _EMPTIED and decoded(a_list, raw) == []
