"""The users and details that a request names: the members that they mean, and the failures of the others."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from wablock.block_list import rules
from wablock.block_list.ports import BusinessNumber, Member, Microseconds
from wablock.contract import errors, identity, wire
from wablock.contract.user_ids import is_parent_user_id


class Readable(msgspec.Struct, frozen=True):
    """The users that a request may name: also the business's `own` number, or digits as `listed` on a page.

    They are in its `parameter`: as items with members, or as texts.
    """

    own: bool = False
    listed: bool = False
    parameter: str = "block_users"
    has_items: bool = True


TO_UNBLOCK: Final = Readable(own=True, listed=True)
TO_NOTE: Final = Readable(listed=True, parameter="users", has_items=False)
TO_CHECK: Final = Readable(own=True, listed=True)


class EditedDetails(msgspec.Struct, frozen=True):
    """What an edit changes; see `Edit`. `expires_at` is a time of a request."""

    reason: str | msgspec.UnsetType | None = msgspec.UNSET
    note: str | msgspec.UnsetType | None = msgspec.UNSET
    expires_at: wire.Time | msgspec.UnsetType | None = msgspec.UNSET


def members_of(
    users: Sequence[wire.User], number: BusinessNumber, readable: Readable
) -> tuple[dict[int, Member], dict[int, wire.FailedUser]]:
    """The members that `users` mean, and the failures of the others; both by their place in the request."""
    own_key = None if readable.own or number.wa_id is None else identity.of_wa_id(number.wa_id).key
    country, read = number.country, identity.of_item
    members: dict[int, Member] = {}
    failed: dict[int, wire.FailedUser] = {}
    for index, user in enumerate(users):
        try:
            who = read(user.user, user.user_id, country, may_be_listed=readable.listed)
            if who.key == own_key:
                failed[index] = failed_user(user.user or "", who, errors.RecipientIsSender())
            else:
                members[index] = member_of(user, who)
        except errors.UserFailure as failure:
            failed[index] = failed_user(user.user or user.user_id or "", None, failure)
    return members, failed


def parent_user_id(user: wire.User) -> str | None:
    """The user's parent id, if the user has no number beside it."""
    name = user.user_id or "" if user.user is None else user.user
    return name if is_parent_user_id(name) else None


def refuse_parent_ids(users: Sequence[wire.User], failed: Iterable[int], readable: Readable) -> None:
    """As Meta does: a parent id makes the whole request fail."""
    for index in sorted(failed):
        if parent := parent_user_id(users[index]):
            place = f"{readable.parameter}[{index}]"
            if readable.has_items:
                place += "[user_id]" if users[index].user is None else "[user]"
            raise errors.ParentUserId(place, parent)


def not_in_future(users: Sequence[wire.User], now: Microseconds, parameter: str) -> errors.InvalidParameter | None:
    """The error of the first user whose block would end before it begins."""
    for index, user in enumerate(users):
        if user.expires_at is not None and wire.seconds_of(user.expires_at) * rules.SECOND <= now:
            return errors.InvalidParameter(f"Param {parameter}[{index}][expires_at] must be in the future.")
    return None


def member_of(user: wire.User, who: identity.Identity) -> Member:
    expires_at = None if user.expires_at is None else wire.seconds_of(user.expires_at) * rules.SECOND
    typed = user.user if user.user is not None else user.user_id or ""
    return Member(who.key, who.wa_id, who.user_id, typed, user.reason, user.note, expires_at)


def done_user(member: Member) -> wire.BlockedUserOperation:
    if member.wa_id is None:
        return wire.BlockedUserOperation(member.input, user_id=member.input)
    return wire.BlockedUserOperation(member.input, member.wa_id)


def failed_user(typed: str, who: Member | identity.Identity | None, failure: errors.UserFailure) -> wire.FailedUser:
    error = wire.UserError(failure.message, failure.code, wire.ErrorData(details=failure.details))
    failed = wire.FailedUser(input=typed, errors=[error])
    if who is not None and who.wa_id is not None:
        failed.wa_id = who.wa_id
    elif who is not None and who.user_id is not None:
        failed.user_id = who.user_id
    return failed
