"""Who sent what: the ids in a webhook -> the member of a block list that is meant."""

import re

from wablock.block_list.ports import Member
from wablock.contract import identity
from wablock.contract.errors import NotAWhatsAppUser

_WA_ID = re.compile(r"[1-9][0-9]{6,14}")


def member_of(wa_id: str | None, user_id: str | None) -> Member | None:
    """The user with these ids, of which either may be missing; None where neither names one.

    What WhatsApp itself says is a number is not judged beyond its shape.
    """
    key = _key(wa_id)
    known_id = _user_id(user_id)
    if key is not None and wa_id is not None:
        return Member(key, wa_id, known_id, wa_id)
    return None if known_id is None else Member(known_id, None, known_id, known_id)


def members_of(
    previous: tuple[str | None, str | None], current: tuple[str | None, str | None]
) -> tuple[Member, Member] | None:
    """Whom a notice is about, before and after; None where either names nobody."""
    before, after = member_of(*previous), member_of(*current)
    return None if before is None or after is None else (before, after)


def names_of(wa_id: str | None, user_id: str | None) -> set[str]:
    """All that two mentions of one user may have in common."""
    name = _key(wa_id) or wa_id
    if not user_id:
        return {name} if name else set()
    return {name, user_id} if name else {user_id}


def _key(wa_id: str | None) -> str | None:
    if wa_id is None or not _WA_ID.fullmatch(wa_id):
        return None
    try:
        return identity.key_of(wa_id)
    except NotAWhatsAppUser:
        return None


def _user_id(user_id: str | None) -> str | None:
    if user_id is None:
        return None
    try:
        return identity.of_user_id(user_id).user_id
    except NotAWhatsAppUser:  # a parent id, or a shape of the future
        return None
