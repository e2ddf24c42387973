"""The limit for the number of values in a JSON body, which is checked before the body is parsed."""

import re
from typing import Final

MOST: Final = 150_000  # Meta sends up to 1,000 updates, so 150 for each; 3 MB of real updates have 100,000
_SIGNS: Final = b",[{"  # one of them is before each value
_TOKEN = re.compile(rb'\\.|[",\[{]', re.DOTALL)


class TooManyValues(ValueError):
    """The body has too many values."""

    def __init__(self, most: int) -> None:
        super().__init__(f"The body has more than {most} values.")


def check_value_count(body: bytes, most: int = MOST) -> None:
    """Raises `TooManyValues` for more elements and members than any real request has: each one costs time and memory.

    Commas and brackets inside strings do not count, because users may write any number of them.
    """
    if len(body) <= most or len(body) - len(body.translate(None, _SIGNS)) <= most:
        return
    count = 0
    in_text = False
    for token in _TOKEN.finditer(body):
        kind = token[0]
        if kind == b'"':
            in_text = not in_text
        elif not in_text and len(kind) == 1:
            count += 1
            if count > most:
                raise TooManyValues(most)
