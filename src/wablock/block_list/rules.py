"""The two rule sets, and the limits of requests."""

from enum import StrEnum
from typing import Final

import msgspec

from wablock.block_list.ports import BusinessNumber, Microseconds, Refusal, Rules
from wablock.contract import errors
from wablock.failures import OnAllowList

MOST_USERS_PER_REQUEST: Final = 1_000
DEFAULT_LIMIT: Final = 25
LARGEST_LIMIT: Final = 1_000

SECOND: Final = 1_000_000
WINDOW: Final = 24 * 3_600 * SECOND
WINDOW_KEPT: Final = 25 * 3_600 * SECOND  # an hour longer than the window, because clocks may differ

_META_LIST_SIZE: Final = 64_000


class Source(StrEnum):
    """The way by which a user came onto a list. A list may have other values, which later versions write."""

    API = "api"
    CLI = "cli"
    IMPORT = "import"
    CONSOLE = "console"


class RuleSet(msgspec.Struct, frozen=True):
    """The limits of a number's list. None: no limit."""

    max_size: int | None
    window: Microseconds | None
    stable_pages: bool
    """Whether paging fails with 139102 after the list has changed."""


META: Final = RuleSet(max_size=_META_LIST_SIZE, window=WINDOW, stable_pages=True)


class RuleBook(msgspec.Struct, frozen=True):
    """The rule set of each number: its own, or the server's default."""

    default: Rules = Rules.OPEN
    open_list_size: int | None = None

    def of(self, number: BusinessNumber) -> RuleSet:
        if (number.rules or self.default) is Rules.META:
            return META
        return RuleSet(max_size=self.open_list_size, window=None, stable_pages=False)


def failure(refusal: Refusal, rules: RuleSet, allow_list: str | None = None) -> errors.UserFailure:
    """The error of the API for a store's refusal. `allow_list`: the name of the list that has the user."""
    if allow_list is not None:
        return OnAllowList(allow_list)
    if refusal is Refusal.LIST_FULL:
        return errors.BlocklistLimitReached(rules.max_size or 0)
    return errors.ReEngagementRequired()
