"""The parts of a typed phone number: its digits, and whether they begin with a calling code.

Marks, schemes and punctuation are read here. A text that is not one number is refused; nothing is removed to make it
one. `typed_numbers` decides whether such a number can exist; this module needs no table of countries.
"""

import operator
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import msgspec

from wablock.contract.user_ids import is_user_id


class International(msgspec.Struct, frozen=True):
    """Digits after a +: a calling code, then the number."""

    digits: str


class BareDigits(msgspec.Struct, frozen=True):
    """Digits alone, without a leading zero: the spelling of a `wa_id`."""

    digits: str


class National(msgspec.Struct, frozen=True):
    """The digits of a number without + that has punctuation or a leading zero."""

    digits: str


class Unreadable(msgspec.Struct, frozen=True):
    """Not a phone number. `why`: see `typed_numbers.NotANumber`."""

    why: str


WITH_COUNTRY_CODE: Final = "Write it with + and the country code, such as +16505551234."
COUNTRY_UNCERTAIN: Final = f"its country is not certain. {WITH_COUNTRY_CODE}"

TypedNumber: TypeAlias = International | BareDigits | National | Unreadable

_LONGEST: Final = 100  # no spelling of 15 digits is longer, so a longer text is not parsed
_LONGEST_QUOTED: Final = 20

_PLAIN = re.compile(r"\+?[1-9][0-9]{6,14}")  # E.164: at most 15 digits, no leading zero
_BLANKS: Final = " \t\r\n"
_PUNCTUATION: Final = str.maketrans("", "", "+ -.()")
_WITH_PLUS = re.compile(r"[ (]*\+[0-9 .()-]*")
_WITHOUT_PLUS = re.compile(r"[0-9 .()-]+")
_INNER_ZERO = re.compile(r"[^0-9]*[0-9].*\( *0 *\)")  # +44 (0)20 …: with the 0 it is not certain which number it is

# The spreadsheets of Meta's lead forms write p: before a number.
_SCHEME = re.compile(r"(?:whatsapp|sms|callto|p):(?://)?(?:send/?\?phone=)?(.*)", re.IGNORECASE)
_TEL = re.compile(r"tel:(.*)", re.IGNORECASE)
_LINK = re.compile(
    r"(?:https?://)?(?:wa\.me/|(?:api|web)\.whatsapp\.com/send/?\?phone=)(?:\+|%2B)?([0-9]+)/?(?:[?&#].*)?",
    re.IGNORECASE,
)
_SPREADSHEET = re.compile(r"'(.*)|=?\"(.*)\"")  # ' and =" keep a number as text; quotes come from CSV files
# whatsmeow and Baileys write user.agent:device@server; an agent has 8 bits, a device 16.
_JID = re.compile(r"\+?([0-9]+)(?:\.[0-9]{1,3})?(?::[0-9]{1,5})?@(?:s\.whatsapp\.net|c\.us)", re.IGNORECASE)
_OTHER_JID = re.compile(r"[0-9.:_-]+@(g\.us|lid|hosted\.lid|broadcast|newsletter)", re.IGNORECASE)
_OTHER_JIDS: Final = {
    "g.us": "it is a group's id.",
    "lid": "it is a hidden id (LID), which does not identify a user here. Send the number or the user_id.",
    "hosted.lid": "it is a hidden id (LID), which does not identify a user here. Send the number or the user_id.",
    "broadcast": "it is a broadcast list's id.",
    "newsletter": "it is a channel's id.",
}

_NO_DIGITS = re.compile(r"[^0-9]+")
_DECIMAL = re.compile(r"[^.]*[0-9](?:\.+0{1,2}|,0+)|\+?[0-9]{7,}\.0+")
_EXPONENT = re.compile(r"\+?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+")
_EXTENSION = re.compile(r"(?:(?:ext(?:ension|n)?|x|доб)[ .:=]*[0-9]+|[0-9] *#[0-9]*)$", re.IGNORECASE)
_BETWEEN_NUMBERS = re.compile(r"[,;/|&\n]| and | or ")
_FEWEST_DIGITS: Final = 6  # a part between two separators with this many digits may be a number of its own
_NOT_IN_A_NUMBER = re.compile(r"[^0-9 .()+-]")

_WRONG_SHAPE: Final = Unreadable("an international number has 7 to 15 digits and does not begin with 0.")

# Marks in texts copied from a contact or a web page. They have no width and no meaning.
_MARKS: Final = frozenset(
    chr(code)
    for first, last in (
        (0xAD, 0xAD),
        (0x61C, 0x61C),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x206F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
    )
    for code in range(first, last + 1)
)
_SIGNS: Final = {"＋": "+", "﹢": "+", "（": "(", "）": ")", "．": ".", "−": "-", "⁃": "-"}  # noqa: RUF001 - other scripts' signs


