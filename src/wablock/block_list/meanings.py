"""Who is meant by ids without a number. An alias is a user_id or a parent user id."""

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Final, TypeAlias

import msgspec

from wablock.block_list.ports import Carry, Member
from wablock.contract.spellings import one_spelling
from wablock.contract.user_ids import is_parent_user_id

Meaning: TypeAlias = tuple[str, str | None]
"""Who is known by an alias: the key of a number and its wa_id, or a user_id and None."""

FindMeaning: TypeAlias = Callable[[str], Meaning | None]
"""What an alias was linked to; None where nothing is known of it."""

MOST_STEPS: Final = 3  # from an alias to its user, where nodes made links at once


def meaning_of(alias: str, find: FindMeaning) -> Meaning | None:
    """Who is known by the id: a user_id that nothing is known of is a user; a parent id is none."""
    meaning = find(alias)
    if meaning is None:
        return None if is_parent_user_id(alias) else (alias, None)
    for _ in range(MOST_STEPS):
        if meaning[1] is not None or (further := find(meaning[0])) is None:
            break
        meaning = further
    return meaning


def meant(member: Member, find: FindMeaning) -> Member | None:
    """`member` under the identity that it is known by; None for a parent id that is not linked yet.

    A number counts more than a user_id. Of two user_ids it is the lesser, so that links never go in a circle, whichever
    node makes them.
    """
    if member.wa_id is not None:
        return member
    meanings = [meaning for alias in member.aliases if (meaning := meaning_of(alias, find)) is not None]
    if not meanings:
        return None
    key, wa_id = next((meaning for meaning in meanings if meaning[1] is not None), min(meanings, key=itemgetter(0)))
    user_id = member.user_id if wa_id is not None or member.user_id is not None else key
    return msgspec.structs.replace(member, key=key, wa_id=wa_id, user_id=user_id)


def meanings_of(members: Iterable[Member], find: FindMeaning) -> dict[str, Meaning]:
    """Whom the aliases of `members` mean, where anything is known of them."""
    aliases = {alias for member in members for alias in member.aliases}
    meanings = {alias: meaning_of(alias, find) for alias in aliases}
    return {alias: it for alias, it in meanings.items() if it is not None and it != (alias, None)}


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


def is_known(user: Member, identities: Mapping[str, str]) -> bool:
    """Whether all ids that the user shows mean the user's number, or, without one, what the user_id means.

    `identities`: what each alias was linked to, under a key of today or of the version before.
    """
    key = user.key if user.wa_id is not None else one_spelling(identities.get(user.key, user.key))
    return all(
        alias == key or (alias in identities and one_spelling(identities[alias]) == key) for alias in user.aliases
    )
