"""Who is meant: the ids in a webhook -> the member of a block list."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from wablock.block_list.ports import Member
from wablock.contract import identity
from wablock.contract.typed_numbers import wa_id_of
from wablock.contract.user_ids import is_parent_user_id, is_user_id

Shown: TypeAlias = str | int | UnsetType | None
"""A `wa_id` as a webhook shows it: a text in any spelling, or a number."""

ShownText: TypeAlias = str | UnsetType | None
"""An id as a webhook shows it. What is empty says no more than what is missing."""

Beside: TypeAlias = Raw | UnsetType
"""A member that stands beside what is read, and is left as it is."""

_LARGEST_NUMBER: Final = 10**15
_LONGEST_REMEMBERED: Final = 64  # characters; the body may not be signed


def remembered(read: Callable[[Shown], str | None]) -> Callable[[Shown], str | None]:
    """`read`, with the results for the last 4,096 short texts: a webhook shows the same number many times."""
    remembering = lru_cache(maxsize=4096)(read)

    def result(shown: Shown) -> str | None:
        if isinstance(shown, str) and len(shown) > _LONGEST_REMEMBERED:
            return read(shown)
        return remembering(shown)

    return result


class Ids(msgspec.Struct, gc=False):
    """What one place of a webhook shows of one user."""

    wa_id: Shown = UNSET
    user_id: ShownText = UNSET
    parent_user_id: ShownText = UNSET


def are_several(ids: Ids) -> bool:
    """Whether the place shows that two ids are one user."""
    if not ids.wa_id:
        return bool(ids.user_id and ids.parent_user_id)
    return bool(ids.user_id or ids.parent_user_id)


def member_of(ids: Ids) -> Member | None:
    """The user with these ids; None where none of them names one.

    What WhatsApp itself says is a number is not judged beyond its shape, and may come in any spelling.
    """
    digits = digits_of(ids.wa_id)
    if not (ids.user_id or ids.parent_user_id):
        if digits is not None:
            return Member(identity.key_of(digits), digits, None, digits)
        if not isinstance(ids.wa_id, str):
            return None
        ids = Ids(None, ids.wa_id)  # an id where a number should be
    user_id, parent_user_id = _user_id(ids.user_id), _parent_user_id(ids)
    if digits is not None:
        return Member(identity.key_of(digits), digits, user_id, digits, parent_user_id=parent_user_id)
    shown = user_id or parent_user_id
    return None if shown is None else Member(shown, None, user_id, shown, parent_user_id=parent_user_id)


def names_of(ids: Ids) -> set[str]:
    """All that two mentions of one user may have in common."""
    name = _name_of(ids.wa_id) if ids.wa_id else None
    return {each for each in (name, ids.user_id, ids.parent_user_id) if each}


def key_of(wa_id: Shown) -> str | None:
    """What all spellings of the number that is shown have in common; None for what is none."""
    digits = digits_of(wa_id)
    return None if digits is None else identity.key_of(digits)


@remembered
def _name_of(wa_id: Shown) -> str | None:
    return key_of(wa_id) or (wa_id if isinstance(wa_id, str) else None)


def digits_of(wa_id: Shown) -> str | None:
    """The number that is shown, in digits and with its country code; None for what is none."""
    if not wa_id:
        return None
    if isinstance(wa_id, str):
        return wa_id_of(wa_id)
    return wa_id_of(str(wa_id)) if 0 < wa_id < _LARGEST_NUMBER else None


def _user_id(user_id: ShownText) -> str | None:
    """`user_id` where it names one user: no parent id, and no shape of the future."""
    return user_id if user_id and is_user_id(user_id) else None


def _parent_user_id(ids: Ids) -> str | None:
    """Meta prints parent ids in both shapes, so the member's name says what it is."""
    shown = ids.parent_user_id
    if not shown:
        return ids.user_id if ids.user_id and is_parent_user_id(ids.user_id) else None
    return shown if shown != ids.user_id and (is_parent_user_id(shown) or is_user_id(shown)) else None
