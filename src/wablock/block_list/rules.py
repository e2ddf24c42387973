"""The two rule sets, and the one decision that a store makes with them."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from wablock.block_list.ports import Block, BusinessNumber, Member, Microseconds, Refusal, Rules
from wablock.contract import errors

MOST_USERS_PER_REQUEST: Final = 1_000
DEFAULT_LIMIT: Final = 25
LARGEST_LIMIT: Final = 1_000

SECOND: Final = 1_000_000
WINDOW: Final = 24 * 3_600 * SECOND
WINDOW_KEPT: Final = 25 * 3_600 * SECOND  # an hour more than it is asked for, so that clocks may differ

_META_LIST_SIZE: Final = 64_000


class RuleSet(msgspec.Struct, frozen=True):
    """What a number's list allows. None: no such limit."""

    max_size: int | None
    window: Microseconds | None
    stable_pages: bool
    """Whether paging fails with 139102 once the list has changed."""


META: Final = RuleSet(max_size=_META_LIST_SIZE, window=WINDOW, stable_pages=True)


class RuleBook(msgspec.Struct, frozen=True):
    """Which rule set holds for a number: its own choice, else the server's default."""

    default: Rules = Rules.OPEN
    open_list_size: int | None = None

    def of(self, number: BusinessNumber) -> RuleSet:
        if (number.rules or self.default) is Rules.META:
            return META
        return RuleSet(max_size=self.open_list_size, window=None, stable_pages=False)


def refusals(
    change: Block, members: Sequence[Member], on_list: Container[str], size: int, wrote_at: Mapping[str, Microseconds]
) -> Iterator[tuple[int, Refusal]]:
    """Who of `members` may not be blocked, and why: what every store decides inside its transaction.

    `members` are the change's with every known `user_id` resolved; `on_list` and `size` are the list as it stands,
    `wrote_at` the last message of whoever wrote within memory.
    """
    joined: set[str] = set()
    for index, member in enumerate(members):
        if member.key in on_list or member.key in joined:
            continue
        if change.written_since is not None and wrote_at.get(member.key, -1) < change.written_since:
            yield index, Refusal.NOT_WRITTEN_LATELY
        elif change.max_size is not None and size + len(joined) >= change.max_size:
            yield index, Refusal.LIST_FULL
        else:
            joined.add(member.key)


def failure(refusal: Refusal, rules: RuleSet) -> errors.UserFailure:
    """A store's refusal, in the contract's words."""
    if refusal is Refusal.LIST_FULL:
        return errors.BlocklistLimitReached(rules.max_size or 0)
    return errors.ReEngagementRequired()
