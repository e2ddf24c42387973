"""The ids of a user in a webhook, and the member of a block list that they identify."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from wablock.block_list.ports import Member
from wablock.contract import identity
from wablock.contract.number_plans import is_number
from wablock.contract.typed_numbers import wa_id_of
from wablock.contract.user_ids import is_parent_user_id, is_user_id

ShownNumber: TypeAlias = str | int | UnsetType | None
"""A `wa_id` in a webhook: a text in any spelling, or a number."""

ShownText: TypeAlias = str | UnsetType | None
"""An id in a webhook. An empty text counts as a missing one."""

Unread: TypeAlias = Raw | UnsetType
"""A member that is not decoded, and stays as it is."""

_LARGEST_NUMBER: Final = 10**15
_LONGEST_REMEMBERED: Final = 64  # characters, because the signature of the body may not be verified yet


def remembered(read: Callable[[ShownNumber], str | None]) -> Callable[[ShownNumber], str | None]:
    """`read` with a cache for 4,096 short texts: a webhook shows the same number many times."""
    cached = lru_cache(maxsize=4096)(read)

    def result(number: ShownNumber) -> str | None:
        if isinstance(number, str) and len(number) > _LONGEST_REMEMBERED:
            return read(number)
        return cached(number)

    return result


class Ids(msgspec.Struct, gc=False):
    """The ids of one user in one object of a webhook."""

    wa_id: ShownNumber = UNSET
    user_id: ShownText = UNSET
    parent_user_id: ShownText = UNSET


def are_several(ids: Ids) -> bool:
    """Whether there are at least two ids, which then belong to one user."""
    if not ids.wa_id:
        return bool(ids.user_id and ids.parent_user_id)
    return bool(ids.user_id or ids.parent_user_id)


def member_of(ids: Ids) -> Member | None:
    """The user with these ids; None if none of them is a valid id.

    A number from WhatsApp may have any spelling. Only its shape is checked, not its numbering plan.
    """
    wa_id = ids.wa_id
    digits = wa_id if isinstance(wa_id, str) and is_number(wa_id) else digits_of(wa_id)  # nearly all need no call
    if not (ids.user_id or ids.parent_user_id):
        if digits is not None:
            return Member(identity.key_of(digits), digits, None, digits)
        if not isinstance(wa_id, str):
            return None
        ids = Ids(None, wa_id)  # a user_id in place of the number
    user_id, parent_user_id = _user_id(ids.user_id), _parent_user_id(ids)
    if digits is not None:
        return Member(identity.key_of(digits), digits, user_id, digits, parent_user_id=parent_user_id)
    text = user_id or parent_user_id
    return None if text is None else Member(text, None, user_id, text, parent_user_id=parent_user_id)


def names_of(ids: Ids) -> set[str]:
    """The names of a user. Two objects with a common name are about the same user."""
    name = _name_of(ids.wa_id) if ids.wa_id else None
    return {each for each in (name, ids.user_id, ids.parent_user_id) if each}


def key_of(wa_id: ShownNumber) -> str | None:
    """The key that all spellings of a number share; None if this is not a number."""
    digits = digits_of(wa_id)
    return None if digits is None else identity.key_of(digits)


@remembered
def _name_of(wa_id: ShownNumber) -> str | None:
    return key_of(wa_id) or (wa_id if isinstance(wa_id, str) else None)


def digits_of(wa_id: ShownNumber) -> str | None:
    """The digits of a number, with its country code; None if this is not a number."""
    if not wa_id:
        return None
    if isinstance(wa_id, str):
        return wa_id_of(wa_id)
    return wa_id_of(str(wa_id)) if 0 < wa_id < _LARGEST_NUMBER else None


def _user_id(user_id: ShownText) -> str | None:
    """`user_id` if it is a valid id of one user: not a parent id, and not a format that wablock does not know."""
    return user_id if user_id and is_user_id(user_id) else None


def _parent_user_id(ids: Ids) -> str | None:
    """The parent id. Meta prints parent ids in both formats, so the member's name decides."""
    parent = ids.parent_user_id
    if not parent:
        return ids.user_id if ids.user_id and is_parent_user_id(ids.user_id) else None
    return parent if parent != ids.user_id and (is_parent_user_id(parent) or is_user_id(parent)) else None
