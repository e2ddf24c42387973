"""Names that are nearly one of an item's own: a member that is lost without a word may be the end of a block.

An item of `block_users` may have members that nobody here knows: Meta's API ignores them, and SDKs send some. A near
miss of our own names is a mistake, though. It is a name with the same letters, whatever its case, dashes, underscores
and blanks; a name that is one letter away; and a usual name for the time at which a block ends. To a short name another
letter makes another word: "node" is not "note".
"""

import functools
import re
from collections.abc import Iterator
from typing import Any, Final

from wablock.block_list.rules import MOST_USERS_PER_REQUEST
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter

ITEM_NAMES: Final = frozenset(wire.User.__struct_fields__)

_NO_LETTERS: Final = re.compile(r"[\W_]+")
_SHORT: Final = 4
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_END_OF_A_BLOCK: Final = re.compile(r"expir.*|ttl|duration|[a-z]*until|ends?at|unblock(?:ed)?(?:at|on|after)?")
_MEANING: Final = {"expires_at": "expires_at is in seconds since 1970"}
_LONGEST: Final = 64  # characters: what is longer is nearly nothing, and is not kept in the cache


def refuse_near_misses(items: Any) -> None:
    """Raise `InvalidParameter` for the first member of an item that is nearly one of ours. Null is ignored."""
    for index, item in enumerate(items[:MOST_USERS_PER_REQUEST] if isinstance(items, list) else ()):
        for name, value in item.items() if isinstance(item, dict) else ():
            if name in ITEM_NAMES or value is None or len(name) > _LONGEST:
                continue
            if meant := _meant(name):
                place = f"block_users[{index}]"
                message = f"Unknown parameter {place}[{name}]: write {place}[{meant}]."
                raise InvalidParameter(message, _MEANING.get(meant))


@functools.lru_cache(1_024)  # all items of a request have the same few
def _meant(name: str) -> str | None:
    letters = _NO_LETTERS.sub("", name).casefold()
    return "expires_at" if _END_OF_A_BLOCK.fullmatch(letters) else _NEAR.get(letters)


def _one_letter_away(name: str) -> Iterator[str]:
    """`name` itself; with a letter more or less; with two neighbours swapped; with another letter, if it is long."""
    for place in range(len(name) + 1):
        before, after = name[:place], name[place:]
        yield before + after[1:]
        yield before + after[1:2] + after[:1] + after[2:]
        for letter in _LETTERS:
            yield before + letter + after
            if len(name) > _SHORT:
                yield before + letter + after[1:]


_NEAR: Final = {near: name for name in sorted(ITEM_NAMES) for near in _one_letter_away(_NO_LETTERS.sub("", name))}
