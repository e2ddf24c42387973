"""Misspelt member names in `block_users`, which are refused: a block with a misspelt `expires_at` would never expire.

Other unknown members of an item are ignored, as Meta's API does: SDKs send some. A name counts as misspelt if it
differs from a known name only in case, dashes, underscores and blanks; if it differs by one letter; or if it is a usual
name for the time at which a block ends. In a short name, a replaced letter does not count: "node" is another word than
"note".
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
_MEANING: Final = {"expires_at": "expires_at is in seconds since 1970, or an ISO 8601 time with a zone."}
_LONGEST: Final = 64  # characters: a longer name is not similar to any, and is not cached


def refuse_near_misses(items: Any) -> None:
    """Raise `InvalidParameter` for the first misspelt member of an item. A member with the value null is ignored."""
    for index, item in enumerate(items[:MOST_USERS_PER_REQUEST] if isinstance(items, list) else ()):
        for name, value in item.items() if isinstance(item, dict) else ():
            if name in ITEM_NAMES or value is None or len(name) > _LONGEST:
                continue
            if intended := _intended(name):
                place = f"block_users[{index}]"
                message = f"Unknown parameter {place}[{name}]: write {place}[{intended}]."
                raise InvalidParameter(message, _MEANING.get(intended))


@functools.lru_cache(1_024)  # all items of a request have the same few names
def _intended(name: str) -> str | None:
    letters = _NO_LETTERS.sub("", name).casefold()
    return "expires_at" if _END_OF_A_BLOCK.fullmatch(letters) else _NEAR.get(letters)


def _one_edit_from(name: str) -> Iterator[str]:
    """`name` itself, and all names with one letter added, removed, swapped with the next or, if long, replaced."""
    for place in range(len(name) + 1):
        before, after = name[:place], name[place:]
        yield before + after[1:]
        yield before + after[1:2] + after[:1] + after[2:]
        for letter in _LETTERS:
            yield before + letter + after
            if len(name) > _SHORT:
                yield before + letter + after[1:]


_NEAR: Final = {near: name for name in sorted(ITEM_NAMES) for near in _one_edit_from(_NO_LETTERS.sub("", name))}
