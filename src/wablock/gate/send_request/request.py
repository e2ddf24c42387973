"""The request as a value, and checks that all programs read its media type and its path in the same way."""

import re
from typing import Final

import msgspec
from python_multipart.multipart import parse_options_header

from wablock.contract.errors import InvalidParameter

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"  # which some programs put before JSON

_PATH = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9_.~:-]+)+")
# In these charsets ASCII bytes are ASCII text. In UTF-7, UTF-16 or EBCDIC the same bytes may be another recipient.
_CHARSETS: Final = frozenset(("utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252"))


class SendRequest(msgspec.Struct, frozen=True):
    """A request from a caller: its Content-Type, its query without the `?`, its body."""

    content_type: str | None = None
    query: bytes = b""
    body: bytes = b""


def upstream_path(path: str) -> str | None:
    """`path` from the request line, if every program reads it in the same way; else None."""
    plain = path.removesuffix("/")
    return plain if _PATH.fullmatch(plain) else None


def media_type(request: SendRequest) -> str | None:
    """The media type with which the body is read; None if it is empty. Raises `InvalidParameter` for any other type."""
    if not request.body:
        return None
    content_type = request.content_type or JSON
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (JSON, FORM, MULTIPART):
        raise InvalidParameter(f"Content-Type must be one of {JSON}, {FORM}, {MULTIPART}.")
    if ";" in content_type:
        _check_charset(content_type)
    if kind != JSON and json_text(request.body).startswith(b"{"):
        return JSON  # curl sends JSON under a form's type by default
    return kind


def json_text(body: bytes) -> bytes:
    return body.removeprefix(BYTE_ORDER_MARK).strip()


def _check_charset(content_type: str) -> None:
    charset = parse_options_header(content_type)[1].get(b"charset", b"utf-8").decode("latin-1").strip().lower()
    if charset not in _CHARSETS:
        raise InvalidParameter("The body must be UTF-8.", "Send it with charset=utf-8, or without a charset.")
