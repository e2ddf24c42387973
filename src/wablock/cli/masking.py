"""The masking of phone numbers, user ids and tokens in log texts, in every spelling.

A masked number keeps its first 3 and its last 2 digits, which is enough to recognise it among a few.
"""

import ipaddress
import re
from typing import Final

_DIGIT: Final = r"(?:(?<!%)\d|%3\d)"
_BETWEEN: Final = r"(?:[\s().\-/+\u2010-\u2015]|%(?!3\d)[0-9A-Fa-f]{2}){0,3}"  # punctuation, plain or percent-encoded

# IPv4 addresses and dates have as many digits as a phone number, and stay. The first alternative that matches wins.
_NOT_FOR_LOGS = re.compile(
    rf"""
      (?<![\d.]) (?P<ipv4> \d{{1,3}} (?: \. \d{{1,3}} ){{3}} ) (?![\d.])
    | (?<!\d) (?P<day> (?:19|20)\d\d - [01]\d - [0-3]\d (?: [ T] \d\d : \d\d (?: : \d\d )? )? ) (?!\d)
    | (?P<number> {_DIGIT} (?: {_BETWEEN} {_DIGIT} ){{6,}} | \d{{7,}} )  # the latter: after a percent sign
    | \b (?P<user_id> [A-Z]{{2}} (?: \.ENT )? \. [A-Za-z0-9]{{6,128}} ) \b
    | (?P<bearer> \b (?i: (?:bearer|oauth)\s+ | (?:access_|verify_)?token"?\s*(?:=|:|%3D)\s*"? ) )
      (?P<token> [^\s&"',;]+ )
    | \b (?P<message_id> wamid\.[^\s"',;&]+ )
    | \b (?P<known_token> wablock_[A-Za-z0-9_-]{{20,}} | EA[A-Za-z0-9]{{20,}} )
    """,
    re.VERBOSE,
)
_PERCENT: Final = re.compile(r"%(?:3(\d)|[0-9A-Fa-f]{2})")
_NOT_DIGITS: Final = re.compile(r"\D+")
_MARK: Final = "…"


def masked(text: str) -> str:
    """`text`, in which every phone number, user id and token is shortened."""
    return _NOT_FOR_LOGS.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    kind, text = match.lastgroup, match[0]
    if kind == "day" or (kind == "ipv4" and _is_address(text)):
        return text
    if kind in ("ipv4", "number"):
        digits = _NOT_DIGITS.sub("", _PERCENT.sub(r"\1", text))
        return f"{digits[:3]}{_MARK}{digits[-2:]}" if len(digits) > 6 else text
    if kind == "user_id":
        return f"{text[:3]}{_MARK}{text[-2:]}"
    return (match["bearer"] or "") + _MARK


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
