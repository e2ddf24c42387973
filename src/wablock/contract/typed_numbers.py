"""The reading of typed phone numbers: one user, several possible users, or not a number, with the reason.

All numbers that callers block, look up or send messages to are read here. A guess could block the wrong user. So if a
text may mean two numbers, neither is blocked. A message must not reach a blocked user. So if its recipient has two
readings, both are checked.
"""

import re
from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec

from wablock.contract import number_plans
from wablock.contract.typed_text import (
    COUNTRY_UNCERTAIN,
    WITH_COUNTRY_CODE,
    BareDigits,
    International,
    National,
    Unreadable,
    take_apart,
)

_WA_ID = re.compile(r"[1-9][0-9]{6,14}")
_NO_DIGITS = re.compile(r"[^0-9]+")
_DIALLED_ABROAD: Final = ("00", "011", "0011", "010", "810")  # the prefixes that countries dial before a calling code


class OneUser(msgspec.Struct, frozen=True):
    """The text means only this number. `wa_id` is its digits with the calling code."""

    wa_id: str


class NotANumber(msgspec.Struct, frozen=True):
    """The text is not a user's number. `why` completes "Not a valid WhatsApp user: …", and may add what to write."""

    why: str


class SeveralReadings(msgspec.Struct, frozen=True):
    """The text means one of `wa_ids`, but it is not certain which."""

    wa_ids: tuple[str, ...]
    why: str


Reading: TypeAlias = OneUser | NotANumber | SeveralReadings


def read(text: str, country: str | None) -> Reading:
    """The reading of `text` in a request to block. `country` is the business number's ISO 3166 code, None if unknown.

    Digits alone are a `wa_id`. A number without + that has punctuation or a leading zero is a number of `country`.
    """
    digits = text[1:] if text[:1] == "+" else text
    if _WA_ID.fullmatch(digits):  # most texts are plain E.164
        return _international(digits) if digits is not text else _bare(digits)
    typed = take_apart(text)
    match typed:
        case Unreadable():
            return NotANumber(typed.why)
        case National():
            return _national(typed, country)
        case International():
            return _international(typed.digits)
        case _:
            return _bare(typed.digits)


def read_listed(text: str, country: str | None) -> Reading:
    """The reading of `text` when the user may already be on a list. Digits alone are checked only by their shape."""
    return OneUser(text) if _is_wa_id(text) else read(text, country)


def read_recipient(text: str, country: str | None) -> Reading:
    """The users that a message to `text` may reach.

    An upstream may read a number without + in two ways: as a `wa_id`, or as a number of the business's country, to
    which it adds the calling code. It may also remove punctuation and leading zeros first. All these readings count.
    If `country` is not known, digits alone are only a `wa_id`, and a number with punctuation or a leading zero is
    `NotANumber`.
    """
    typed = take_apart(text)
    match typed:
        case Unreadable():
            return NotANumber(typed.why)
        case National() if country is None:
            return NotANumber(f"the country of the business number is not known here. {WITH_COUNTRY_CODE}")
        case International():
            reading = _international(typed.digits)
        case BareDigits() if country is None:
            reading = _international(typed.digits)
        case _:
            reading = _one_of(_upstream_readings(typed, country or ""))
    if text.endswith(typed.digits) or isinstance(reading, NotANumber):
        return reading
    # If an upstream removes everything except digits from a JID, the device becomes the number's last digits.
    wa_ids = (reading.wa_id,) if isinstance(reading, OneUser) else reading.wa_ids
    return _one_of([*wa_ids, *_possible([_NO_DIGITS.sub("", text)])])


def wa_id_of(text: str) -> str | None:
    """The `wa_id` in a webhook's `text`, in any spelling; None if the text is not a number.

    WhatsApp has sent it as a number, so only its shape is checked: its length, and a calling code that exists.
    """
    if _is_wa_id(text):
        return text
    typed = take_apart(text)
    digits = "" if isinstance(typed, Unreadable) else typed.digits.removeprefix("00")
    return digits if _is_wa_id(digits) else None


def _is_wa_id(digits: str) -> bool:
    return _WA_ID.fullmatch(digits) is not None and number_plans.has_calling_code(digits)


def _international(digits: str) -> Reading:
    why = number_plans.error_in(digits)
    return OneUser(digits) if why is None else NotANumber(why)


def _bare(digits: str) -> Reading:
    """Digits alone, read as digits after a +. If they are not a number, the country code may be missing."""
    reading = _international(digits)
    if isinstance(reading, NotANumber):
        return NotANumber(f"perhaps its country code is missing. {WITH_COUNTRY_CODE} Read as +{digits}, {reading.why}")
    return reading


def _national(typed: National, country: str | None) -> Reading:
    if country is None:
        return NotANumber(COUNTRY_UNCERTAIN)
    both = (
        number_plans.national_reading(typed.digits, country),
        number_plans.international_reading(typed.digits, country),
    )
    readings = tuple(each for each in dict.fromkeys(both) if each is not None and number_plans.error_in(each) is None)
    if len(readings) == 1:
        return OneUser(readings[0])
    if not readings:
        return NotANumber(COUNTRY_UNCERTAIN)
    either = " or ".join(f"+{digits}" for digits in readings)
    return SeveralReadings(readings, f"it may be {either}. {WITH_COUNTRY_CODE}")


def _upstream_readings(typed: BareDigits | National, country: str) -> list[str]:
    """All numbers that an upstream may read from digits without +, each once. The `wa_id` is first."""
    digits = typed.digits
    significant = digits.lstrip("0")
    dialled = None
    if isinstance(typed, National) or number_plans.may_begin_with_a_prefix(digits, country):
        dialled = number_plans.dialled_reading(digits, country)  # libphonenumber takes 50 µs
    code = number_plans.code_of(country) or ""
    candidates = [
        significant,
        *(digits.removeprefix(prefix) for prefix in _DIALLED_ABROAD),
        dialled or "",
        code + significant,
        code + digits,
    ]
    readings = _possible(candidates)
    if not readings:  # no number has a 0 after the calling code
        return []
    return _possible([*readings, number_plans.without_trunk_zero(significant) or ""])  # such as +49 (0) 151


def _possible(candidates: Iterable[str]) -> list[str]:
    """The candidates that are numbers of a numbering plan, each once."""
    return [
        each for each in dict.fromkeys(candidates) if _WA_ID.fullmatch(each) and number_plans.error_in(each) is None
    ]


def _one_of(readings: Iterable[str]) -> Reading:
    wa_ids = tuple(dict.fromkeys(readings))
    if len(wa_ids) == 1:
        return OneUser(wa_ids[0])
    return SeveralReadings(wa_ids, COUNTRY_UNCERTAIN) if wa_ids else NotANumber(COUNTRY_UNCERTAIN)
