"""A webhook's body, taken apart into raw pieces: what is let through keeps every byte of it, in its order.

Shapes that Meta has not documented are no errors: they are kept whole. Of a repeated JSON key the last one counts, and
only that one is handed on where something else was taken out.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Generic, TypeVar

import msgspec

from wablock.gate.senders import names_of

_CARRIES_ITEMS: Final = frozenset(("messages", "standby", "calls"))  # fields whose messages and calls come from users
_ARRAYS: Final = ("messages", "calls")
_EMPTIED: Final = frozenset((*_ARRAYS, "contacts"))
_ONLY_AN_ADDRESS: Final = frozenset(("messaging_product", "metadata"))
_CHANGED_NUMBER: Final = frozenset(("user_changed_number", "customer_changed_number"))
_UNREAD: Final = (msgspec.DecodeError, UnicodeError, RecursionError)

Members = dict[str, msgspec.Raw]
Piece = msgspec.Raw | bytes
Pieces = list[Piece]

_T = TypeVar("_T")
_S = TypeVar("_S", bound=msgspec.Struct)

# msgspec refuses half a surrogate pair, even in text that is only skipped. Other senders' JSON has them, where text was
# cut after so many UTF-16 units, and one such message must not stop all others. 0xFF stands nowhere in UTF-8.
_ESCAPE: Final = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)
_MASK: Final = b"\xff"


class Unreadable(ValueError):
    """The body is not a JSON object, or not UTF-8 where the gate has to read it: nobody passes unseen."""


class _Reader(Generic[_S]):
    """Reads an object as a struct of optional members: a member of another type is as one that is missing."""

    def __init__(self, kind: type[_S]) -> None:
        fields = msgspec.structs.fields(kind)
        raw = [(field.name, msgspec.Raw, msgspec.Raw()) for field in fields]
        apart = msgspec.defstruct(kind.__name__, raw, rename={field.name: field.encode_name for field in fields})
        self._kind = kind
        self._whole = msgspec.json.Decoder(kind)
        self._apart = msgspec.json.Decoder(apart)
        self._members = {field.name: msgspec.json.Decoder(field.type) for field in fields}

    def read(self, raw: msgspec.Raw) -> _S | None:
        """None for what is no object. Raises what msgspec raises for text that is not UTF-8."""
        try:
            return self._whole.decode(raw)
        except msgspec.ValidationError:
            return self._read_apart(raw)

    def _read_apart(self, raw: msgspec.Raw) -> _S | None:
        try:
            apart = self._apart.decode(raw)
        except msgspec.ValidationError:
            return None
        read = self._kind()
        for name, decoder in self._members.items():
            member: msgspec.Raw = getattr(apart, name)
            try:
                if memoryview(member):
                    setattr(read, name, decoder.decode(member))
            except msgspec.ValidationError:
                continue
        return read


class _Metadata(msgspec.Struct):
    phone_number_id: str | None = None


class _Said(msgspec.Struct, gc=False):
    """What is read of a message or a call."""

    from_: str | None = msgspec.field(default=None, name="from")
    from_user_id: str | None = None
    id: str | None = None
    type: str | None = None
    timestamp: str | int | None = None
    system: msgspec.Raw = msgspec.Raw()


class _System(msgspec.Struct):
    type: str | None = None
    wa_id: str | None = None
    new_wa_id: str | None = None
    user_id: str | None = None
    previous_user_id: str | None = None


class _Contact(msgspec.Struct, gc=False):
    wa_id: str | None = None
    user_id: str | None = None


class _Status(msgspec.Struct, gc=False):
    recipient_id: str | None = None
    recipient_user_id: str | None = None


class _NewId(msgspec.Struct):
    previous: str | None = None
    current: str | None = None
    wa_id: str | None = None
    user_id: msgspec.Raw = msgspec.Raw()


_an_object = msgspec.json.Decoder(Members)
_objects = msgspec.json.Decoder(list[Members])
_a_list = msgspec.json.Decoder(list[msgspec.Raw])
_a_text = msgspec.json.Decoder(str)
_all_of_them = msgspec.json.Decoder(list[_Said])
_metadata = _Reader(_Metadata)
_said = _Reader(_Said)
_system = _Reader(_System)
_contact = _Reader(_Contact)
_status = _Reader(_Status)
_new_id = _Reader(_NewId)


class Item(msgspec.Struct, eq=False, gc=False):
    """One message or call: who sent it, and `timestamp`, when, in seconds since 1970. `index` is its place in `array`.

    `raw` is for this module's eyes: it may be masked.
    """

    array: str
    index: int
    raw: msgspec.Raw
    wa_id: str | None
    user_id: str | None
    id: str | None
    type: str
    timestamp: int | None

    @property
    def size(self) -> int:
        """In bytes, as it came."""
        return memoryview(self.raw).nbytes


class Notice(msgspec.Struct, frozen=True):
    """WhatsApp says that one user's (wa_id, user_id) have changed. Either of a pair may be missing."""

    previous: tuple[str | None, str | None]
    current: tuple[str | None, str | None]


