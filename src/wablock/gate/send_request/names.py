"""The names of parameters, read as loosely as any upstream may read them.

PHP reads ` to` and `to[0]` as `to`. So does qs with `[to]`, and Go with `To`. Other programs trim or fold even more. So
only the letters and digits of a name count, without case, and a name may end before any of its brackets.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from wablock.contract.errors import InvalidParameter

RECIPIENTS: Final = frozenset(("to", "recipient"))
CREDENTIALS: Final = frozenset(("access_token", "appsecret_proof"))
BATCH: Final = "batch"  # contains more requests, which have other recipients
PROTOTYPE: Final = "__proto__"  # JavaScript reads its members as members of the object itself
ONCE: Final = RECIPIENTS | CREDENTIALS | {"recipient_type", BATCH, PROTOTYPE}
"""The names that decide the recipient or the sender of a message."""

_NO_LETTERS = re.compile(r"[\W_]")
_BRACKETS = re.compile(r"[\[\]]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LOOSE: Final = {_NO_LETTERS.sub("", name): name for name in ONCE}
_LONGEST_KNOWN: Final = max(map(len, _LOOSE))
_LONGEST: Final = 1_000  # characters
_LONGEST_REMEMBERED: Final = 64


def plain_name(name: str) -> str:
    """The name in `ONCE` that an upstream may read `name` as; else `name` itself.

    Raises `InvalidParameter` for a control character, because a program in C may end the name there, and for a name
    that is longer than any real one.
    """
    if name in ONCE:
        return name
    return _remembered(name) if len(name) <= _LONGEST_REMEMBERED else _plain_name(name)


def _plain_name(name: str) -> str:
    if len(name) > _LONGEST:
        raise InvalidParameter(f"The name of a parameter has more than {_LONGEST} characters.")
    if _CONTROL.search(name):
        raise InvalidParameter("The name of a parameter has a control character.", "Use letters, digits and _ alone.")
    # Java compares upper case first, and the upper case of the dotless i is I.
    folded = unicodedata.normalize("NFKC", name).upper().casefold()
    letters = ""
    for segment in _BRACKETS.split(folded):  # a name may end before any of its brackets
        letters += _NO_LETTERS.sub("", segment)
        if letters in _LOOSE:
            return _LOOSE[letters]
        if len(letters) > _LONGEST_KNOWN:
            break
    return name


_remembered = lru_cache(1_000)(_plain_name)
