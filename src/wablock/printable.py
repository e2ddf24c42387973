"""Printable texts: texts from servers, files and databases, made safe for a terminal or a log.

A terminal executes control characters. Escape sequences set its title, colors and clipboard, a carriage return
overwrites the line, and direction marks show a text in another order.
"""

import re

# C0 and C1 controls; Unicode's separators and direction marks (UAX #9); lone surrogates, which cannot be encoded.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` on one line, without control characters."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def printable_lines(text: str) -> str:
    """The same for a text with several lines. Only for texts whose line feeds are trusted, such as a traceback."""
    return "\n".join(map(printable, text.split("\n")))


def printable_json(text: str) -> str:
    """The same for JSON on one line. Control characters are escaped, so that the JSON has the same value."""
    return _CONTROLS.sub(lambda control: f"\\u{ord(control[0]):04x}", text)
