"""The users in a caller's arguments: as items of a request, in chunks, and as names to find in a list."""

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from wablock.client.answers import BlockedUser, CheckedUser, FailedUser, UserDone
from wablock.contract.spellings import one_spelling
from wablock.contract.typed_text import (
    COUNTRY_UNCERTAIN,
    WITH_COUNTRY_CODE,
    BareDigits,
    International,
    Unreadable,
    take_apart,
)
from wablock.contract.user_ids import is_user_id
from wablock.contract.wire import Time, User, seconds_of, user_of

MOST_IN_A_REQUEST: Final = 1_000

_NOT_DIGITS: Final = re.compile(r"[^0-9]")

T = TypeVar("T")
R = TypeVar("R", bound="UserResult")

Users = str | User | Iterable[str | User]
UserResult = UserDone | CheckedUser | FailedUser


def items_of(users: Users, reason: str | None, note: str | None, expires_at: Time | None) -> Iterator[User]:
    """The users one by one. `reason`, `note` and `expires_at` apply to each user that has none of its own.

    Every server gets the time in seconds. Raises `ValueError` for a `datetime` without a zone.
    """
    for argument in [users] if isinstance(users, str | User) else users:
        user = user_of(argument) if isinstance(argument, str) else argument
        expiry = expires_at if user.expires_at is None else user.expires_at
        yield msgspec.structs.replace(
            user,
            reason=reason if user.reason is None else user.reason,
            note=note if user.note is None else user.note,
            expires_at=None if expiry is None else seconds_of(expiry),
        )


def texts_of(users: Users) -> Iterator[str]:
    """The users as strings, for the check."""
    for argument in [users] if isinstance(users, str | User) else users:
        yield argument if isinstance(argument, str) else argument.user or argument.user_id or ""


def results_for(users: Iterable[str], results: Iterable[R]) -> tuple[list[R], list[str]]:
    """The results that name one of `users`, and the users that no result names.

    A result has the text that was sent as `input`. If a server writes it in another way, or leaves it out, its digits,
    the `user_id` or the `wa_id` name the user.
    """
    unnamed = dict.fromkeys(users)
    names = {_digits(user): user for user in unnamed} | {user: user for user in unnamed}
    named = []
    for result in results:
        typed = result.input or ""
        name = next((it for it in (typed, _digits(typed), result.user_id, result.wa_id) if it and it in names), None)
        if name is not None:
            named.append(result)
            unnamed.pop(names[name], None)
    return named, list(unnamed)


def _digits(text: str) -> str:
    return _NOT_DIGITS.sub("", text)


def chunks(users: Iterable[T], most: int = MOST_IN_A_REQUEST) -> Iterator[list[T]]:
    """`users` in order, at most `most` in each chunk. The iterable is read only as far as needed."""
    rest = iter(users)
    while chunk := list(itertools.islice(rest, most)):
        yield chunk


def names_of_row(user: BlockedUser) -> set[str]:
    """All names that `name_to_find` may return for the user of this row."""
    names = {user.user_id} if user.user_id else set()
    typed = take_apart(user.wa_id or "")
    if isinstance(typed, International | BareDigits):
        names.add(one_spelling(typed.digits))
    return names


def name_to_find(user: str) -> str:
    """The name to find `user` by in a list: the same for all spellings of a number.

    Raises `ValueError` for a text that is not a number, and for a national number: only the server knows the country of
    the business number.
    """
    if is_user_id(user):
        return user
    typed = take_apart(user)
    if isinstance(typed, International | BareDigits):
        return one_spelling(typed.digits)
    why = f"{typed.why} {WITH_COUNTRY_CODE}" if isinstance(typed, Unreadable) else COUNTRY_UNCERTAIN
    raise ValueError(f"Cannot find {user!r} in a list: {why}")
