"""Who is meant by what a caller gives, and how many of them go into one request."""

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from wablock.contract.spellings import one_spelling
from wablock.contract.wire import User, user_of

MOST_IN_A_REQUEST: Final = 1_000

T = TypeVar("T")

Users = str | User | Iterable[str | User]

_PUNCTUATION = str.maketrans("", "", " -.()")
_USER_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}")
_INTERNATIONAL = re.compile(r"\+?([1-9][0-9]{6,14})")


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


def listed_name(user: str) -> str:
    """What a list shows of `user`, the same for all spellings of a number.

    Raises `ValueError` for a national number: without a server that knows the business's country it may be anybody's.
    """
    if _USER_ID.fullmatch(user):
        return user
    bare = user.translate(_PUNCTUATION)
    match = _INTERNATIONAL.fullmatch(bare)
    if match is None or (bare != user and bare[0] != "+"):
        raise ValueError(f"{user!r} cannot be looked for in a list: write it with + and the country code")
    return one_spelling(match[1])
