"""Who is meant by what a caller gives, and how many of them go into one request."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from wablock.client.answers import BlockedUser
from wablock.contract.spellings import one_spelling
from wablock.contract.typed_text import BareDigits, International, Unreadable, take_apart
from wablock.contract.user_ids import is_user_id
from wablock.contract.wire import User, user_of

MOST_IN_A_REQUEST: Final = 1_000

T = TypeVar("T")

Users = str | User | Iterable[str | User]


def named(users: Users, reason: str | None, note: str | None, expires_at: int | None) -> Iterator[User]:
    """The users one by one; what is said of all of them holds for each that says nothing itself."""
    for given in [users] if isinstance(users, str | User) else users:
        user = user_of(given) if isinstance(given, str) else given
        yield msgspec.structs.replace(
            user,
            reason=reason if user.reason is None else user.reason,
            note=note if user.note is None else user.note,
            expires_at=expires_at if user.expires_at is None else user.expires_at,
        )


def typed(users: Users) -> Iterator[str]:
    """The users as texts, as the check takes them."""
    for given in [users] if isinstance(users, str | User) else users:
        yield given if isinstance(given, str) else given.user or given.user_id or ""


def chunks(users: Iterable[T], most: int = MOST_IN_A_REQUEST) -> Iterator[list[T]]:
    """`users` in order, at most so many at a time; read as they are needed."""
    rest = iter(users)
    while chunk := list(itertools.islice(rest, most)):
        yield chunk


def shown_names(user: BlockedUser) -> set[str]:
    """What `listed_name` gives of the texts that mean this row of a list, in whatever spelling it shows its `wa_id`."""
    names = {user.user_id} if user.user_id else set()
    typed = take_apart(user.wa_id or "")
    if isinstance(typed, International | BareDigits):
        names.add(one_spelling(typed.digits))
    return names


def listed_name(user: str) -> str:
    """What a list shows of `user`, the same for all spellings of a number.

    Raises `ValueError` for what is no number, and for a national one: only a server that knows the business's country
    can say whose that is.
    """
    if is_user_id(user):
        return user
    typed = take_apart(user)
    if isinstance(typed, International | BareDigits):
        return one_spelling(typed.digits)
    why = f"{typed.why}; " if isinstance(typed, Unreadable) else ""
    raise ValueError(f"{user!r} cannot be looked for in a list: {why}write it with + and the country code")
