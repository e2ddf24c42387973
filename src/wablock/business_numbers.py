"""What people set of a business number: its name, and changes to a stored number. No I/O here."""

import unicodedata
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from wablock.block_list.ports import Rules

LONGEST_NAME: Final = 64


class BadName(ValueError):
    """The text cannot be the name of a number."""

    def __init__(self) -> None:
        super().__init__(f"must have 1 to {LONGEST_NAME} printable characters, and not only digits, as an id has")


class NumberChanges(msgspec.Struct, frozen=True, kw_only=True):
    """The new values of a number's fields. A field that is UNSET does not change; None removes the value."""

    wa_id: str | UnsetType | None = UNSET
    country: str | UnsetType | None = UNSET
    rules: Rules | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    waba_id: str | UnsetType | None = UNSET


def checked_name(text: str) -> str:
    """The name, without blanks around it. Raises `BadName`."""
    name = unicodedata.normalize("NFC", text.strip())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or name_key(name).isdigit():
        raise BadName
    return name


def name_key(name: str) -> str:
    """A text that is the same for names that differ only in case or in the width of letters."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
