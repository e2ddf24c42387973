"""`user` and `user_id` as typed -> who is meant.

An identity is one user. Its `key` is the same for every spelling of that user's number, so equal keys mean one user;
what was typed and the `wa_id` it gives are never rewritten. A number that might be somebody else's is refused, not
guessed at: a stranger must not be blocked.
"""

import re
from typing import Final

import msgspec
import phonenumbers

from wablock.contract.errors import NotAWhatsAppUser
from wablock.contract.spellings import one_spelling


class Identity(msgspec.Struct, frozen=True):
    """One user: by number (`wa_id`), by business-scoped id (`user_id`), or both. `key` is what two spellings share."""

    key: str
    wa_id: str | None = None
    user_id: str | None = None


COUNTRIES: Final = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The ISO 3166 codes by which national numbers can be read."""

WITH_COUNTRY_CODE: Final = "write it with + and the country code, as +16505551234"

_E164 = re.compile(r"\+?([1-9][0-9]{6,14})")  # E.164: at most 15 digits, no leading zero
_PUNCTUATION = str.maketrans("", "", " -.()")
_TYPED = re.compile(r"\+?[0-9]+")
_USER_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}")
_PARENT_USER_ID = re.compile(r"[A-Z]{2}\.ENT\.[A-Za-z0-9]{1,128}")
_LONGEST = 64  # no spelling of 15 digits is longer; a longer text is not worth parsing

# Validity beyond shape is not asked: libphonenumber refuses old Brazilian and Mexican spellings that are real wa_ids.
_CALLING_CODES: Final = frozenset(str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


def of_user(user: str, country: str | None) -> Identity:
    """Who `user` is, a phone number as typed; raises `NotAWhatsAppUser` where that is not certain.

    `country` is the business number's ISO 3166 code, by which a national number is read; None: national numbers fail.
    """
    match = _E164.fullmatch(user)
    if match is None:
        return of_wa_id(_digits(user, country))
    return of_wa_id(match[1])


def of_wa_id(digits: str) -> Identity:
    """Who an international number is, given as its digits, with the country code and without +."""
    return Identity(key_of(digits), digits)


def key_of(digits: str) -> str:
    """The key alone of that identity."""
    if digits[0] in _CALLING_CODES or digits[:2] in _CALLING_CODES or digits[:3] in _CALLING_CODES:
        return one_spelling(digits)
    raise NotAWhatsAppUser("its country code does not exist")


def country_of(wa_id: str) -> str | None:
    """The ISO 3166 code of the country that a number belongs to; None where that is not certain."""
    region = phonenumbers.region_code_for_number(phonenumbers.parse("+" + wa_id))
    return region if region in COUNTRIES else None


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


def of_user_id(user_id: str) -> Identity:
    """Who a business-scoped user id means; raises `NotAWhatsAppUser` for a parent id and for any other text."""
    if _USER_ID.fullmatch(user_id):
        return Identity(user_id, None, user_id)
    if _PARENT_USER_ID.fullmatch(user_id):
        raise NotAWhatsAppUser("a parent user id names no user of this business; send the user_id of its webhook")
    raise NotAWhatsAppUser("a user_id is two capital letters, a dot, and up to 128 letters or digits")


def of_item(user: str | None, user_id: str | None, country: str | None) -> Identity:
    """Who an item of `block_users` means: `user` wins where both are given, and then they are known to be one user."""
    if user is None:
        return of_user_id(user_id or "")
    identity = of_user(user, country)
    if user_id is not None and _USER_ID.fullmatch(user_id):
        return Identity(identity.key, identity.wa_id, user_id)
    return identity


def _digits(user: str, country: str | None) -> str:
    """The international digits of what is not plain E.164 already."""
    bare = user.translate(_PUNCTUATION) if len(user) <= _LONGEST else ""
    if not _TYPED.fullmatch(bare):
        raise NotAWhatsAppUser("it is not a phone number")
    if bare[0] == "+" and "(0)" in user:  # +44 (0)20 …: the 0 is dialled at home only, and whose number it is with it
        raise NotAWhatsAppUser("leave out the (0), which is dialled inside the country only")
    if bare[0] == "+" or (bare == user and bare[0] != "0"):
        match = _E164.fullmatch(bare)
        if match is None:
            raise NotAWhatsAppUser("an international number has 7 to 15 digits and does not begin with 0")
        return match[1]
    return _national_digits(user, country)


def _national_digits(user: str, country: str | None) -> str:
    if country is None:
        raise NotAWhatsAppUser(WITH_COUNTRY_CODE)
    try:
        number = phonenumbers.parse(user, country, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        raise NotAWhatsAppUser(WITH_COUNTRY_CODE) from None
    # 00 and the like begin an international number, which is not this country's national one
    dialled_abroad = number.country_code_source == phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_IDD
    if dialled_abroad or number.extension or not phonenumbers.is_valid_number(number):
        raise NotAWhatsAppUser(WITH_COUNTRY_CODE)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
