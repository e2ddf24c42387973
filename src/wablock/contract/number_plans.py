"""Which international numbers can exist, and what national ones mean: libphonenumber's tables, read quickly.

A number is judged by its calling code, its length and a leading zero. An international number need not be valid
beyond that: libphonenumber refuses old Brazilian and Mexican spellings that are real `wa_id`s.
"""

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

import phonenumbers

from wablock.contract.spellings import one_spelling

COUNTRIES: Final = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The ISO 3166 codes by which national numbers can be read."""

_CALLING_CODES: Final = {str(code): regions[0] for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()}
_FEWEST_DIGITS: Final = 7  # a wa_id has as many
_MOST_DIGITS: Final = 15  # E.164; a few of libphonenumber's numbers are longer
_WORLD: Final = "001"  # libphonenumber's region of the calling codes that no country has
# Plans in which the number behind the calling code begins with 0 itself, by libphonenumber's patterns of fixed, mobile
# and satellite numbers. Elsewhere that 0 is dialled inside the country only.
_BEGIN_WITH_ZERO: Final = frozenset(("39", "225", "226", "229", "241", "242", "250", "378", "881", "992"))
# Lengths of the second spellings (see spellings.py), which libphonenumber's own check refuses, by what they begin with.
_OLD_LENGTHS: Final = {"225": (8,), "229": (8,), "521": (11,)}


Plan: TypeAlias = tuple[str, tuple[int, ...], int]
"""The numbers of a calling code: the code; how many digits they may have, with the code; the place of a digit that is
not 0. The code and the lengths are empty where no country has the code. A plain tuple, which is unpacked quickest.
"""

_plans: dict[str, Plan] = {}
"""The plan that three digits begin, filled as they are met: to load all of them takes 0.1 s."""

_prefixes: dict[str, re.Pattern[str]] = {}
"""What may be dialled before a number, by country."""


def is_number(text: str) -> bool:
    """Whether `text` is the digits of a possible international number. A fraction of a microsecond.

    False also for second spellings of a length that libphonenumber does not have: only `fault_of` accepts those.
    """
    plan = _plans.get(text[:3])
    if plan is None:
        if not (text[:3].isascii() and text[:3].isdigit()):
            return False
        plan = _load(text[:3])
    _, lengths, not_zero = plan
    return len(text) in lengths and text[not_zero] != "0" and text.isascii() and text.isdigit()


def has_calling_code(digits: str) -> bool:
    """Whether a calling code that exists begins these international digits."""
    return bool((_plans.get(digits[:3]) or _load(digits[:3]))[0])


def fault_of(digits: str) -> str | None:
    """Why no number has these international digits; None where one may."""
    if is_number(digits):
        return None
    code, lengths, not_zero = _plans[digits[:3]]
    if not code:
        return "its country code does not exist"
    if digits[not_zero] == "0":
        return f"leave out the 0 behind +{code}, which is dialled inside the country only"
    if one_spelling(digits) != digits:
        return None
    listed = _listed([length - len(code) for length in lengths])
    return f"numbers of +{code} have {listed} digits behind it, and this one has {len(digits) - len(code)}"


def code_of(country: str) -> str | None:
    """The calling code of a country; None where the country is not known."""
    code = phonenumbers.country_code_for_region(country)
    return str(code) if code else None


def may_begin_with_a_prefix(digits: str, country: str) -> bool:
    """Whether the first of `digits` may be dialled inside `country` only, or from there abroad, and be no number's."""
    pattern = _prefixes.get(country)
    if pattern is None:
        table = phonenumbers.PhoneMetadata.metadata_for_region(country)
        inside, abroad = (table.national_prefix_for_parsing, table.international_prefix) if table else (None, None)
        pattern = re.compile("|".join(f"(?:{prefix})" for prefix in (inside, abroad) if prefix))
        _prefixes[country] = pattern
    prefix = pattern.match(digits)
    # A prefix that is the calling code as well, as the 1 of North America is, leaves the number as it is.
    return prefix is not None and prefix[0] not in ("", code_of(country))


def without_trunk_zero(digits: str) -> str | None:
    """International digits without the 0 behind their calling code; None where none stands there."""
    code = (_plans.get(digits[:3]) or _load(digits[:3]))[0]
    number = digits[len(code) :]
    return code + number.lstrip("0") if code and number.startswith("0") else None


def national_reading(digits: str, country: str) -> str | None:
    """The international digits of the valid number that `digits`, typed without +, are in `country`; None for none."""
    number = _parsed(digits, country)
    # 00 and the like begin an international number, which is not this country's national one.
    if number is None or number.country_code_source == phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_IDD:
        return None
    return _valid_digits(number)


def dialled_reading(digits: str, country: str) -> str | None:
    """The international digits that `digits` are when they are dialled in `country`, be it abroad, valid or not."""
    number = _parsed(digits, country)
    return None if number is None else f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def international_reading(digits: str, country: str) -> str | None:
    """`digits` where they are a valid number of `country` whose calling code was typed without its +."""
    if not digits.startswith(code_of(country) or "+"):
        return None
    try:
        return _valid_digits(phonenumbers.parse("+" + digits))
    except phonenumbers.NumberParseException:
        return None


def country_to_read_by(wa_id: str) -> str | None:
    """The ISO 3166 code by which national numbers beside this one are read; None where its calling code has no country.

    A number of no one country, such as +1 555, has its calling code's main one. That makes no stranger of anybody: what
    differs between countries of one code is how local numbers, without an area code, are read, and the main one reads
    none of a person's.
    """
    try:
        number = phonenumbers.parse("+" + wa_id)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number)
    if region is None and phonenumbers.is_possible_number(number):
        region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return region if region in COUNTRIES else None


def _load(beginning: str) -> Plan:
    code = next((beginning[:n] for n in (1, 2, 3) if beginning[:n] in _CALLING_CODES), "")
    lengths: tuple[int, ...] = ()
    if code:
        region, tables = _CALLING_CODES[code], phonenumbers.PhoneMetadata
        table = tables.metadata_for_nongeo_region(int(code)) if region == _WORLD else tables.metadata_for_region(region)
        numbers = table.general_desc if table is not None else None
        lengths = (*(numbers.possible_length if numbers is not None else ()), *_OLD_LENGTHS.get(beginning, ()))
    lengths = tuple(len(code) + length for length in lengths if _FEWEST_DIGITS <= len(code) + length <= _MOST_DIGITS)
    plan = code, lengths, 0 if code in _BEGIN_WITH_ZERO else len(code)
    _plans[beginning] = plan
    return plan


def _parsed(digits: str, country: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(digits, country, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None


def _valid_digits(number: phonenumbers.PhoneNumber) -> str | None:
    if not phonenumbers.is_valid_number(number):
        return None
    digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
    return digits if len(digits) <= _MOST_DIGITS else None


def _listed(lengths: Sequence[int]) -> str:
    *others, most = sorted(set(lengths))
    if not others:
        return str(most)
    if len(others) > 1 and most - others[0] == len(others):
        return f"{others[0]} to {most}"
    return f"{', '.join(map(str, others))} or {most}"
