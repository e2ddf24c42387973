"""The business number that a webhook's `metadata` displays: always international, in whatever punctuation."""

import unicodedata
from typing import Final

import msgspec

from wablock.contract import identity
from wablock.contract.errors import NotAWhatsAppUser
from wablock.gate.pieces import UNREAD

_LONGEST: Final = 64  # characters: no spelling of 15 digits is longer

_any = msgspec.json.Decoder(str | int)


def display_wa_id(raw: msgspec.Raw) -> str | None:
    """The digits of the number, with its country code; None for what is no such number, which is no failure."""
    try:
        text = str(_any.decode(raw)) if memoryview(raw) else ""
    except UNREAD:
        return None
    digits = _digits(text) if len(text) <= _LONGEST else ""
    try:
        return identity.of_user("+" + digits, None).wa_id
    except NotAWhatsAppUser:
        return None


def _digits(text: str) -> str:
    """The digits of `text`, of any script; none where it has letters, or a + that is not before all digits."""
    if any(character.isalpha() for character in text):
        return ""
    before, plus, after = text.rpartition("+")
    if plus and any(character.isdecimal() for character in before):
        return ""
    return "".join(str(unicodedata.decimal(character)) for character in after if character.isdecimal())
