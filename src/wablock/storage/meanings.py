"""Who is meant by ids without a number. An alias is a user_id or a parent user id. No I/O here."""

from collections.abc import Sequence
from operator import itemgetter
from typing import TypeAlias

import msgspec

from wablock.block_list.ports import Carry, Member

Meaning: TypeAlias = tuple[str, str | None]
"""Who is known by an alias: the key of a number and its wa_id, or a user_id and None."""


def member_meant(member: Member, meanings: Sequence[Meaning]) -> Member | None:
    """`member`, who comes without a number, by the meanings of its aliases, the parent id's last; None without any.

    A number counts more than a user_id. Of two user_ids it is the lesser, so that links never go in a circle, whichever
    node makes them.
    """
    if not meanings:
        return None
    key, wa_id = next((meaning for meaning in meanings if meaning[1] is not None), min(meanings, key=itemgetter(0)))
    user_id = member.user_id if wa_id is not None or member.user_id is not None else key
    return msgspec.structs.replace(member, key=key, wa_id=wa_id, user_id=user_id)


def carried_on(change: Carry, previous: Member | None, current: Member | None) -> Member | None:
    """Who `current` is where only an alias is known to have changed: who `previous` is, by the new alias; or None.

    Both are as far as they are known, None for a parent id that is not linked.
    """
    if previous is None:
        return None
    if current is None:
        user_id = None if previous.wa_id is not None else previous.user_id
        return msgspec.structs.replace(previous, user_id=user_id, parent_user_id=change.current.parent_user_id)
    if current.wa_id is None and previous.wa_id is not None and change.previous.aliases:
        aliases = change.current.user_id, change.current.parent_user_id
        return msgspec.structs.replace(previous, user_id=aliases[0], parent_user_id=aliases[1])
    return None
