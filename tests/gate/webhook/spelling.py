"""The same JSON in another spelling: blanks, escapes, the case of names, the order of members."""

import json
from random import Random
from typing import Any, Final

_BLANKS: Final = (b"", b"", b"", b" ", b"\n", b"\t\r\n  ")
_OFTEN: Final = 0.3
_FIRST_OF_A_PAIR: Final = 0x10000
_SAME_BUT_FOR_CASE: Final = {"s": "\N{LATIN SMALL LETTER LONG S}", "k": "\N{KELVIN SIGN}"}


def respelt(value: Any, random: Random, *, with_cases: bool = True, in_order: bool = False) -> bytes:
    """Elements of arrays keep their order; members keep it, too, if `in_order`."""
    if isinstance(value, dict):
        members = list(value.items())
        if not in_order:
            random.shuffle(members)
        parts = [
            _blank(random) + _name(name, random, with_cases=with_cases) + _blank(random) + b":" + _blank(random)
            + respelt(it, random, with_cases=with_cases, in_order=in_order)
            for name, it in members
        ]  # fmt: skip
        return b"{" + _within(parts, random) + b"}"
    if isinstance(value, list):
        parts = [_blank(random) + respelt(it, random, with_cases=with_cases, in_order=in_order) for it in value]
        return b"[" + _within(parts, random) + b"]"
    return _text(value, random) if isinstance(value, str) else json.dumps(value).encode()


def folded(value: Any) -> Any:
    """The value with all names in lower case."""
    if isinstance(value, dict):
        return {name.casefold(): folded(it) for name, it in value.items()}
    return [folded(it) for it in value] if isinstance(value, list) else value


def is_subsequence(part: bytes, whole: bytes) -> bool:
    at = 0
    for byte in part:
        at = whole.find(byte, at) + 1
        if at == 0:
            return False
    return True


def _within(parts: list[bytes], random: Random) -> bytes:
    return b",".join(part + _blank(random) for part in parts) or _blank(random)


def _blank(random: Random) -> bytes:
    return random.choice(_BLANKS)


def _name(name: str, random: Random, *, with_cases: bool) -> bytes:
    if with_cases and random.random() < _OFTEN:
        name = "".join(random.choice((it, it.upper(), _SAME_BUT_FOR_CASE.get(it, it))) for it in name)
    return _text(name, random)


def _text(text: str, random: Random) -> bytes:
    if random.random() < _OFTEN:
        return b'"' + b"".join(_character(it, random) for it in text) + b'"'
    return json.dumps(text, ensure_ascii=random.random() < _OFTEN).encode()


def _character(character: str, random: Random) -> bytes:
    if ord(character) < _FIRST_OF_A_PAIR and random.random() < _OFTEN:
        return b"\\u%04x" % ord(character)
    return json.dumps(character, ensure_ascii=random.random() < _OFTEN)[1:-1].encode()
