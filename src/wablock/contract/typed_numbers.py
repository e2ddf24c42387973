"""A phone number as typed -> this user; nobody, and why; or several readings.

The one reader of what people type, list and send. A stranger must not be blocked by a guess, so a text that may mean
two numbers blocks neither; and a block must hold, so a message whose recipient has two readings is judged by both.
"""

import re
from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec

from wablock.contract import number_plans
from wablock.contract.typed_text import BareDigits, International, National, Unreadable, take_apart

WITH_COUNTRY_CODE: Final = "write it with + and the country code, as +16505551234"

_WA_ID = re.compile(r"[1-9][0-9]{6,14}")
_NO_DIGITS = re.compile(r"[^0-9]+")
_DIALLED_ABROAD: Final = ("00", "011", "0011", "010", "810")  # what the world dials before a calling code


class OneUser(msgspec.Struct, frozen=True):
    """The text means this number and no other; `wa_id` is its digits with the calling code."""

    wa_id: str


class Nobody(msgspec.Struct, frozen=True):
    """The text is no user's number; `why` says what is wrong with it and what to write."""

    why: str


class SeveralReadings(msgspec.Struct, frozen=True):
    """The text means one of `wa_ids`, and nothing says which."""

    wa_ids: tuple[str, ...]
    why: str


Reading: TypeAlias = OneUser | Nobody | SeveralReadings


def read(text: str, country: str | None) -> Reading:
    """Whom `text` means in a block list. `country` is the business number's ISO 3166 code; None: not known.

    Digits alone are a `wa_id`. A number without + that has punctuation or a leading zero is one of `country`.
    """
    digits = text[1:] if text[:1] == "+" else text
    if _WA_ID.fullmatch(digits):  # most texts are plain E.164
        return _international(digits) if digits is not text else _bare(digits)
    typed = take_apart(text)
    match typed:
        case Unreadable():
            return Nobody(typed.why)
        case National():
            return _national(typed, country)
        case International():
            return _international(typed.digits)
        case _:
            return _bare(typed.digits)


def read_listed(text: str, country: str | None) -> Reading:
    """Whom `text` means, where the user may be on a list already: digits alone are judged by their shape, as there."""
    return OneUser(text) if _is_wa_id(text) else read(text, country)


def read_recipient(text: str, country: str | None) -> Reading:
    """Whom a message to `text` may reach.

    Without + the digits may be a `wa_id`, or a number of the business's country, whose calling code is put before them:
    an upstream may do either, and drop punctuation and leading zeros before. All those readings count. Where `country`
    is not known, bare digits are a `wa_id` only, and a number with punctuation or a leading zero is `Nobody`.
    """
    typed = take_apart(text)
    match typed:
        case Unreadable():
            return Nobody(typed.why)
        case National() if country is None:
            return Nobody(f"the country of the business number is not known here; {WITH_COUNTRY_CODE}")
        case International():
            reading = _international(typed.digits)
        case BareDigits() if country is None:
            reading = _international(typed.digits)
        case _:
            reading = _one_of(_sent_readings(typed, country or ""))
    if text.endswith(typed.digits) or isinstance(reading, Nobody):
        return reading
    # An upstream that drops all but digits takes a JID's device for the number's last ones.
    wa_ids = (reading.wa_id,) if isinstance(reading, OneUser) else reading.wa_ids
    return _one_of([*wa_ids, *_possible([_NO_DIGITS.sub("", text)])])


def wa_id_of(text: str) -> str | None:
    """The `wa_id` that a webhook shows as `text`, in whatever spelling; None where it shows none.

    WhatsApp says that it is a number, so it is judged by its shape: its length, and a calling code that exists.
    """
    if _is_wa_id(text):
        return text
    typed = take_apart(text)
    digits = "" if isinstance(typed, Unreadable) else typed.digits.removeprefix("00")
    return digits if _is_wa_id(digits) else None


def _is_wa_id(digits: str) -> bool:
    return _WA_ID.fullmatch(digits) is not None and number_plans.has_calling_code(digits)


def _international(digits: str) -> Reading:
    why = number_plans.fault_of(digits)
    return OneUser(digits) if why is None else Nobody(why)


def _bare(digits: str) -> Reading:
    """Digits alone: as behind a +; but those that are no such number may lack a country code."""
    reading = _international(digits)
    if isinstance(reading, Nobody):
        return Nobody(f"{reading.why}; if a country code is missing, {WITH_COUNTRY_CODE}")
    return reading


def _national(typed: National, country: str | None) -> Reading:
    if country is None:
        return Nobody(WITH_COUNTRY_CODE)
    both = (
        number_plans.national_reading(typed.digits, country),
        number_plans.international_reading(typed.digits, country),
    )
    readings = tuple(each for each in dict.fromkeys(both) if each is not None and number_plans.fault_of(each) is None)
    if len(readings) == 1:
        return OneUser(readings[0])
    if not readings:
        return Nobody(WITH_COUNTRY_CODE)
    either = " or ".join(f"+{digits}" for digits in readings)
    return SeveralReadings(readings, f"it may be {either}; {WITH_COUNTRY_CODE}")


def _sent_readings(typed: BareDigits | National, country: str) -> list[str]:
    """All numbers that digits sent without + may mean to an upstream; each once, as a `wa_id` first."""
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
    if not readings:  # a 0 behind the calling code is no number's
        return []
    return _possible([*readings, number_plans.without_trunk_zero(significant) or ""])  # as +49 (0) 151 is dialled


def _possible(candidates: Iterable[str]) -> list[str]:
    """Those that a numbering plan has, each once."""
    return [
        each for each in dict.fromkeys(candidates) if _WA_ID.fullmatch(each) and number_plans.fault_of(each) is None
    ]


def _one_of(readings: Iterable[str]) -> Reading:
    wa_ids = tuple(dict.fromkeys(readings))
    if len(wa_ids) == 1:
        return OneUser(wa_ids[0])
    return SeveralReadings(wa_ids, WITH_COUNTRY_CODE) if wa_ids else Nobody(WITH_COUNTRY_CODE)
