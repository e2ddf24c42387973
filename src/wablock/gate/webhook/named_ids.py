"""The ids that a webhook's bytes name first and last: a hint at whose it may be, before it may be parsed.

An entry's id stands before its changes, as Meta writes it, or behind them, and a number's id in each of them. So one is
found near one of the body's two ends, however large what lies between is.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

_END: Final = 16_384  # bytes of either end that are looked at
_MOST: Final = 2  # ids of either end; each is looked up
_VALUE: Final = rb'"[ \t\r\n]{0,64}:[ \t\r\n]{0,64}(?:"([!#-\[\]-~]{1,64})"|([0-9]{1,32}))'
# Of a body in small letters: names are read in any case, and without underscores.
_NUMBER = re.compile(rb'"phone_?number_?id' + _VALUE)
_ENTRY = re.compile(rb'"id' + _VALUE)


def number_ids(body: bytes) -> Iterator[str]:
    """What may be the ids of business numbers: up to two from either end, from the outside."""
    return _from_both_ends(_NUMBER, body)


def entry_ids(body: bytes) -> Iterator[str]:
    """What may be the ids of entries: up to two from either end, from the outside."""
    return _from_both_ends(_ENTRY, body)


def _from_both_ends(pattern: re.Pattern[bytes], body: bytes) -> Iterator[str]:
    shown: set[str] = set()
    for end, part in ((_first, body[:_END]), (_last, body[-_END:])):
        for text in islice(end(pattern, part), _MOST):
            if text not in shown:
                shown.add(text)
                yield text


def _first(pattern: re.Pattern[bytes], part: bytes) -> Iterator[str]:
    return (_value(part, match) for match in pattern.finditer(part.lower()))


def _last(pattern: re.Pattern[bytes], part: bytes) -> Iterator[str]:
    return (_value(part, match) for match in reversed(list(pattern.finditer(part.lower()))))


def _value(part: bytes, match: re.Match[bytes]) -> str:
    begin, end = match.span(match.lastindex or 0)
    return part[begin:end].decode()
