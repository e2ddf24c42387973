"""What is printed is printable: texts from servers, files and databases on their way to a terminal or a log.

A terminal obeys what is printed to it: escape sequences set its title, its colors and its clipboard, a carriage return
writes over what stands there, and marks of direction show a text in another order than it has.
"""

import re

# C0 and C1 controls; the separators and marks of direction of Unicode, as of UAX #9; halves of surrogate pairs, which
# no encoding can write.
_OBEYED = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` on one line, without what a terminal would obey."""
    return _OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)


def printable_lines(text: str) -> str:
    """The same of a text whose line feeds are its author's: a traceback, say, and nothing that a stranger wrote."""
    return "\n".join(map(printable, text.split("\n")))


def printable_json(text: str) -> str:
    """The same of JSON on one line: what a terminal would obey is escaped, which means the same to programs."""
    return _OBEYED.sub(lambda obeyed: f"\\u{ord(obeyed[0]):04x}", text)
