"""The ports of subscriptions, and their values."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from wablock.block_list.ports import Microseconds

MOST_SET_BY_TOKENS: Final = 10
"""The limit for subscriptions of one account that tokens set, because each event goes to all of them. It does not limit
the operator.
"""


class SealedSubscription(msgspec.Struct, frozen=True):
    """A subscription in a store. `secret` is sealed. `list_ids` None: all lists of the account, also later ones.

    `made_by`: the label of the token that set it; "" for the operator. `set_by`: the token's digest. `holder`, `beat`:
    see `SubscriptionStore.lease`.
    """

    subscription_id: str
    account_id: str
    url: str
    secret: bytes
    list_ids: Sequence[str] | None
    may_be_inside: bool
    created_at: Microseconds
    made_by: str = ""
    set_by: bytes | None = None
    holder: str | None = None
    beat: int = 0


class Backlog(msgspec.Struct, frozen=True):
    """A list with events after `at`, the place that a subscription has reached.

    `oldest_at`: the last event that was deleted because of its age. `newest_at`: the newest event.
    """

    subscription_id: str
    list_id: str
    at: Microseconds
    oldest_at: Microseconds
    newest_at: Microseconds


class SubscriptionStore(Protocol):
    """The stored subscriptions, and the place that each has reached in the events of each list.

    Every method raises `BlocklistInternalError` if the database fails, and is durable on return.
    """

    async def subscriptions(self, account_id: str | None = None) -> Sequence[SealedSubscription]:
        """The subscriptions of an account, or of all, oldest first."""

    async def add_subscription(
        self, subscription: SealedSubscription, reached: Mapping[str, Microseconds] | None = None
    ) -> bool:
        """Add a subscription that has reached a place in some lists. All events of all other lists are still to come.

        Returns False, and adds nothing, if the token that set it is revoked, or if tokens have already set
        `MOST_SET_BY_TOKENS` others of the account.
        """

    async def remove_subscription(self, account_id: str, subscription_id: str) -> bool:
        """Returns False if the account has no such subscription."""

    async def lease(self, holder: str, beats: Mapping[str, int]) -> Collection[str]:
        """Make `holder` the one that delivers each subscription whose beat is still the given one. Returns their ids.

        Each of their beats grows by one, so that of several holders only one succeeds.
        """

    async def release(self, holder: str) -> None:
        """End the leases of `holder`, so that another one need not wait until they expire."""

    async def backlogs(self, account_id: str) -> Sequence[Backlog]:
        """The lists of the account with events that one of its subscriptions has not reached."""

    async def reach(self, subscription_id: str, list_id: str, at: Microseconds) -> None:
        """Move the subscription's place in the list forward. It never moves back.

        Nothing happens if the subscription was removed, or if the list has no event at `at` or later.
        """


class SubscriptionMeter(Protocol):
    def events_delivered(self, count: int, lag: float) -> None:
        """Count a request that a subscriber accepted. `lag`: the seconds since its oldest event."""

    def events_failed(self) -> None:
        """Count a request that a subscriber did not accept. It is sent again."""

    def events_skipped(self) -> None:
        """Count a list whose next events were deleted because of their age before they were delivered."""

    def lists_waiting(self, count: int) -> None:
        """How many lists have events that wait for a subscriber, of the subscriptions that this process delivers."""
