"""Invented users, as the members of changes."""

import msgspec

from wablock.block_list.ports import Member
from wablock.contract import identity


def person(number: int, reason: str | None = None, note: str | None = None, expires_at: int | None = None) -> Member:
    """The user with the number +1 650 555 xxxx, or a later one for a `number` above 9999."""
    return msgspec.structs.replace(
        user_of(f"+{16_505_550_000 + number}"), reason=reason, note=note, expires_at=expires_at
    )


def people(count: int, start: int = 0) -> list[Member]:
    return [person(number) for number in range(start, start + count)]


def user_of(user: str, user_id: str | None = None) -> Member:
    """The user of an input."""
    who = identity.of_item(user, user_id, None)
    return Member(who.key, who.wa_id, who.user_id, user)


def by_user_id(user_id: str, expires_at: int | None = None) -> Member:
    """A user with only a business-scoped id."""
    who = identity.of_user_id(user_id)
    return Member(who.key, None, who.user_id, user_id, expires_at=expires_at)


def linked(number: int, user_id: str, expires_at: int | None = None) -> Member:
    """A user with a number and a business-scoped id."""
    return msgspec.structs.replace(person(number, expires_at=expires_at), user_id=user_id)


def user_with(number: int | None = None, user_id: str | None = None, parent_user_id: str | None = None) -> Member:
    """A user as in a webhook, with one id or several."""
    if number is not None:
        return msgspec.structs.replace(person(number), user_id=user_id, parent_user_id=parent_user_id)
    key = user_id or parent_user_id or ""
    return Member(key, None, user_id, key, parent_user_id=parent_user_id)
