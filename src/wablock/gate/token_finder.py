"""A token in other texts: as it is, percent-encoded, in JSON's escapes, in base64. No I/O.

A token opens one server, so no other server may get it, and programs put it where it does not belong: in a header of
their own, in the text of a message, in the next page's address. A text is searched byte by byte before it is decoded,
and only a text with escapes is decoded, because every message is searched.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import quote

SHORTEST_PART: Final = 8
"""A token of fewer characters counts where it is a whole value alone: as a part it may be a word of the language."""

_MOST_DECODINGS: Final = 3  # JSON in a form's value in JSON
_REMEMBERED: Final = 1_000
_JSON_ESCAPE = re.compile(rb'\\(?:u00([2-7][0-9A-Fa-f])|([/"\\]))')  # tokens are printable ASCII
_PERCENT_ESCAPE = re.compile(rb"%([2-7][0-9A-Fa-f])")
_BYTE: Final = {b"%02x" % code: bytes((code,)) for code in range(0x20, 0x80)}
_BEFORE: Final = rb'(?:\A|["=&\s])'
_BEHIND: Final = rb'(?:\Z|["&;,\r\n])'


class TokenFinder:
    """Finds one token in texts."""

    def __init__(self, token: str) -> None:
        text = token.encode()
        self.plain_spellings: Final = tuple(dict.fromkeys((text, quote(token, safe="").encode())))
        """The spellings in which an honest server repeats a token."""
        self._parts = (text, *_in_base64(text)) if len(text) >= SHORTEST_PART else ()
        self._whole = None if self._parts else re.compile(_BEFORE + re.escape(text) + _BEHIND)

    def is_in(self, text: bytes) -> bool:
        """Whether the token stands in `text`, however it is escaped there."""
        for _ in range(_MOST_DECODINGS):
            if self._is_plain_in(text):
                return True
            decoded = _decoded(text)
            if decoded == text:
                return False
            text = decoded
        return self._is_plain_in(text)

    def is_in_header(self, name: bytes, value: bytes) -> bool:
        """The same of a header, whose name has lost its capitals."""
        return self.is_in(value) or any(part.lower() in name for part in self._parts)

    def _is_plain_in(self, text: bytes) -> bool:
        if self._whole is not None:
            return self._whole.search(text) is not None
        return any(part in text for part in self._parts)


token_finder = lru_cache(_REMEMBERED)(TokenFinder)


def _decoded(text: bytes) -> bytes:
    if b"\\" in text:
        text = _JSON_ESCAPE.sub(lambda match: match[2] or _BYTE[match[1].lower()], text)
    if b"%" in text:
        text = _PERCENT_ESCAPE.sub(lambda match: _BYTE[match[1].lower()], text)
    return text


def _in_base64(token: bytes) -> Iterator[bytes]:
    """What base64 has of `token` whatever stands before and behind it, in both alphabets."""
    for before in range(3):
        encoded = b64encode(bytes(before) + token)
        behind = (0, 3, 2)[(before + len(token)) % 3]  # the padding, and the character that the next byte changes
        part = encoded[(0, 2, 3)[before] : len(encoded) - behind]
        yield part
        if b"+" in part or b"/" in part:
            yield part.translate(bytes.maketrans(b"+/", b"-_"))
