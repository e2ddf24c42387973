"""The countries in which one user's number has two spellings."""

import re
from typing import Final

# Argentina's area codes have two digits (11), three (these), or four.
_ARGENTINA: Final = "(?:2(?:2[0138]|3[067]|49|6[0134]|80|9[14789])|3(?:36|4[12358]|5[138]|6[24]|7[069]|8[01358]))"

# Three countries have two spellings for one WhatsApp user. Each rule gives the shorter one. Landlines stay as they are.
_SECOND_SPELLINGS: Final = (
    # Brazil's ninth digit: mobile numbers of eight digits began with 6 to 9, landlines begin with 2 to 5.
    (re.compile(r"(55[1-9][1-9])9([6-9][0-9]{7})"), r"\1\2"),
    # Mexico's 1 after the country code, dialled to mobiles until 2019. No national number begins with 1.
    (re.compile(r"(52)1([2-9][0-9]{9})"), r"\1\2"),
    # Argentina's 9 for mobiles. A local number that begins with 4 may be a landline with the same digits.
    (re.compile(rf"(54)9((?:11|{_ARGENTINA}|(?!11|{_ARGENTINA})[23][0-9]{{3}})[1-35-9][0-9]+)"), r"\1\2"),
)


def one_spelling(digits: str) -> str:
    """The text that all spellings of an international number share; `digits` has the country code and no +."""
    if digits[0] == "5" and digits[1] in "245" and len(digits) == 13:
        for spelling, shorter in _SECOND_SPELLINGS:
            if spelling.fullmatch(digits):
                return spelling.sub(shorter, digits)
    return digits
