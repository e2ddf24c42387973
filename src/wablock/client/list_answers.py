"""The types of responses about shared lists, decoded as leniently as `answers`."""

from collections.abc import Sequence

import msgspec

from wablock.client.answers import ListMember


class SharedList(msgspec.Struct, frozen=True):
    """A list that is in force on several numbers. `kind`: `block` or `allow`. `created_at`: seconds since 1970.

    It is in force on every number of the account if `attached_to_all`, else on `phone_number_ids`.
    """

    list_id: str
    name: str
    kind: str = "block"
    attached_to_all: bool = False
    phone_number_ids: Sequence[str] = ()
    created_at: int | None = None


class UserEntry(msgspec.Struct, frozen=True):
    """A list that has a user. `kind`: `own` for a number's own list, otherwise `block` or `allow`, with a `name`.

    It is in force on every number of the account if `attached_to_all`, else on `phone_number_ids`.
    """

    list_id: str
    kind: str
    member: ListMember
    name: str | None = None
    attached_to_all: bool = False
    phone_number_ids: Sequence[str] = ()


class UserOfLists(msgspec.Struct, frozen=True):
    """A user on all lists of an account, own lists first. `blocked_on`: the numbers on which the user is blocked."""

    input: str
    wa_id: str | None = None
    user_id: str | None = None
    blocked_on: Sequence[str] = ()
    lists: Sequence[UserEntry] = ()


class FreedUser(msgspec.Struct, frozen=True):
    """A user that an allow list freed."""

    wa_id: str | None = None
    user_id: str | None = None


class AttachedList(msgspec.Struct, frozen=True):
    """A list that was attached. `effect`: `attached`, or `unchanged` if it was attached there before.

    `freed`: how many users this allow list freed; `freed_users`: the first 100 of them.
    """

    effect: str
    freed: int = 0
    freed_users: Sequence[FreedUser] = ()
