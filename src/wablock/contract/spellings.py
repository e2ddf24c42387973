"""The countries in which one user's number has several spellings, and the key that these spellings share.

The rules read only the digits. So they apply only to numbers whose digits show that they are mobile. Landlines, and
numbers that may belong to another person, each have a key of their own.
"""

import re
from typing import Final

# Brazil's ninth digit: mobile numbers of eight digits began with 6 to 9, landlines begin with 2 to 5.
_BRAZIL: Final = re.compile(r"(55[1-9][1-9])9([6-9][0-9]{7})")
# Mexico's 1 after the country code, dialled to mobiles until 2019. No national number begins with 1.
_MEXICO: Final = re.compile(r"(52)1([2-9][0-9]{9})")

# Argentina's area codes have two digits (11), three (these), or four.
_THREE: Final = (
    "220 221 223 228 230 236 237 249 260 261 263 264 280 291 294 297 298 299 "
    "336 341 342 343 345 348 351 353 358 362 364 370 376 379 380 381 383 385 388"
)
AREA_CODES: Final = frozenset({"11", *_THREE.split()})
"""Argentina's area codes of two and three digits."""
# Mobile numbers have a 9 before the area code, or a 15 after it, which is dialled inside the country. If a number has
# neither and its local part begins with 4, it may be a landline with the same digits.
_MOBILE_ONLY: Final = frozenset("12356789")

# Two numbering plans changed from eight digits to ten; the last eight are the old number.
# Ivory Coast, 31 January 2021: two digits were added at the front. They depend on the operator to which the old first
# digits were assigned. It does not matter whether the user had changed to another operator. Sources: the plan that ITU
# published on 24 December 2020, as in the package numero-uemoa 0.1.0, and aurellemeless/cipnn, src/constants.js.
# libphonenumber's carrier/en/225.txt before the change has the same operators, with three exceptions: 69, and 60 and
# 61, whose operator had closed. Landlines began with 2 and 3.
_IVORY_COAST: Final = {
    "01": "01 02 03 40 41 42 43 50 51 52 53 70 71 72 73",  # Moov
    "05": "04 05 06 44 45 46 54 55 56 64 65 66 74 75 76 84 85 86 94 95 96",  # MTN
    "07": "07 08 09 47 48 49 57 58 59 67 68 69 77 78 79 87 88 89 97 98",  # Orange
}
# Benin, 30 November 2024: 01 was added before every number (allafrica.com/stories/202411300249, mobi/telephone_number's
# issue 138). Numbers that began with these digits were mobile, according to libphonenumber's region BJ, before the
# change and in the months when both plans were valid. Landlines began with 2.
_BENIN: Final = (
    "40 41 42 43 44 45 46 47 48 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 90 91 93 94 95 96 97 98 99"
)

ADDED_DIGITS: Final = {
    **{f"225{start}": put for put, starts in _IVORY_COAST.items() for start in starts.split()},
    **{f"229{start}": "01" for start in _BENIN.split()},
}
"""The two digits added after the country code. Each key is the country code and the old number's first two digits."""
_RENUMBERED: Final = frozenset({"225", "229"})


def one_spelling(digits: str) -> str:
    """The spelling that stands for all spellings of an international number; `digits` has the country code and no +.

    For Brazil, Mexico and Argentina it is the shorter spelling, for Ivory Coast and Benin that of the current plan.
    """
    first = digits[0]
    if first == "5":
        return _of_the_americas(digits) if digits[1] in "245" else digits
    if first == "2" and len(digits) == 11 and digits[:5] in ADDED_DIGITS:
        return digits[:3] + ADDED_DIGITS[digits[:5]] + digits[3:]
    return digits


MAY_HAVE_FORMER_KEYS: Final = "25"
"""Only numbers and keys that begin with one of these digits have former keys. Most users need no further call."""


def former_keys(digits: str) -> tuple[str, ...]:
    """The other keys under which the previous version of wablock stored this user's spellings.

    Nearly all users have none, and need only one or two comparisons.
    """
    first = digits[0]
    if first == "2":
        return _without_two_digits(one_spelling(digits)) if digits[:3] in _RENUMBERED else ()
    if first == "5" and digits[1] == "4":
        return _with_fifteen(one_spelling(digits))
    return ()


def keys_of(digits: str) -> tuple[str, ...]:
    """All keys under which this user may be stored, the current one first."""
    return (one_spelling(digits), *former_keys(digits))


def _of_the_americas(digits: str) -> str:
    if len(digits) == 13:
        if digits[1] == "4":
            return _of_argentina(digits[3:], digits) if digits[2] == "9" else digits
        match = (_MEXICO if digits[1] == "2" else _BRAZIL).fullmatch(digits)
        return match[1] + match[2] if match else digits
    if len(digits) == 14 and digits[1] == "4":
        end = 2 + _area_code(digits[2:])
        if end > 2 and digits[end : end + 2] == "15":
            return _of_argentina(digits[2:end] + digits[end + 2 :], digits)
    return digits


def _of_argentina(mobile: str, digits: str) -> str:
    """The key of a mobile number with these ten national digits; `digits` if there is no such number."""
    end = _area_code(mobile)
    if end and mobile[end] in _MOBILE_ONLY:
        return "54" + mobile
    return "549" + mobile if end and mobile[end] == "4" else digits


def _area_code(national: str) -> int:
    """The number of digits in the area code; 0 if the number begins with none."""
    if national[:2] == "11":
        return 2
    if national[:3] in AREA_CODES:
        return 3
    return 4 if national[0] in "23" else 0


def _without_two_digits(key: str) -> tuple[str, ...]:
    if len(key) != 13:
        return ()
    old = key[:3] + key[5:]
    return (old,) if ADDED_DIGITS.get(old[:5]) == key[3:5] else ()


def _with_fifteen(key: str) -> tuple[str, ...]:
    mobile = key[2:] if len(key) == 12 else key[3:] if len(key) == 13 and key[2] == "9" else ""
    end = _area_code(mobile) if mobile else 0
    if not end or (mobile[end] == "4") != (len(key) == 13) or mobile[end] == "0":
        return ()
    return (f"54{mobile[:end]}15{mobile[end:]}",)