def take_apart(text: str) -> TypedNumber:
    """The parts of `text`, read as one typed phone number."""
    if _PLAIN.fullmatch(text):
        return International(text[1:]) if text[0] == "+" else BareDigits(text)
    if len(text) > _LONGEST:
        return Unreadable(f"a phone number has at most 15 digits, and this text has {len(text)} characters.")
    plain = _without_marks(text).strip(_BLANKS)
    return _unwrapped(plain)


def _without_marks(text: str) -> str:
    """`text` without marks, and with the digits, signs and blanks of other scripts in ASCII."""
    return text if text.isascii() else "".join(_in_ascii(character) for character in text if character not in _MARKS)


def _in_ascii(character: str) -> str:
    if character.isascii():
        return character
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if character in _SIGNS:
        return _SIGNS[character]
    category = unicodedata.category(character)
    return {"Zs": " ", "Pd": "-"}.get(category, character)


def _unwrapped(plain: str) -> TypedNumber:
    """The number inside a scheme, a link, a JID or a spreadsheet's quotes. The wrapping decides how to read it."""
    if not _NOT_IN_A_NUMBER.search(plain):
        return _number(plain)
    if other := _OTHER_JID.fullmatch(plain):
        return Unreadable(_OTHER_JIDS[other[1].lower()])
    for wrapping, read in _WRAPPINGS:
        if wrapped := wrapping.fullmatch(plain):
            return read((wrapped[1] or wrapped[wrapped.lastindex or 1]).strip(_BLANKS))
    return _number(plain)


def _local(text: str) -> TypedNumber:
    """RFC 3966: a number without + after tel: is a local number."""
    number = _number(text)
    return National(number.digits) if isinstance(number, BareDigits) else number


def _number(text: str) -> TypedNumber:
    if why := _error(text):
        return Unreadable(why)
    digits = text.translate(_PUNCTUATION)
    if _WITH_PLUS.fullmatch(text):
        return _digits_after_plus(digits)
    if text == digits and digits[0] != "0":
        return _bare(digits)
    return National(digits)


def _digits_after_plus(digits: str) -> TypedNumber:
    return International(digits) if _PLAIN.fullmatch(digits) else _WRONG_SHAPE


def _bare(digits: str) -> TypedNumber:
    return BareDigits(digits) if _PLAIN.fullmatch(digits) else _WRONG_SHAPE


def _error(text: str) -> str | None:
    """The reason why `text` is not one number; None if it is one."""
    for applies, why in _ERRORS:
        if applies(text):
            return why.format(text=_quoted(text))
    if other := _NOT_IN_A_NUMBER.search(text):
        return f"a phone number has digits, +, blanks and - . ( ) only, and this one has {_quoted(other[0])}."
    return "the + belongs before the country code." if "+" in text and not _WITH_PLUS.match(text) else None


def _has_several_numbers(text: str) -> bool:
    parts = _BETWEEN_NUMBERS.split(text)
    return (
        text.count("+") > 1
        or sum(sum(character.isdigit() for character in part) >= _FEWEST_DIGITS for part in parts) > 1
    )


def _quoted(text: str) -> str:
    """`text` for a message: short, and without control characters."""
    return ascii(text[:_LONGEST_QUOTED]) if not text.isprintable() else f"{text[:_LONGEST_QUOTED]!r}"


_WRAPPINGS: Final[Sequence[tuple[re.Pattern[str], Callable[[str], TypedNumber]]]] = (
    (_SPREADSHEET, _number),
    (_TEL, _local),
    (_SCHEME, _number),
    (_LINK, _digits_after_plus),
    (_JID, _bare),
)

_ERRORS: Final[Sequence[tuple[Callable[[str], object], str]]] = (
    (operator.not_, "it is empty."),
    (is_user_id, "it is a user_id. Send it as user_id."),
    (_NO_DIGITS.fullmatch, "{text} has no digits. Write a phone number, such as +16505551234."),
    (_DECIMAL.fullmatch, "it ends in a decimal, as a spreadsheet writes numbers. Format the column as text."),
    (_EXPONENT.fullmatch, "a spreadsheet has shortened it, and digits are lost. Format the column as text."),
    (_INNER_ZERO.match, "its (0) is dialled only inside the country. Leave out the (0)."),
    (_has_several_numbers, "it looks like several numbers. Send each as a separate user."),
    (_EXTENSION.search, "it has an extension, and WhatsApp has none. Leave out the extension."),
)
