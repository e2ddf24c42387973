"""JSON as the original bytes: the positions of its elements and members, and the same bytes without some of them.

The remaining bytes are never decoded and encoded again, so names, numbers, escapes and whitespace do not change.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Final, TypeAlias

import msgspec


class UnreadableBody(ValueError):
    """The body is not JSON that every parser reads in the same way. The message gives the reason, without content."""


class Gone(msgspec.Struct, frozen=True):
    """The part is removed as a whole. See `Cut`."""


GONE: Final = Gone()

Cut: TypeAlias = Mapping[str | int, "Cut | Gone"]
"""The parts to remove from an object or array, by their names or positions."""


def plain(name: str) -> str:
    """A name without case and underscores: some parsers ignore case, or write `fromUserId` for `from_user_id`.

    Raises `UnreadableBody` if the name is too long.
    """
    if len(name) > _LONGEST_NAME:
        raise UnreadableBody(f"A member's name in the body has more than {_LONGEST_NAME} characters.")
    return name.casefold().replace("_", "")


class _Piece(msgspec.Struct, gc=False):
    """An element, or a member with its plain name: the positions of its beginning, its value and its end."""

    name: str
    begin: int
    value: int
    end: int


_BLANKS = re.compile(rb"[ \t\r\n]*")
_NAME = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_LONGEST_NAME: Final = 1_000
_LARGEST_BLANK: Final = 0x20
_DECODING_ERRORS: Final = (msgspec.DecodeError, UnicodeError, RecursionError)

_list = msgspec.json.Decoder(list[msgspec.Raw])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_names = json.JSONDecoder(strict=False)
# It only has to find the end of a value. So it is not strict, and reads Latin-1, in which every byte is a character.
_scanner = json.JSONDecoder(strict=False, parse_int=str, parse_float=str)


class Node:
    """A value within a body."""

    def __init__(self, body: bytes, start: int, end: int) -> None:
        self.body = body
        self.start = start
        self.end = end
        self._nodes: dict[int, Node] = {}

    @classmethod
    def of(cls, body: bytes) -> "Node":
        return cls(body, _skip(body, 0), len(body))

    @property
    def size(self) -> int:
        return self.end - self.start

    @property
    def is_array(self) -> bool:
        return self.body.startswith(b"[", self.start)

    @property
    def elements(self) -> Iterator["Node"]:
        return map(self._node, range(len(self._parts if self.is_array else ())))

    @property
    def members(self) -> Iterator[tuple[str, "Node"]]:
        """The members of an object, in order, each with its plain name."""
        return ((part.name, self._node(place)) for place, part in enumerate(() if self.is_array else self._parts))

    def member(self, name: str) -> "Node | None":
        name = plain(name)
        return next((self._node(place) for place, part in enumerate(self._parts) if part.name == name), None)

    def at(self, path: Sequence[str | int]) -> "Node":
        """The value at a path. Raises `UnreadableBody` if there is none."""
        node = self
        for step in path:
            inner = node.member(step) if isinstance(step, str) else node._node(step)
            if inner is None:
                raise UnreadableBody("The body cannot be parsed.")
            node = inner
        return node

    def without(self, cut: Cut) -> list[bytes]:
        """The bytes of this value without the parts in `cut`, as a list of pieces."""
        parts = self._parts
        pieces: list[bytes] = []
        kept_from = self.start
        gone_before = 0
        for place, inner in self._places(cut):
            part = parts[place]
            if not isinstance(inner, Gone):
                pieces.append(self.body[kept_from : part.value])
                pieces += self._node(place).without(inner)
                kept_from = part.end
                continue
            # One comma is removed with the part: the comma before it, or the comma after it if no part is kept before.
            is_first = gone_before == place
            pieces.append(self.body[kept_from : part.begin if is_first else parts[place - 1].end])
            kept_from = parts[place + 1].begin if is_first and place + 1 < len(parts) else part.end
            gone_before += 1
        pieces.append(self.body[kept_from : self.end])
        return pieces

    def _places(self, cut: Cut) -> list[tuple[int, Cut | Gone]]:
        if self.is_array:
            return sorted((place, inner) for place, inner in cut.items() if isinstance(place, int))
        by_name = {plain(name): inner for name, inner in cut.items() if isinstance(name, str)}
        return [(place, by_name[part.name]) for place, part in enumerate(self._parts) if part.name in by_name]

    def _node(self, place: int) -> "Node":
        node = self._nodes.get(place)
        if node is None:
            part = self._parts[place]
            node = self._nodes[place] = Node(self.body, part.value, part.end)
        return node

    @cached_property
    def _parts(self) -> list[_Piece]:
        """The elements of an array or the members of an object; empty for any other value."""
        if self.is_array:
            return self._elements()
        return self._members() if self.body.startswith(b"{", self.start) else []

    def _elements(self) -> list[_Piece]:
        try:
            lengths = list(map(len, _list.decode(memoryview(self.body)[self.start : self.end])))
        except _DECODING_ERRORS:
            return list(self._scan())
        if sum(lengths) + len(lengths) + 1 == self.size:  # one comma or bracket after each element: no whitespace
            begins = accumulate(lengths, _next_begin, initial=self.start + 1)
            return [_Piece("", at, at, at + length) for at, length in zip(begins, lengths, strict=False)]
        parts = []
        at = self.start + 1
        for length in lengths:
            at = _skip(self.body, at)
            end = at + length
            parts.append(_Piece("", at, at, end))
            at = _skip(self.body, end) + 1  # the position after the comma
        return parts

    def _members(self) -> list[_Piece]:
        try:
            values = _object.decode(memoryview(self.body)[self.start : self.end])
        except _DECODING_ERRORS:
            return list(self._scan())
        # Each member has two quotes, a colon, and a comma or brace. If the size is exactly the sum, there is no
        # whitespace, no escaped name, and no name that occurs twice.
        if sum(map(len, values)) + sum(map(len, values.values())) + 4 * len(values) + 1 != self.size:
            return list(self._scan())
        parts = []
        at = self.start + 1
        for name, raw in values.items():
            value = at + len(name) + 3
            parts.append(_Piece(plain(name), at, value, value + len(raw)))
            at = value + len(raw) + 1
        return parts

    def _scan(self) -> Iterator[_Piece]:
        """The parts in order, for JSON in any format."""
        body = self.body
        text = body[self.start : self.end].decode("latin-1")
        at = _skip(body, self.start + 1)
        if body[at : at + 1] in {b"]", b"}"}:
            return
        comma = True
        while comma:
            name, value = "", at
            if not self.is_array:
                quoted_name = _NAME.match(body, at)
                if quoted_name is None:
                    raise UnreadableBody("The body cannot be parsed.")
                name = _decoded(quoted_name[0])
                value = _skip(body, _skip(body, quoted_name.end()) + 1)
            end = self.start + _end_of_value(text, value - self.start)
            yield _Piece(plain(name), at, value, end)
            after = _skip(body, end)
            comma = body[after : after + 1] == b","
            at = _skip(body, after + 1)


def _next_begin(at: int, length: int) -> int:
    """The position of the next element, after a comma."""
    return at + length + 1


def _end_of_value(text: str, at: int) -> int:
    try:
        return _scanner.raw_decode(text, at)[1]
    except (ValueError, RecursionError) as error:
        raise UnreadableBody("The body cannot be parsed.") from error


def _skip(body: bytes, at: int) -> int:
    """The first position from `at` on that is not whitespace."""
    if at < len(body) and body[at] > _LARGEST_BLANK:
        return at
    blanks = _BLANKS.match(body, at)
    return at if blanks is None else blanks.end()


def _decoded(quoted_name: bytes) -> str:
    if b"\\" not in quoted_name:
        return quoted_name[1:-1].decode("utf-8", "surrogateescape")
    return str(_names.decode(quoted_name.decode("utf-8", "surrogateescape")))
