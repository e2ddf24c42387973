"""Printable texts: texts from servers, files and databases, made safe for a terminal or a log.

A terminal executes control characters. Escape sequences set its title, colors and clipboard, a carriage return
overwrites the line, and direction marks show a text in another order.
"""

import re

# C0 and C1 controls; Unicode's separators and direction marks (UAX #9); lone surrogates, which cannot be encoded.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def printable(text: str) -> str:
    """`text` on one line, without control characters."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def printable_lines(text: str) -> str:
    """The same for a text with several lines. Only for texts whose line feeds are trusted, such as a traceback."""
    return "\n".join(map(printable, text.split("\n")))


def printable_json(text: str) -> str:
    """The same for JSON on one line. Control characters are escaped, so that the JSON has the same value."""
    return _CONTROLS.sub(lambda control: f"\\u{ord(control[0]):04x}", text)


def escaped_json(text: str) -> str:
    """JSON in ASCII, with the same value, for an output that cannot show all characters."""
    return _NOT_ASCII.sub(lambda match: _escaped(match[0]), text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")  # JSON has no longer escapes: RFC 8259, section 7
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
