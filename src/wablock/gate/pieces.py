"""JSON in raw pieces: read in part, cut, and joined again without encoding anything anew."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, Generic, TypeVar

import msgspec


class Unreadable(ValueError):
    """The body is not a JSON object, or not UTF-8 where the gate has to read it: nobody passes unseen."""


Members = dict[str, msgspec.Raw]
Piece = msgspec.Raw | bytes
Pieces = list[Piece]

UNREAD: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What is raised for text that cannot be read."""

_T = TypeVar("_T")
_S = TypeVar("_S", bound=msgspec.Struct)

# msgspec refuses half a surrogate pair, even in text that is only skipped. Other senders' JSON has them, where text was
# cut after so many UTF-16 units, and one such message must not stop all others. 0xFF stands nowhere in UTF-8.
_ESCAPE: Final = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)
_MASK: Final = b"\xff"


an_object = msgspec.json.Decoder(Members)
objects = msgspec.json.Decoder(list[Members])
a_list = msgspec.json.Decoder(list[msgspec.Raw])
a_text = msgspec.json.Decoder(str)


class Reader(Generic[_S]):
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


def decoded(decoder: msgspec.json.Decoder[_T], raw: msgspec.Raw | None) -> _T | None:
    """None where it is missing or of another shape; what cannot be read at all raises."""
    if raw is None:
        return None
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        return None


def list_of(raw: msgspec.Raw | None) -> list[msgspec.Raw]:
    return decoded(a_list, raw) or []


def joined_array(pieces: Iterable[msgspec.Raw]) -> Pieces:
    out: Pieces = [it for piece in pieces for it in (b",", piece)]
    return [b"[", *out[1:], b"]"]


def joined_object(members: Members, instead: Mapping[str, Pieces]) -> Pieces:
    """The object of these members, in their order; those in `instead` have other values. Joined once, at the end."""
    out: Pieces = []
    for name, piece in members.items():
        out += (b"," if out else b"{", msgspec.json.encode(name), b":")
        out += instead.get(name) or (piece,)
    out.append(b"}" if out else b"{}")
    return out


def joined_elements(elements: Iterable[Pieces]) -> Pieces:
    out: Pieces = []
    for element in elements:
        out.append(b"," if out else b"[")
        out += element
    out.append(b"]")
    return out


def mask(body: bytes) -> bytes | None:
    """The body with its halves of surrogate pairs hidden, of the same length; None: it has none, or is no UTF-8."""
    if _MASK in body:
        return None
    masked = _ESCAPE.sub(lambda found: _MASK + found[1] if found[1] else found[0], body)
    return None if masked == body else masked


def unmask(body: bytes) -> bytes:
    return body.replace(_MASK, b"\\")
