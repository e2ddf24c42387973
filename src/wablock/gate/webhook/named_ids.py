"""The ids that a webhook's bytes name first and last: a hint at whose it may be, before it may be parsed.

An entry's id stands before its changes, as Meta writes it, or behind them, and a number's id in each of them. So one is
found near one of the body's two ends, however large what lies between is.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

_END: Final = 16_384  # bytes of either end that are looked at
_MOST: Final = 4  # ids of either end
_VALUE: Final = rb'"[ \t\r\n]{0,64}:[ \t\r\n]{0,64}(?:"([!#-\[\]-~]{1,64})"|([0-9]{1,32}))'
# In any case and without underscores, as the reading takes them.
_NUMBER = re.compile(rb'"phone_?number_?id' + _VALUE, re.IGNORECASE)
_ENTRY = re.compile(rb'"id' + _VALUE, re.IGNORECASE)


def number_ids(body: bytes) -> Iterator[str]:
    """What may be the ids of business numbers: up to four from either end, from the outside."""
    return _from_both_ends(_NUMBER, body)


def entry_ids(body: bytes) -> Iterator[str]:
    """What may be the ids of entries: up to four from either end, from the outside."""
    return _from_both_ends(_ENTRY, body)


def _from_both_ends(pattern: re.Pattern[bytes], body: bytes) -> Iterator[str]:
    first = _distinct(pattern.finditer(body, 0, _END))
    yield from first
    last = _distinct(reversed(list(pattern.finditer(body, max(0, len(body) - _END)))))
    yield from (it for it in last if it not in first)


def _distinct(matches: Iterable[re.Match[bytes]]) -> list[str]:
    ids = ((match[1] or match[2]).decode() for match in islice(matches, _MOST))
    return list(dict.fromkeys(ids))
