"""What a request says besides its users, and what became of them."""

from collections.abc import Mapping, Sequence

import msgspec

from wablock.block_list import rules
from wablock.block_list.changes import NO_CAUSE, Cause
from wablock.block_list.ports import Effect, IfListed, Listed, Member, Outcome
from wablock.block_list.requested_users import done_user, failed_user
from wablock.block_list.rules import RuleSet, Source
from wablock.contract import wire


class Result(msgspec.Struct, frozen=True):
    """The result for a request's users: each is in one of the two lists, in the order of the request.

    `effects` has what the change did to each user in `done`. `is_repeat`, `freed`: see `Outcome`.
    """

    done: list[wire.BlockedUserOperation]
    failed: list[wire.FailedUser]
    effects: Sequence[Effect] = ()
    is_repeat: bool = False
    freed: Sequence[str] = ()


class Edited(msgspec.Struct, frozen=True):
    """The row after an edit. `is_repeat`: as it was after the first request with the same key."""

    row: Listed
    is_repeat: bool = False


class Removed(msgspec.Struct, frozen=True):
    """What removing one user did, or did at the first request with the same key."""

    effect: Effect
    is_repeat: bool = False


class ChangeOptions(msgspec.Struct, frozen=True):
    """How to change a list, if not as the Block API does. `parameter`: the one that has the users, for errors.

    `key`: the caller's idempotency key. `freed`: see `IdempotencyKey`.
    """

    if_listed: IfListed = IfListed.RENEW
    source: Source = Source.API
    batch_id: str | None = None
    parameter: str = "block_users"
    cause: Cause = NO_CAUSE
    key: str | None = None
    freed: Sequence[str] = ()


def result_of(
    outcome: Outcome, members: Mapping[int, Member], unread: Mapping[int, wire.FailedUser], rule_set: RuleSet
) -> Result:
    """The result for a request's users: `members`, who were changed, and those that could not be read.

    Both are by their place in the request.
    """
    if not outcome.refused and not unread:
        done = [done_user(member) for member in members.values()]
        return Result(done, [], outcome.effects, outcome.is_repeat, outcome.freed)
    done, failed = list[wire.BlockedUserOperation](), dict(unread)
    for place, (index, member) in enumerate(members.items()):
        if place in outcome.refused:
            failure = rules.failure(outcome.refused[place], rule_set, outcome.allowed_by.get(place))
            failed[index] = failed_user(member.input, member, failure)
        else:
            done.append(done_user(member))
    effects = [effect for effect in outcome.effects if effect is not Effect.REFUSED]
    return Result(done, [failed[index] for index in sorted(failed)], effects, outcome.is_repeat, outcome.freed)
