"""The first and last ids in a webhook's bytes: a hint at its account, before the body may be parsed.

The id of an entry is before its changes, as Meta writes it, or after them. Each change has the id of its number. So
there is an id near the beginning or the end of the body, whatever its size.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

_END: Final = 16_384  # bytes that are searched at each end
_MOST: Final = 2  # ids at each end; each of them is looked up
_VALUE: Final = rb'"[ \t\r\n]{0,64}:[ \t\r\n]{0,64}(?:"([!#-\[\]-~]{1,64})"|([0-9]{1,32}))'


def _in_any_case(word: bytes) -> bytes:
    """A pattern for the word in any case. The flag `re.IGNORECASE` would make the whole pattern six times slower."""
    return b"".join(b"[%c%c]" % (letter, letter - 32) for letter in word)


# The same names as `canonical` accepts: in any case, with or without underscores.
_NUMBER = re.compile(b'"' + b"_?".join(map(_in_any_case, (b"phone", b"number", b"id"))) + _VALUE)
_METAS_NUMBER = re.compile(rb'"phone_number_id":"([0-9]{1,32})"')
_ENTRY = re.compile(b'"' + _in_any_case(b"id") + _VALUE)


def number_ids(body: bytes) -> Iterator[str]:
    """Possible ids of business numbers: the first one in Meta's spelling, then up to two from each end.

    Nearly always the first one is right. Its pattern begins with a fixed text, so the search takes a tenth of the time.
    """
    metas = _METAS_NUMBER.search(body, 0, _END)
    first = metas[1].decode() if metas is not None else None
    if first is not None:
        yield first
    yield from (each for each in _from_both_ends(_NUMBER, body) if each != first)


def entry_ids(body: bytes) -> Iterator[str]:
    """Possible ids of entries: up to two from each end, the outer ones first."""
    return _from_both_ends(_ENTRY, body)


def _from_both_ends(pattern: re.Pattern[bytes], body: bytes) -> Iterator[str]:
    returned_ids = set()
    for match in islice(pattern.finditer(body, 0, _END), _MOST):
        if (text := match[1] or match[2]) not in returned_ids:
            returned_ids.add(text)
            yield text.decode()
    for match in list(pattern.finditer(body, max(0, len(body) - _END)))[: -_MOST - 1 : -1]:
        if (text := match[1] or match[2]) not in returned_ids:
            returned_ids.add(text)
            yield text.decode()
