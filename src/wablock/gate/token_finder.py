"""The search for a token in a text: plain, percent-encoded, with JSON escapes, or in base64. No I/O.

A token is for one server, and no other server may get it. But programs also write it into other places: a header of
their own, the text of a message, the URL of the next page. Every message is searched, so the search has to be fast: it
looks at the plain bytes first, and decodes only a text with escapes.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import quote

SHORTEST_PART: Final = 8
"""The length from which a token is found inside a value. A shorter one must be the whole value: it may be a word."""

_MOST_DECODINGS: Final = 3  # enough for JSON in a form value in JSON
_REMEMBERED: Final = 1_000
_JSON_ESCAPE = re.compile(rb'\\(?:u00([2-7][0-9A-Fa-f])|([/"\\]))')  # tokens are printable ASCII
_PERCENT_ESCAPE = re.compile(rb"%([2-7][0-9A-Fa-f])")
_BYTE: Final = {b"%02x" % code: bytes((code,)) for code in range(0x20, 0x80)}
_BEFORE: Final = rb'(?:\A|["=&\s])'
_AFTER: Final = rb'(?:\Z|["&;,\r\n])'


class TokenFinder:
    """Finds one token in texts."""

    def __init__(self, token: str) -> None:
        text = token.encode()
        self.plain_spellings: Final = tuple(dict.fromkeys((text, quote(token, safe="").encode())))
        """The spellings of a token in the responses of an honest server."""
        self._parts = (text, *_in_base64(text)) if len(text) >= SHORTEST_PART else ()
        self._whole = None if self._parts else re.compile(_BEFORE + re.escape(text) + _AFTER)

    def is_in(self, text: bytes) -> bool:
        """Whether `text` contains the token, with any escapes."""
        for _ in range(_MOST_DECODINGS):
            if self._is_plain_in(text):
                return True
            decoded = _decoded(text)
            if decoded == text:
                return False
            text = decoded
        return self._is_plain_in(text)

    def is_in_header(self, name: bytes, value: bytes) -> bool:
        """Whether a header contains the token. `name` is in lower case."""
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
    """The part of the base64 text that does not depend on the bytes before and after `token`, in both alphabets."""
    for before in range(3):
        encoded = b64encode(bytes(before) + token)
        after = (0, 3, 2)[(before + len(token)) % 3]  # the padding, and the character that the next byte changes
        part = encoded[(0, 2, 3)[before] : len(encoded) - after]
        yield part
        if b"+" in part or b"/" in part:
            yield part.translate(bytes.maketrans(b"+/", b"-_"))
