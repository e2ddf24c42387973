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


def _in_any_case(word: bytes) -> bytes:
    """A flag for the whole pattern would make it six times slower."""
    return b"".join(b"[%c%c]" % (letter, letter - 32) for letter in word)


# As the reading takes them: in any case, and without underscores.
_NUMBER = re.compile(b'"' + b"_?".join(map(_in_any_case, (b"phone", b"number", b"id"))) + _VALUE)
_ENTRY = re.compile(b'"' + _in_any_case(b"id") + _VALUE)


def number_ids(body: bytes) -> Iterator[str]:
    """What may be the ids of business numbers: up to two from either end, from the outside."""
    return _from_both_ends(_NUMBER, body)


def entry_ids(body: bytes) -> Iterator[str]:
    """What may be the ids of entries: up to two from either end, from the outside."""
    return _from_both_ends(_ENTRY, body)


def _from_both_ends(pattern: re.Pattern[bytes], body: bytes) -> Iterator[str]:
    shown = set()
    for match in islice(pattern.finditer(body, 0, _END), _MOST):
        if (found := match[1] or match[2]) not in shown:
            shown.add(found)
            yield found.decode()
    for match in list(pattern.finditer(body, max(0, len(body) - _END)))[: -_MOST - 1 : -1]:
        if (found := match[1] or match[2]) not in shown:
            shown.add(found)
            yield found.decode()
