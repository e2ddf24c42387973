"""Heads of requests and answers: the checks of RFC 9112, and the writer of answer heads.

httptools refuses most invalid HTTP. This module refuses the rest that a proxy in front could read differently. If two
programs read one request as two different ones, a caller can get around the checks of one of them.
"""

import re
import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

import msgspec

from wablock.contract.errors import InvalidParameter
from wablock.server.answers import Answer
from wablock.server.request import Headers

# A name, an IPv4 address or an IPv6 one in brackets, and a port. RFC 3986 allows more in a name, but no host uses it.
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?")
_LONGEST_HOST: Final = 259  # bytes, with a port: a longer one is invalid, and is not cached
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#]+)([/?].*)?", re.IGNORECASE | re.DOTALL)
_VERSIONS: Final = ("1.1", "1.0")
_REASONS: Final = {it.value: it.phrase for it in HTTPStatus}
_LONGEST_REMEMBERED: Final = 256  # bytes of a target
_NO_LENGTH: Final = (204, 304)  # in a 304, it would be the length of the body that the caller already has


class BadRequest(InvalidParameter):
    """Invalid HTTP, or a request that two programs could read differently."""

    def __init__(self, details: str | None = None) -> None:
        super().__init__("Invalid HTTP request received.", details)


class UnknownTransferCoding(BadRequest):
    status = 501

    def __init__(self) -> None:
        super().__init__("Transfer-Encoding must be chunked.")


class HeadTooLarge(InvalidParameter):
    status = 431

    def __init__(self, limit: int) -> None:
        super().__init__("Request head too large", f"The request line and headers may have up to {limit} bytes.")


class RequestTooSlow(InvalidParameter):
    status = 408

    def __init__(self) -> None:
        super().__init__("Request too slow", "The request did not arrive in time. Send it again.")


def check_head(version: str, headers: Headers, last_values: dict[bytes, bytes]) -> None:
    """Raise `BadRequest` if the head is invalid."""
    if version not in _VERSIONS:
        raise BadRequest(f"HTTP/{version} is not supported: send HTTP/1.1.")
    host = last_values.get(b"host")
    if host is None:
        if version == "1.1":
            raise BadRequest("A request in HTTP/1.1 must have a Host header.")
    elif len(host) > _LONGEST_HOST or not _is_host(host):
        raise BadRequest("The Host header is invalid.")
    if b"transfer-encoding" in last_values:
        if version == "1.0":
            raise BadRequest("HTTP/1.0 has no Transfer-Encoding.")
        if last_values[b"transfer-encoding"].lower() != b"chunked":
            raise UnknownTransferCoding
    if len(last_values) < len(headers):
        _check_repeated(headers)


@lru_cache(1_024)  # all requests of a client have the same Host
def _is_host(host: bytes) -> bool:
    return _HOST.fullmatch(host) is not None


def _check_repeated(headers: Headers) -> None:
    for name in (b"host", b"content-length", b"transfer-encoding"):
        if sum(header == name for header, _ in headers) > 1:
            raise BadRequest(f"{name.decode().title()} occurs twice.")


class RequestTarget(msgspec.Struct, frozen=True):
    """The path, decoded and raw, and the query without its `?`.

    `host`: if the target is an absolute URL, its host, which replaces the Host header.
    """

    path: str
    raw_path: bytes
    query: bytes
    host: bytes | None = None


def target(method: bytes, url: bytes) -> RequestTarget:
    """Parse the target. Raises `BadRequest`."""
    return _remembered_target(method, url) if len(url) <= _LONGEST_REMEMBERED else _target(method, url)


def _target(method: bytes, url: bytes) -> RequestTarget:
    host = None
    if not url.startswith(b"/") and (url, method) != (b"*", b"OPTIONS"):
        host, url = _host_and_path(url)
    if b"#" in url:
        raise BadRequest("A request's target must not have a fragment.")
    return plain_target(url, host)


def plain_target(url: bytes, host: bytes | None = None) -> RequestTarget:
    """Parse a target that is a path and a query."""
    raw_path, _, query = url.partition(b"?")
    path = raw_path.decode("ascii")
    return RequestTarget(unquote(path) if "%" in path else path, raw_path, query, host)


_remembered_target: Final = lru_cache(4_096)(_target)  # a client requests the same few targets


def _host_and_path(url: bytes) -> tuple[bytes, bytes]:
    """The host and path of an absolute URL."""
    match = _ABSOLUTE.fullmatch(url)
    if match is None or not _HOST.fullmatch(match[1]):
        raise BadRequest("A request's target must be a path or an absolute URL.")
    path = match[2] or b"/"
    return match[1], path if path.startswith(b"/") else b"/" + path


class AnswerHeads:
    """Writes the heads of answers. Status lines are cached, and the date is made once a second."""

    def __init__(self) -> None:
        self._status_lines: dict[int, bytes] = {}
        self._second = 0
        self._date = b""

    def of(self, answer: Answer, *, close: bool, chunked: bool = False) -> bytes:
        """The head, with the blank line after it."""
        status = answer.status
        line = self._status_lines.get(status)
        if line is None:
            line = self._status_lines[status] = f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\n".encode()
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._date = f"date: {formatdate(now, usegmt=True)}\r\n".encode()
        end = b"connection: close\r\n\r\n" if close else b"\r\n"
        if chunked:
            end = b"transfer-encoding: chunked\r\n" + end
        elif answer.chunks is None and status not in _NO_LENGTH:
            return b"%b%b%bcontent-length: %d\r\n%b" % (line, self._date, answer.headers, len(answer.body), end)
        return line + self._date + answer.headers + end
