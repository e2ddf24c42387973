"""Who sent what: the ids in a webhook -> the member of a block list that is meant."""

from typing import Annotated, TypeAlias

import msgspec

from wablock.block_list.ports import Member
from wablock.contract import identity
from wablock.contract.typed_numbers import wa_id_of
from wablock.contract.user_ids import is_user_id

ShownId: TypeAlias = str | Annotated[int, msgspec.Meta(gt=0, lt=10**15)] | None
"""A `wa_id` as a webhook shows it: a text in any spelling, or an integer."""


def member_of(wa_id: ShownId, user_id: str | None) -> Member | None:
    """The user with these ids, of which either may be missing; None where neither names one.

    What WhatsApp itself says is a number is not judged beyond its shape, and may come in any spelling.
    """
    digits = _digits(wa_id)
    known_id = _user_id(user_id)
    if digits is not None:
        return Member(identity.key_of(digits), digits, known_id, digits)
    return None if known_id is None else Member(known_id, None, known_id, known_id)


def members_of(
    previous: tuple[ShownId, str | None], current: tuple[ShownId, str | None]
) -> tuple[Member, Member] | None:
    """Whom a notice is about, before and after; None where either names nobody."""
    before, after = member_of(*previous), member_of(*current)
    return None if before is None or after is None else (before, after)


def names_of(wa_id: ShownId, user_id: str | None) -> set[str]:
    """All that two mentions of one user may have in common."""
    digits = _digits(wa_id)
    name = str(wa_id or "") if digits is None else identity.key_of(digits)
    return {each for each in (name, user_id) if each}


def _digits(wa_id: ShownId) -> str | None:
    return None if wa_id is None else wa_id_of(str(wa_id))


def _user_id(user_id: str | None) -> str | None:
    """`user_id` where it names one user: no parent id, and no shape of the future."""
    return user_id if user_id is not None and is_user_id(user_id) else None
