"""The access token of a request, in its header, query, or body. Cookies are ignored."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_plus

import msgspec

from wablock.contract.errors import InvalidAccessToken
from wablock.server.request import Request

_SCHEMES = ("bearer", "oauth")  # Graph reads `OAuth TOKEN` like `Bearer TOKEN`
_NAME: Final = b"access_token"
_MOST_PLACES: Final = 64
_LONGEST_REMEMBERED: Final = 1_024  # bytes
_IN_FORM = re.compile(rb"=([^&;]{1,3072})")
_IN_JSON = re.compile(rb'"[ \t\r\n]{0,64}:[ \t\r\n]{0,64}("(?:[^"\\]|\\.){1,3072}")')
_IN_PART = re.compile(rb'"?[^\r\n]{0,200}(?:\r\n[^\r\n]{1,200}){0,4}\r\n\r\n([^\r\n]{1,3072})\r\n')


def header_token(request: Request) -> str | None:
    """The token of the Authorization header, or None.

    Two Authorization headers are refused: a proxy in front may have checked the other one.
    """
    value = request.last_values.get(b"authorization")
    if value is None:
        return None
    if len(request.last_values) < len(request.headers) and len(request.values(b"authorization")) > 1:
        raise InvalidAccessToken
    return _remembered_token(value) if len(value) <= _LONGEST_REMEMBERED else _token(value)


def _token(value: bytes) -> str | None:
    """The token in the value of an Authorization header; None if it has another scheme or no token."""
    scheme, _, token = value.decode("latin-1").partition(" ")
    return token.strip() or None if scheme.lower() in _SCHEMES else None


_remembered_token: Final = lru_cache(1_024)(_token)  # a client sends the same token with each request


def tokens_in(text: bytes) -> Iterator[str]:
    """Possible tokens in the bytes of a query or body, found without parsing it.

    Parsing takes too long for a stranger's request, so it happens only after one of these tokens proves valid.
    """
    end = 0
    for _ in range(_MOST_PLACES):
        at = text.find(_NAME, end)
        if at < 0:
            return
        end = at + len(_NAME)
        if match := _IN_FORM.match(text, end):
            yield unquote_plus(match[1].decode("latin-1"))
        elif match := _IN_JSON.match(text, end):
            yield from _json_text(match[1])
        elif match := _IN_PART.match(text, end):
            yield match[1].decode("latin-1")


def _json_text(text: bytes) -> Iterator[str]:
    try:
        yield msgspec.json.decode(text, type=str)
    except (msgspec.DecodeError, UnicodeError):
        return