class Change(msgspec.Struct, eq=False):
    """One change of a delivery. Where it is not of the documented shape it is opaque, and nothing else is known.

    `links`: the wa_ids and user_ids that it shows to be one user.
    """

    entry_id: str | None = None
    field: str | None = None
    phone_number_id: str | None = None
    items: list[Item] = []
    links: list[tuple[str, str]] = []
    notices: list[Notice] = []
    opaque: Pieces | None = None
    members: Members = {}
    value: Members = {}
    arrays: dict[str, list[msgspec.Raw]] = {}
    contacts: list[tuple[msgspec.Raw, _Contact]] = []

    def without(self, gone: set[int]) -> Pieces | None:
        """What is left when the items with these ids are taken out; None for nothing."""
        if self.opaque is not None:
            return self.opaque
        dropped = [item for item in self.items if id(item) in gone]
        if not dropped:
            return _object(self.members, {})
        left = self._arrays_without(dropped, gone)
        value = {name: raw for name, raw in self.value.items() if left.get(name) != []}
        if all(name in _ONLY_AN_ADDRESS or _came_empty(name, raw) for name, raw in value.items()):
            return None
        return _object(self.members, {"value": _object(value, {name: _raw_array(it) for name, it in left.items()})})

    def _arrays_without(self, dropped: Sequence[Item], gone: set[int]) -> dict[str, list[msgspec.Raw]]:
        """The arrays from which something was taken out."""
        left = {}
        for array in {item.array for item in dropped}:
            out = {item.index for item in dropped if item.array == array}
            left[array] = [piece for index, piece in enumerate(self.arrays[array]) if index not in out]
        contacts = self._contacts_without(dropped, gone)
        if len(contacts) < len(self.contacts):
            left["contacts"] = contacts
        return left

    def _contacts_without(self, dropped: Sequence[Item], gone: set[int]) -> list[msgspec.Raw]:
        """Without those who belong to nobody but the senders of what was taken out."""
        leaving: set[str] = set().union(*(names_of(item.wa_id, item.user_id) for item in dropped))
        names = [names_of(person.wa_id, person.user_id) for _, person in self.contacts]
        if all(map(leaving.isdisjoint, names)):
            return [raw for raw, _ in self.contacts]
        kept = (names_of(item.wa_id, item.user_id) for item in self.items if id(item) not in gone)
        staying: set[str] = set().union(*kept, *self._recipients())
        whose = zip(self.contacts, names, strict=True)
        return [raw for (raw, _), its in whose if leaving.isdisjoint(its) or not staying.isdisjoint(its)]

    def _recipients(self) -> Iterator[set[str]]:
        try:
            for raw in _list(self.value.get("statuses")):
                status = _status.read(raw) or _Status()
                yield names_of(status.recipient_id, status.recipient_user_id)
        except _UNREAD:  # it is handed on as it is; only the contacts of those not read yet may go with their senders
            return


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
        except _UNREAD as fault:
            masked = _mask(body)
            if masked is None:
                raise Unreadable("not a JSON object") from fault
        try:
            return cls(body, *_split(masked), masked=True)
        except _UNREAD as fault:
            raise Unreadable("not a JSON object") from fault

    def body(self, chosen: Iterable[Change], drop: Callable[[Item], bool]) -> bytes | None:
        """The JSON of the chosen changes without the items that `drop` names; None where nothing is left.

        `raw` itself where that is all of it.
        """
        wanted = {id(change) for change in chosen}
        mine = [change for change in self.changes if id(change) in wanted]
        gone = {id(item) for change in mine for item in change.items if drop(item)}
        if not gone and len(mine) == len(self.changes):
            return self.raw
        entries = [left for entry in self._entries if (left := _left(entry, wanted, gone)) is not None]
        if not entries:
            return None
        body = b"".join(_object(self._top, {"entry": _array(entries)}))
        return _unmask(body) if self._masked else body


