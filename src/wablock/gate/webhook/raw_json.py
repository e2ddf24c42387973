"""JSON as the bytes that came: where its elements and members stand, and the same bytes without some of them.

What is kept is never decoded and encoded again, so names, numbers, escapes and blanks stay as they are.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec


class Unreadable(ValueError):
    """The body is not JSON that every reader understands alike. The message says why, without the body's content."""


class Gone(msgspec.Struct, frozen=True):
    """In a `Cut`: all of it is taken out."""


GONE: Final = Gone()

Cut: TypeAlias = Mapping[str | int, "Cut | Gone"]
"""What is taken out of an object or array, by the names (in lower case) or places of its parts."""

_Span: TypeAlias = tuple[int, int, int]
"""Where a part begins, where its value begins, where it ends."""

_BLANKS = re.compile(rb"[ \t\r\n]*")
_NAME = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_LARGEST_BLANK: Final = 0x20

_list = msgspec.json.Decoder(list[msgspec.Raw])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
# Not strict, and on Latin-1, in which every byte is a character: to find where a value ends nothing else must be right.
_names = json.JSONDecoder(strict=False)
_scanner = json.JSONDecoder(strict=False, parse_int=str, parse_float=str)


class Node:
    """A value within a body."""

    def __init__(self, body: bytes, start: int, end: int) -> None:
        self.body = body
        self.start = start
        self.end = end
        self._elements: list[Node] | None = None
        self._members: list[tuple[str, int, Node]] | None = None

    @classmethod
    def of(cls, body: bytes) -> "Node":
        return cls(body, _skip(body, 0), len(body))

    @property
    def size(self) -> int:
        """In bytes."""
        return self.end - self.start

    @property
    def elements(self) -> list["Node"]:
        """Of an array; none where it is another value."""
        if self._elements is None:
            self._elements = self._read_elements() if self._begins_with(b"[") else []
        return self._elements

    @property
    def members(self) -> list[tuple[str, int, "Node"]]:
        """Of an object, in order: the name in lower case, where the member begins, its value."""
        if self._members is None:
            self._members = self._read_members() if self._begins_with(b"{") else []
        return self._members

    def member(self, name: str) -> "Node | None":
        return next((value for known, _, value in self.members if known == name), None)

    def at(self, path: Sequence[str | int]) -> "Node":
        """The value at a path that the reading found. Raises `Unreadable` where it is not there."""
        node = self
        for step in path:
            inner = node.member(step) if isinstance(step, str) else node.elements[step]
            if inner is None:
                raise Unreadable("its parts cannot be told apart")
            node = inner
        return node

    def without(self, cut: Cut) -> list[bytes]:
        """The bytes of this value without what `cut` names, in pieces."""
        spans, cuts = self._parts(cut)
        if not spans:
            return [self.body[self.start : self.end]]
        pieces: list[bytes] = []
        kept_from = self.start  # everything from here on is kept, as far as it was looked at
        is_first = True
        for place, (begin, value_begin, end) in enumerate(spans):
            inner = cuts[place]
            if isinstance(inner, Gone):
                # Its own comma goes with it: the one before, and for what was first the one after.
                pieces.append(self.body[kept_from : begin if is_first else spans[place - 1][2]])
                kept_from = spans[place + 1][0] if is_first and place + 1 < len(spans) else end
                continue
            if inner is not None:
                pieces.append(self.body[kept_from:value_begin])
                pieces += Node(self.body, value_begin, end).without(inner)
                kept_from = end
            is_first = False
        pieces.append(self.body[kept_from : self.end])
        return pieces

    def _parts(self, cut: Cut) -> tuple[list[_Span], list[Cut | Gone | None]]:
        if self._begins_with(b"{"):
            members = self.members
            return [(at, it.start, it.end) for _, at, it in members], [cut.get(name) for name, *_ in members]
        elements = self.elements
        return [(it.start, it.start, it.end) for it in elements], [cut.get(place) for place in range(len(elements))]

    def _begins_with(self, character: bytes) -> bool:
        return self.body.startswith(character, self.start)

    def _read_elements(self) -> list["Node"]:
        body = self.body
        try:
            lengths = [len(memoryview(raw)) for raw in _list.decode(memoryview(body)[self.start : self.end])]
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return self._scan_elements()
        nodes = []
        at = _skip(body, self.start + 1)
        for length in lengths:
            nodes.append(Node(body, at, at + length))
            at = _skip(body, _skip(body, at + length) + 1)  # over the comma, or the end
        return nodes

    def _scan_elements(self) -> list["Node"]:
        nodes = []
        at = _skip(self.body, self.start + 1)
        text = self._latin()
        while not self.body.startswith(b"]", at):
            end = self._end_of_value(text, at)
            nodes.append(Node(self.body, at, end))
            at = _skip(self.body, end)
            if self.body.startswith(b",", at):
                at = _skip(self.body, at + 1)
        return nodes

    def _read_members(self) -> list[tuple[str, int, "Node"]]:
        body = self.body
        try:
            values = _object.decode(memoryview(body)[self.start : self.end])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            values = {}
        members = []
        text = ""
        at = _skip(body, self.start + 1)
        while body[at : at + 1] == b'"':
            quoted = _NAME.match(body, at)
            if quoted is None:
                raise Unreadable("its parts cannot be told apart")
            name = _decoded(quoted[0])
            begin = _skip(body, _skip(body, quoted.end()) + 1)
            end = _end_of_known(body, begin, values.get(name))
            if end is None:
                text = text or self._latin()
                end = self._end_of_value(text, begin)
            members.append((name.casefold(), at, Node(body, begin, end)))
            at = _skip(body, _skip(body, end) + 1)
        return members

    def _latin(self) -> str:
        return self.body[: self.end].decode("latin-1")

    def _end_of_value(self, text: str, at: int) -> int:
        try:
            return _scanner.raw_decode(text, at)[1]
        except (ValueError, RecursionError) as error:
            raise Unreadable("its parts cannot be told apart") from error


def _skip(body: bytes, at: int) -> int:
    """Where the blanks from `at` on end."""
    if at < len(body) and body[at] > _LARGEST_BLANK:
        return at
    blanks = _BLANKS.match(body, at)
    return at if blanks is None else blanks.end()


def _end_of_known(body: bytes, begin: int, raw: msgspec.Raw | None) -> int | None:
    """Where this value ends if it is the one at `begin`: of a repeated name only the last value is known."""
    if raw is None:
        return None
    value = bytes(memoryview(raw))
    end = begin + len(value)
    follows = _skip(body, end)
    return end if body.startswith(value, begin) and body[follows : follows + 1] in {b",", b"}"} else None


def _decoded(quoted: bytes) -> str:
    if b"\\" not in quoted:
        return quoted[1:-1].decode("utf-8", "surrogateescape")
    return str(_names.decode(quoted.decode("utf-8", "surrogateescape")))
