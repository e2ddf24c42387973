"""Handwritten requests: a row for each, with the answers of wablock and nginx."""

from typing import Final

import msgspec
from tests.running_server import PHONE_NUMBER_ID, TOKEN
from tests.server.raw_http import block

KEPT: Final = "16505550101"
"""A user who is blocked before each request."""
FIRST: Final = "16505550102"
"""The user that a row's own body blocks, if the server accepts it."""
SECOND: Final = "16505550103"
"""The user that the request behind it blocks, if the server accepts that."""

TARGET: Final = f"/v25.0/{PHONE_NUMBER_ID}/block_users".encode()
GET: Final = b"GET " + TARGET + b" HTTP/1.1"
POST: Final = b"POST " + TARGET + b" HTTP/1.1"
HOST: Final = b"Host: wablock.test"
TOKEN_LINE: Final = f"Authorization: Bearer {TOKEN}".encode()
JSON: Final = b"Content-Type: application/json"
CHUNKED: Final = b"Transfer-Encoding: chunked"
END: Final = b"0\r\n\r\n"
BODY: Final = block(FIRST)


class Row(msgspec.Struct, frozen=True):
    """A request."""

    name: str
    sent: bytes
    wablock: tuple[int, ...]
    """Of a malformed request: the statuses with which wablock may refuse it, more than one where RFC 9110 and RFC 9112
    leave it open. Of an odd one: the statuses for it and for the request behind it.
    """
    nginx: tuple[int, ...]
    """The statuses of nginx 1.22, as a proxy, for the request and for the one behind it.

    Empty: it answers without a head. One: it closes the connection, or reads what is behind as a part of this request.
    (200, 200) beside 400 of wablock: nginx lets it through.
    """


def head(request_line: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join([request_line, *lines, b"", b""])


def get(*lines: bytes) -> bytes:
    """A whole request for the list."""
    return head(GET, HOST, TOKEN_LINE, *lines)


def get_from(host: bytes) -> bytes:
    """A whole request for the list, with this line for Host."""
    return head(GET, host, TOKEN_LINE)


def get_at(target: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    return head(b"GET " + target + b" " + version, HOST, TOKEN_LINE)


def post(*lines: bytes) -> bytes:
    """The head of a request that blocks."""
    return head(POST, HOST, TOKEN_LINE, JSON, *lines)


def length(value: bytes | int) -> bytes:
    return b"Content-Length: " + (value if isinstance(value, bytes) else b"%d" % value)


def coding(value: bytes) -> bytes:
    return b"Transfer-Encoding: " + value


def chunk(data: bytes, size: bytes | None = None, end: bytes = b"\r\n") -> bytes:
    """`size`: the line before the data, without its end."""
    return (b"%x" % len(data) if size is None else size) + b"\r\n" + data + end


def chunked(*pieces: bytes) -> bytes:
    """A request with these pieces as its chunked body."""
    return post(CHUNKED) + b"".join(pieces)


BEHIND: Final = b"".join(
    head(method + b" " + TARGET + b" HTTP/1.1", HOST, TOKEN_LINE, JSON, length(len(block(user)))) + block(user)
    for method, user in ((b"DELETE", KEPT), (b"POST", SECOND))
)
"""Requests that change the list, where they are taken for requests."""
