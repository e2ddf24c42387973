"""Whole numbers on the command line and in environment variables, in decimal digits only."""

import re
from collections.abc import Sequence
from typing import Any, Final

from cyclopts import CoercionError, Parameter, Token

_DIGITS: Final = re.compile(r"[+-]?[0-9]{1,18}")


def _whole_number(_: Any, tokens: Sequence[Token]) -> int:
    """The library's own conversion would also read `2.5`, `0x10` and `1_000`."""
    token = tokens[-1]
    if not _DIGITS.fullmatch(token.value):
        raise CoercionError(token=token, target_type=int)
    return int(token.value)


def whole(option: Parameter) -> Parameter:
    """The option, whose value is a whole number."""
    return Parameter.combine(option, Parameter(converter=_whole_number))
