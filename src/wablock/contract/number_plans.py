"""Numbering plans: the international numbers that can exist, and the reading of national ones, after libphonenumber.

A number is checked only by its calling code, its length and a leading zero. libphonenumber's own check is not used for
international numbers: it refuses old Brazilian and Mexican spellings that are real `wa_id`s.
"""

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

import phonenumbers

from wablock.contract.spellings import one_spelling

COUNTRIES: Final = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The ISO 3166 codes of the countries whose national numbers can be read."""

_CALLING_CODES: Final = {str(code): regions[0] for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()}
_FEWEST_DIGITS: Final = 7  # the shortest wa_id
_MOST_DIGITS: Final = 15  # E.164; a few of libphonenumber's numbers are longer
_WORLD: Final = "001"  # libphonenumber's region for calling codes that belong to no country
# Calling codes after which a number may begin with 0, from libphonenumber's patterns of fixed, mobile and satellite
# numbers. In all other plans the 0 is dialled only inside the country.
_BEGIN_WITH_ZERO: Final = frozenset(("39", "225", "226", "229", "241", "242", "250", "378", "881", "992"))
# The lengths of second spellings (see spellings.py), by their first digits. libphonenumber does not have these lengths.
_OLD_LENGTHS: Final = {"225": (8,), "229": (8,), "521": (11,)}


Plan: TypeAlias = tuple[str, tuple[int, ...], int]
"""The numbering plan of a calling code: the code; the possible numbers of digits, with the code; the position of a
digit that must not be 0. If the code does not exist, the code and the lengths are empty. A tuple unpacks fastest.
"""

_plans: dict[str, Plan] = {}
"""The plan for the first three digits. Plans are loaded when they are first needed; loading all takes 0.1 s."""

_prefixes: dict[str, re.Pattern[str]] = {}
"""The prefixes that may be dialled before a number, by country."""


def is_number(text: str) -> bool:
    """Whether `text` is the digits of a possible international number. It takes a fraction of a microsecond.

    Also False for a second spelling whose length is not in its plan; only `error_in` accepts it.
    """
    plan = _plans.get(text[:3])
    if plan is None:
        if not (text[:3].isascii() and text[:3].isdigit()):
            return False
        plan = _load(text[:3])
    _, lengths, not_zero = plan
    return len(text) in lengths and text[not_zero] != "0" and text.isascii() and text.isdigit()


def has_calling_code(digits: str) -> bool:
    """Whether these international digits begin with a calling code that exists."""
    return bool((_plans.get(digits[:3]) or _load(digits[:3]))[0])


def error_in(digits: str) -> str | None:
    """The reason why these international digits cannot be a number; None if they can be."""
    if is_number(digits):
        return None
    code, lengths, not_zero = _plans[digits[:3]]
    if not code:
        return "its country code does not exist."
    if digits[not_zero] == "0":
        return f"the 0 after +{code} is dialled only inside the country. Leave out the 0."
    if one_spelling(digits) != digits:
        return None
    possible = _listed([length - len(code) for length in lengths])
    return f"numbers of +{code} have {possible} digits after it, and this one has {len(digits) - len(code)}."


def code_of(country: str) -> str | None:
    """The calling code of a country; None if the country is not known."""
    code = phonenumbers.country_code_for_region(country)
    return str(code) if code else None


def may_begin_with_a_prefix(digits: str, country: str) -> bool:
    """Whether `digits` may begin with a prefix that is dialled before a number but is not part of it.

    Two kinds of prefix of `country` count: for calls inside the country, and for calls from there to other countries.
    """
    pattern = _prefixes.get(country)
    if pattern is None:
        table = phonenumbers.PhoneMetadata.metadata_for_region(country)
        inside, abroad = (table.national_prefix_for_parsing, table.international_prefix) if table else (None, None)
        pattern = re.compile("|".join(f"(?:{prefix})" for prefix in (inside, abroad) if prefix))
        _prefixes[country] = pattern
    prefix = pattern.match(digits)
    # If the prefix is also the calling code, like the 1 of North America, the number stays the same.
    return prefix is not None and prefix[0] not in ("", code_of(country))


def without_trunk_zero(digits: str) -> str | None:
    """International digits without the 0 after their calling code; None if there is no such 0."""
    code = (_plans.get(digits[:3]) or _load(digits[:3]))[0]
    number = digits[len(code) :]
    return code + number.lstrip("0") if code and number.startswith("0") else None


def national_reading(digits: str, country: str) -> str | None:
    """`digits`, typed without +, as international digits; None if they are no valid national number of `country`."""
    number = _parsed(digits, country)
    # A prefix such as 00 begins an international number, which is not a national number of this country.
    if number is None or number.country_code_source == phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_IDD:
        return None
    return _valid_digits(number)


def dialled_reading(digits: str, country: str) -> str | None:
    """The international digits of the number that a caller in `country` reaches by dialling `digits`, valid or not."""
    number = _parsed(digits, country)
    return None if number is None else f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def international_reading(digits: str, country: str) -> str | None:
    """`digits`, if they are a valid number of `country` with the calling code but without +; None otherwise."""
    if not digits.startswith(code_of(country) or "+"):
        return None
    try:
        return _valid_digits(phonenumbers.parse("+" + digits))
    except phonenumbers.NumberParseException:
        return None


def country_to_read_by(wa_id: str) -> str | None:
    """The ISO 3166 code of the country for reading national numbers, taken from the business number `wa_id`.

    None if the calling code belongs to no country. A number that belongs to no single country, such as +1 555, uses the
    main country of its calling code. This cannot block a wrong user. Only local numbers without an area code have
    different readings in countries that share a code, and in the main country no person has such a number.
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
