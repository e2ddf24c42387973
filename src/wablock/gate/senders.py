"""Who sent what: the ids in a webhook -> the member of a block list that is meant."""

from wablock.block_list.ports import Member
from wablock.contract import identity
from wablock.contract.errors import NotAWhatsAppUser


def member_of(wa_id: str | None, user_id: str | None) -> Member | None:
    """The user with these ids, of which either may be missing; None where neither names one.

    What WhatsApp itself says is a number is not judged beyond its shape.
    """
    key = _key(wa_id)
    known_id = _user_id(user_id)
    if key is not None and wa_id is not None:
        return Member(key, wa_id, known_id, wa_id)
    return None if known_id is None else Member(known_id, None, known_id, known_id)


def names_of(wa_id: str | None, user_id: str | None) -> set[str]:
    """All that two mentions of one user may have in common."""
    return {name for name in (_key(wa_id) or wa_id, user_id) if name}


def _key(wa_id: str | None) -> str | None:
    if wa_id is None or not wa_id.isascii() or not wa_id.isdigit():
        return None
    try:
        return identity.of_user(wa_id, None).key
    except NotAWhatsAppUser:
        return None


def _user_id(user_id: str | None) -> str | None:
    if user_id is None:
        return None
    try:
        return identity.of_user_id(user_id).user_id
    except NotAWhatsAppUser:  # a parent id, or a shape of the future
        return None
