"""Names that people give to numbers and lists. No I/O here."""

import unicodedata
from typing import Final

LONGEST: Final = 64


class BadName(ValueError):
    """The text cannot be a name."""

    def __init__(self) -> None:
        super().__init__(f"must have 1 to {LONGEST} printable characters, and not only digits, as an id has")


def checked_name(text: str) -> str:
    """The name, without blanks around it. Raises `BadName`."""
    name = unicodedata.normalize("NFC", text.strip())
    if not 0 < len(name) <= LONGEST or not name.isprintable() or name_key(name).isdigit():
        raise BadName
    return name


def name_key(name: str) -> str:
    """A text that is the same for names that differ only in case or in the width of letters."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