def _left(entry: _Entry, wanted: set[int], gone: set[int]) -> Pieces | None:
    kept = (change.without(gone) for change in entry.changes if id(change) in wanted)
    changes = [pieces for pieces in kept if pieces is not None]
    if not changes:
        return None
    return changes[0] if entry.members is None else _object(entry.members, {"changes": _array(changes)})


def _split(body: bytes) -> tuple[Members, list[_Entry]]:
    top = _an_object.decode(body)
    entries = _decoded(_objects, top.get("entry"))
    if entries is not None:
        return top, [_entry(members) for members in entries]
    pieces = _decoded(_a_list, top.get("entry"))
    if pieces is None:  # nothing in it can be told apart: it is one change
        return top, [_Entry(None, [Change(opaque=[body])])]
    return top, [_opaque(it) if (members := _decoded(_an_object, it)) is None else _entry(members) for it in pieces]


def _opaque(raw: msgspec.Raw) -> _Entry:
    return _Entry(None, [Change(opaque=[raw])])


def _entry(members: Members) -> _Entry:
    entry_id = _decoded(_a_text, members.get("id")) or None
    changes = _decoded(_objects, members.get("changes"))
    if changes is not None:
        return _Entry(members, [_change(change, entry_id) for change in changes])
    pieces = _decoded(_a_list, members.get("changes"))
    if pieces is None:
        return _Entry(None, [Change(entry_id, opaque=_object(members, {}))])
    return _Entry(members, [_change_or_opaque(piece, entry_id) for piece in pieces])


def _change_or_opaque(raw: msgspec.Raw, entry_id: str | None) -> Change:
    members = _decoded(_an_object, raw)
    return Change(entry_id, opaque=[raw]) if members is None else _change(members, entry_id)


def _change(members: Members, entry_id: str | None) -> Change:
    field = _decoded(_a_text, members.get("field"))
    value = _decoded(_an_object, members.get("value")) or {}
    metadata = (_metadata.read(value["metadata"]) if "metadata" in value else None) or _Metadata()
    change = Change(entry_id, field, metadata.phone_number_id or None, members=members, value=value)
    if field in _CARRIES_ITEMS:
        change.arrays = {array: _list(value[array]) for array in _ARRAYS if array in value}
        change.contacts = [(raw, _contact.read(raw) or _Contact()) for raw in _list(value.get("contacts"))]
        _read_items(change)
    elif field == "user_id_update":
        change.notices = list(_new_ids(value.get("user_id_update")))
    return change


