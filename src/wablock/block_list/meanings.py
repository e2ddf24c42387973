"""The users that ids without a number mean. An alias is a user_id or a parent user id."""

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Final, TypeAlias

import msgspec

from wablock.block_list.changes import Carry
from wablock.block_list.ports import Member
from wablock.contract.spellings import one_spelling
from wablock.contract.user_ids import is_parent_user_id

Meaning: TypeAlias = tuple[str, str | None]
"""The user that an alias means: the key of a number and its wa_id, or a user_id and None."""

FindMeaning: TypeAlias = Callable[[str], Meaning | None]
"""Returns the user that an alias was linked to; None if it was not linked."""

MOST_STEPS: Final = 3  # from an alias to its user, if several nodes made links at the same time


def meaning_of(alias: str, find: FindMeaning) -> Meaning | None:
    """The user that the id means. A user_id without a link is a user; a parent id without a link is not."""
    meaning = find(alias)
    if meaning is None:
        return None if is_parent_user_id(alias) else (alias, None)
    for _ in range(MOST_STEPS):
        if meaning[1] is not None or (further := find(meaning[0])) is None:
            break
        meaning = further
    return meaning


def meant(member: Member, find: FindMeaning) -> Member | None:
    """`member` under the identity that its ids mean; None for a parent id that is not linked yet.

    A number has priority over a user_id. Of two user_ids the lesser one is used, so that links of different nodes never
    form a circle.
    """
    if member.wa_id is not None:
        return member
    meanings = [meaning for alias in member.aliases if (meaning := meaning_of(alias, find)) is not None]
    if not meanings:
        return None
    key, wa_id = next((meaning for meaning in meanings if meaning[1] is not None), min(meanings, key=itemgetter(0)))
    user_id = member.user_id if wa_id is not None or member.user_id is not None else key
    return msgspec.structs.replace(member, key=key, wa_id=wa_id, user_id=user_id)


def are_one(member: Member, find: FindMeaning) -> bool:
    """Whether all ids of the member mean one user."""
    user = meant(member, find)
    meanings = [meaning_of(alias, find) for alias in member.aliases]
    return user is not None and all(meaning is not None and meaning[0] == user.key for meaning in meanings)


def meanings_of(members: Iterable[Member], find: FindMeaning) -> dict[str, Meaning]:
    """The users that the aliases of `members` mean, without aliases that have no link."""
    aliases = {alias for member in members for alias in member.aliases}
    meanings = {alias: meaning_of(alias, find) for alias in aliases}
    return {alias: it for alias, it in meanings.items() if it is not None and it != (alias, None)}


def carried_on(change: Carry, previous: Member | None, current: Member | None) -> Member | None:
    """`previous` with the aliases of `current`, if only an alias has changed; otherwise None.

    `previous` and `current` are the users that the ids of `change` mean; None for a parent id that is not linked.
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


def is_known(user: Member, identities: Mapping[str, str]) -> bool:
    """Whether all ids mean the number or, without a number, the meaning of the user_id.

    `identities`: the key that each alias was linked to, current or former.
    """
    key = user.key if user.wa_id is not None else one_spelling(identities.get(user.key, user.key))
    return all(
        alias == key or (alias in identities and one_spelling(identities[alias]) == key) for alias in user.aliases
    )
