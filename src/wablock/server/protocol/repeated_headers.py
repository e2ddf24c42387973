"""Headers that clients repeat: most clients send the same header lines with each request.

They are parsed once and then found by their bytes. Parsing has no other input than these bytes, so the result is the
same. Only requests that arrive in one piece use it, and only headers with no effect on the connection are kept.
"""

import re
from functools import lru_cache
from typing import Final

import msgspec

from wablock.server.protocol.heads import RequestTarget, plain_target
from wablock.server.request import Headers

_MOST_BLOCKS: Final = 1_024
_LONGEST_BLOCK: Final = 1_024  # bytes
_MOST_HEADERS: Final = 24  # each of them takes 150 bytes and more
_LONGEST_LINE: Final = 256  # bytes
# Narrower than HTTP: the parser reads all other request lines.
_REQUEST_LINE: Final = re.compile(rb"(GET|POST|DELETE) (/[A-Za-z0-9/._~%?&=+,:@-]*) HTTP/1\.1\r\n")
_EFFECTS: Final = frozenset((b"transfer-encoding", b"expect", b"upgrade", b"x-forwarded-proto"))


class HeaderBlock(msgspec.Struct, frozen=True, gc=False):
    """The header lines of a request. `length` is the size of its body."""

    headers: Headers
    last_values: dict[bytes, bytes]
    length: int


class RequestLine(msgspec.Struct, frozen=True):
    method: str
    target: RequestTarget


class RepeatedHeaders:
    """The header blocks that clients of this server have repeated lately."""

    def __init__(self) -> None:
        self._blocks: dict[bytes, HeaderBlock] = {}

    def find(self, data: bytes) -> tuple[RequestLine, HeaderBlock, bytes] | None:
        """The parts of the request, if `data` is one whole request with known headers."""
        line_end = data.find(b"\r\n") + 2
        end = data.find(b"\r\n\r\n", line_end - 2) + 4
        block = self._blocks.get(data[line_end:end])
        if block is None or line_end > _LONGEST_LINE or len(data) != end + block.length:
            return None
        line = _request_line(data[:line_end])
        return None if line is None else (line, block, data[end:])

    def add(self, lines: bytes, block: HeaderBlock) -> None:
        if len(self._blocks) >= _MOST_BLOCKS:
            del self._blocks[next(iter(self._blocks))]
        self._blocks[lines] = block


@lru_cache(4_096)
def _request_line(line: bytes) -> RequestLine | None:
    match = _REQUEST_LINE.fullmatch(line)
    return None if match is None else RequestLine(match[1].decode(), plain_target(match[2]))


def lines_to_keep(data: bytes, length: int, last_values: dict[bytes, bytes]) -> bytes | None:
    """The header lines of `data`, which is one request with a body of `length` bytes; None if they must not be kept.

    An unusual request line may change its headers: the host of an absolute URL replaces the Host header.
    """
    line_end, end = data.find(b"\r\n") + 2, len(data) - length
    is_small = end - line_end <= _LONGEST_BLOCK and len(last_values) <= _MOST_HEADERS
    is_plain = is_small and _EFFECTS.isdisjoint(last_values)
    if not is_plain or line_end > _LONGEST_LINE or _request_line(data[:line_end]) is None:
        return None
    return data[line_end:end] if data.find(b"\r\n\r\n") + 4 == end else None
