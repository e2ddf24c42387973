"""The leases of one process: which subscriptions it delivers now, so that no other process delivers them.

A lease is a number in the subscription's row, its beat, which the holder lets grow. Another process that sees the same
beat for `TAKE_OVER_AFTER` takes over. Each process measures the time with its own monotonic clock, so that clocks that
differ between machines do no harm. The holder stops by itself after `_LASTS` without a beat.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from wablock.subscriptions.ports import SealedSubscription

POST_WITHIN: Final = 5.0
"""Seconds that a subscriber has to respond."""
_LASTS: Final = 4.0  # seconds
_RENEWED_WITH_LESS_THAN: Final = 2.5  # seconds left
TAKE_OVER_AFTER: Final = _LASTS + POST_WITHIN + 1.0
"""The last request of a holder that has stopped has ended by then."""


class Leases:
    def __init__(self, holder: str) -> None:
        """`holder`: a name that no other process has."""
        self.holder = holder
        self._until: dict[str, float] = {}
        self._seen: dict[str, tuple[str, int, float]] = {}
        """Of each subscription that another process has: that holder, the beat, and since when the beat is the same."""

    def wanted(self, subscriptions: Iterable[SealedSubscription], now: float) -> Mapping[str, int]:
        """The beats of those subscriptions that this process should lease now. All `subscriptions` have a backlog."""
        seen: dict[str, tuple[str, int, float]] = {}
        wanted: dict[str, int] = {}
        for it in subscriptions:
            if it.holder is None:
                wanted[it.subscription_id] = it.beat
            elif it.holder == self.holder:
                if self._until.get(it.subscription_id, now) - now < _RENEWED_WITH_LESS_THAN:
                    wanted[it.subscription_id] = it.beat
            else:
                holder, beat, since = self._seen.get(it.subscription_id, ("", 0, now))
                if (holder, beat) != (it.holder, it.beat):
                    since = now
                seen[it.subscription_id] = it.holder, it.beat, since
                if now - since >= TAKE_OVER_AFTER:
                    wanted[it.subscription_id] = it.beat
        self._seen = seen
        return wanted

    def extend(self, subscription_ids: Collection[str], called_at: float) -> None:
        """Record the leases that the store gave; `called_at`: the time just before the call."""
        for subscription_id in subscription_ids:
            self._until[subscription_id] = called_at + _LASTS

    def lasts(self, subscription_id: str, now: float) -> bool:
        return now < self._until.get(subscription_id, now)

    def forget(self, subscription_id: str) -> None:
        self._until.pop(subscription_id, None)