def _read_items(change: Change) -> None:
    change.items, change.notices = [], []
    change.links = [(it.wa_id, it.user_id) for _, it in change.contacts if it.wa_id and it.user_id]
    for array, pieces in change.arrays.items():
        for index, (raw, said) in enumerate(zip(pieces, _all_said(change.value[array], pieces), strict=True)):
            if said is None:  # what is no object is no item, and stays where it is
                continue
            kind = "call" if array == "calls" else said.type or "unknown"
            wa_id, user_id, when = said.from_ or None, said.from_user_id or None, _seconds(said.timestamp)
            change.items.append(Item(array, index, raw, wa_id, user_id, said.id or None, kind, when))
            if kind == "system":  # speaks of ids before and after, so that its sender's are no link
                change.notices += _notices(wa_id, user_id, said.system)
            elif wa_id and user_id:
                change.links.append((wa_id, user_id))


def _all_said(array: msgspec.Raw, pieces: Sequence[msgspec.Raw]) -> Sequence[_Said | None]:
    """What is read of each; all at once, where none has another shape."""
    said = _decoded(_all_of_them, array)
    return [_said.read(raw) for raw in pieces] if said is None else said


def _notices(wa_id: str | None, user_id: str | None, raw: msgspec.Raw) -> Iterator[Notice]:
    said = (_system.read(raw) if memoryview(raw) else None) or _System()
    new_wa_id, new_id = said.wa_id or said.new_wa_id or None, said.user_id or None
    if said.type in _CHANGED_NUMBER:
        old_id = said.previous_user_id or (user_id if user_id != new_id else None)
        yield Notice((wa_id, old_id), (new_wa_id, new_id))
    elif said.type == "user_changed_user_id":
        yield Notice((wa_id, said.previous_user_id or None), (new_wa_id or wa_id, new_id))


def _new_ids(raw: msgspec.Raw | None) -> Iterator[Notice]:
    if raw is None:
        return
    updates = _decoded(_a_list, raw)
    for update in [raw] if updates is None else updates:
        said = _new_id.read(update)
        if said is not None:
            ids = (_new_id.read(said.user_id) if memoryview(said.user_id) else None) or said
            wa_id = said.wa_id or None
            yield Notice((wa_id, ids.previous or None), (wa_id, ids.current or None))


def _decoded(decoder: msgspec.json.Decoder[_T], raw: msgspec.Raw | None) -> _T | None:
    """None where it is missing or of another shape; what cannot be read at all raises."""
    if raw is None:
        return None
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        return None


def _list(raw: msgspec.Raw | None) -> list[msgspec.Raw]:
    return _decoded(_a_list, raw) or []


def _seconds(value: str | int | None) -> int | None:
    if isinstance(value, str):
        return int(value) if len(value) <= 12 and value.isascii() and value.isdigit() else None
    return value if value is not None and 0 <= value < 10**12 else None


def _came_empty(name: str, raw: msgspec.Raw) -> bool:
    return name in _EMPTIED and _decoded(_a_list, raw) == []


def _raw_array(pieces: Iterable[msgspec.Raw]) -> Pieces:
    out: Pieces = [it for piece in pieces for it in (b",", piece)]
    return [b"[", *out[1:], b"]"]


def _object(members: Members, instead: Mapping[str, Pieces]) -> Pieces:
    """The object of these members, in their order; those in `instead` have other values. Joined once, at the end."""
    out: Pieces = []
    for name, piece in members.items():
        out += (b"," if out else b"{", msgspec.json.encode(name), b":")
        out += instead.get(name) or (piece,)
    out.append(b"}" if out else b"{}")
    return out


def _array(elements: Iterable[Pieces]) -> Pieces:
    out: Pieces = []
    for element in elements:
        out.append(b"," if out else b"[")
        out += element
    out.append(b"]")
    return out


def _mask(body: bytes) -> bytes | None:
    """The body with its halves of surrogate pairs hidden, of the same length; None: it has none, or is no UTF-8."""
    if _MASK in body:
        return None
    masked = _ESCAPE.sub(lambda found: _MASK + found[1] if found[1] else found[0], body)
    return None if masked == body else masked


def _unmask(body: bytes) -> bytes:
    return body.replace(_MASK, b"\\")
