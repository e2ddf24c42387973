"""Heads of requests and answers as bytes: what RFC 9112 allows in the one, and how the other is written.

httptools refuses most of what is no HTTP. What it lets through, and another program before us may read otherwise, is
refused here: a request that two programs read as two different ones opens a way around whichever of them judges it.
"""

import re
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from wablock.contract.errors import InvalidParameter
from wablock.server.answers import Answer
from wablock.server.request import Headers

# RFC 3986: a name, an IPv4 address or an IPv6 one in brackets, and a port. Nothing else may stand in Host.
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?")
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#]+)([/?].*)?", re.IGNORECASE | re.DOTALL)
_VERSIONS: Final = ("1.1", "1.0")
_REASONS: Final = {it.value: it.phrase for it in HTTPStatus}
_NO_LENGTH: Final = (204, 304)  # a 304's would be that of what the caller has already


class BadRequest(InvalidParameter):
    """Bytes that are no HTTP request, or one that two programs may read as two."""

    def __init__(self, details: str | None = None) -> None:
        super().__init__("Invalid HTTP request received.", details)


class UnknownTransferCoding(BadRequest):
    status = 501

    def __init__(self) -> None:
        super().__init__("Transfer-Encoding may be chunked and nothing else.")


class HeadTooLarge(InvalidParameter):
    status = 431

    def __init__(self, limit: int) -> None:
        super().__init__("Request head too large", f"The request line and headers may have up to {limit} bytes.")


class RequestTooSlow(InvalidParameter):
    status = 408

    def __init__(self) -> None:
        super().__init__("Request too slow", "The request did not arrive in time. Send it again.")


def check_head(version: str, headers: Headers, last_values: dict[bytes, bytes]) -> None:
    """Raises `BadRequest`."""
    if version not in _VERSIONS:
        raise BadRequest(f"HTTP/{version} is not spoken here: send HTTP/1.1.")
    host = last_values.get(b"host")
    if host is None:
        if version == "1.1":
            raise BadRequest("A request in HTTP/1.1 has a Host header.")
    elif not _HOST.fullmatch(host):
        raise BadRequest("The Host header is none.")
    coding = last_values.get(b"transfer-encoding")
    if coding is not None:
        if version == "1.0":
            raise BadRequest("HTTP/1.0 has no Transfer-Encoding.")
        if coding.lower() != b"chunked":
            raise UnknownTransferCoding
    if len(last_values) < len(headers):
        _check_repeated(headers)


def _check_repeated(headers: Headers) -> None:
    for name in (b"host", b"content-length", b"transfer-encoding"):
        if sum(header == name for header, _ in headers) > 1:
            raise BadRequest(f"{name.decode().title()} stands there twice.")


def path_and_query(method: bytes, target: bytes) -> tuple[bytes, bytes]:
    """The path, as it stood there, and the query without its `?`. Raises `BadRequest`."""
    if not target.startswith(b"/"):
        target = _origin_form(method, target)
    if b"#" in target:
        raise BadRequest("A request's target has no fragment.")
    path, _, query = target.partition(b"?")
    return path, query


def _origin_form(method: bytes, target: bytes) -> bytes:
    if target == b"*" and method == b"OPTIONS":
        return target
    match = _ABSOLUTE.fullmatch(target)
    if match is None or not _HOST.fullmatch(match[1]):
        raise BadRequest("A request's target is a path, or a whole address.")
    path = match[2] or b"/"
    return path if path.startswith(b"/") else b"/" + path


def decoded_path(path: bytes) -> str:
    text = path.decode("ascii")
    return unquote(text) if "%" in text else text


class AnswerHeads:
    """Writes the heads of answers. Status lines are made once, the date once a second."""

    def __init__(self) -> None:
        self._status_lines: dict[int, bytes] = {}
        self._second = 0
        self._date = b""

    def of(self, answer: Answer, *, close: bool, chunked: bool = False) -> bytes:
        """The head, with the blank line behind it."""
        status = answer.status
        line = self._status_lines.get(status)
        if line is None:
            line = self._status_lines[status] = f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\n".encode()
        if chunked:
            length = b"transfer-encoding: chunked\r\n"
        elif answer.chunks is not None or status in _NO_LENGTH:
            length = b""
        else:
            length = b"content-length: %d\r\n" % len(answer.body)
        end = b"connection: close\r\n\r\n" if close else b"\r\n"
        return line + self._date_line() + answer.headers + length + end

    def _date_line(self) -> bytes:
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._date = f"date: {formatdate(now, usegmt=True)}\r\n".encode()
        return self._date
