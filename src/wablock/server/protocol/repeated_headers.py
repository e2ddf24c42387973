"""Headers that clients repeat: most clients send the same header lines with each request.

They are parsed once and then found by their bytes. Parsing has no other input than these bytes, so the result is the
same. Only requests that arrive in one piece use it, and only headers with no effect on the connection are kept.

In webhooks the signature and the length differ each time. Both are cut out of the bytes before the search, and put into
a copy of the headers.
"""

import re
from functools import lru_cache
from typing import Final, TypeVar

import msgspec

from wablock.server.protocol.heads import RequestTarget, plain_target
from wablock.server.request import Headers

B = TypeVar("B")

_MOST_BLOCKS: Final = 1_024
_LONGEST_BLOCK: Final = 1_024  # bytes
_MOST_HEADERS: Final = 24  # each of them takes 150 bytes and more
_LONGEST_LINE: Final = 256  # bytes
# Narrower than HTTP: the parser reads all other request lines.
_REQUEST_LINE: Final = re.compile(rb"(GET|POST|DELETE) (/[A-Za-z0-9/._~%?&=+,:@-]*) HTTP/1\.1\r\n")
_SIGNATURE_NAME: Final = b"x-hub-signature-256"
_LENGTH_NAME: Final = b"content-length"
_SIGNATURE: Final = re.compile(rb"(?i)\r\nx-hub-signature-256: (sha256=[0-9a-f]{64})(?=\r\n)")
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: ([1-9][0-9]{0,6})(?=\r\n)")
_EFFECTS: Final = frozenset((b"transfer-encoding", b"expect", b"upgrade", b"x-forwarded-proto"))


class HeaderBlock(msgspec.Struct, frozen=True, gc=False):
    """The header lines of a request. `length` is the size of its body."""

    headers: Headers
    last_values: dict[bytes, bytes]
    length: int


class _Signed(msgspec.Struct, frozen=True, gc=False):
    """The header lines of webhooks, and the places of the two headers that differ."""

    headers: Headers
    last_values: dict[bytes, bytes]
    signature_at: int
    length_at: int

    def block(self, signature: bytes, length: bytes) -> HeaderBlock:
        """The headers of a webhook with these values."""
        headers = self.headers.copy()
        headers[self.signature_at] = _SIGNATURE_NAME, signature
        headers[self.length_at] = _LENGTH_NAME, length
        return HeaderBlock(headers, {**self.last_values, _SIGNATURE_NAME: signature, _LENGTH_NAME: length}, int(length))


class _Cut(msgspec.Struct, frozen=True):
    """The header lines of a webhook without the values of its signature and length, and these values."""

    lines: bytes
    signature: bytes
    length: bytes


class RequestLine(msgspec.Struct, frozen=True):
    method: str
    target: RequestTarget


class RepeatedHeaders:
    """The header blocks that clients of this server have repeated lately."""

    def __init__(self) -> None:
        self._blocks: dict[bytes, HeaderBlock] = {}
        self._signed: dict[bytes, _Signed] = {}

    def find(self, data: bytes) -> tuple[RequestLine, HeaderBlock, bytes] | None:
        """The parts of the request, if `data` is one whole request with known headers."""
        line_end = data.find(b"\r\n") + 2
        end = data.find(b"\r\n\r\n", line_end - 2) + 4
        block = self._blocks.get(data[line_end:end]) or self._signed_block(data[line_end:end])
        if block is None or line_end > _LONGEST_LINE or len(data) != end + block.length:
            return None
        line = _request_line(data[:line_end])
        return None if line is None else (line, block, data[end:])

    def add(self, lines: bytes, block: HeaderBlock) -> None:
        cut = _cut(lines)
        if cut is None:
            _keep(self._blocks, lines, block)
            return
        names = [name for name, _ in block.headers]
        if names.count(_SIGNATURE_NAME) == names.count(_LENGTH_NAME) == 1:
            at = names.index(_SIGNATURE_NAME), names.index(_LENGTH_NAME)
            _keep(self._signed, cut.lines, _Signed(block.headers, block.last_values, *at))

    def _signed_block(self, lines: bytes) -> HeaderBlock | None:
        if not self._signed or (cut := _cut(lines)) is None:
            return None
        signed = self._signed.get(cut.lines)
        return None if signed is None else signed.block(cut.signature, cut.length)


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


def repeated_part(lines: bytes) -> bytes:
    """The part of header lines that is the same in each request of a client."""
    cut = _cut(lines)
    return lines if cut is None else cut.lines


def _cut(lines: bytes) -> _Cut | None:
    """None if these are not the header lines of a webhook."""
    lines = b"\r\n" + lines  # the end of the request line
    signature = _SIGNATURE.search(lines)
    length = signature and _LENGTH.search(lines)
    if not signature or not length:
        return None
    first, second = (signature, length) if signature.start() < length.start() else (length, signature)
    rest = lines[: first.start(1)] + lines[first.end(1) : second.start(1)] + lines[second.end(1) :]
    return _Cut(rest, signature[1], length[1])


def _keep(blocks: dict[bytes, B], lines: bytes, block: B) -> None:
    if len(blocks) >= _MOST_BLOCKS:
        del blocks[next(iter(blocks))]
    blocks[lines] = block
