"""Rate limits per token and per number."""

import math
from collections.abc import Callable

from wablock.block_list.shared_lists import is_own
from wablock.contract.errors import ApplicationRequestLimit, RateLimitHit

_MOST_REMEMBERED = 100_000


class Rate:
    """At most `per_minute` requests a minute for each key, in bursts of up to one minute's worth. 0 means no limit.

    It is a generic cell rate algorithm: for each key it keeps only the time at which the allowance is full again.
    """

    def __init__(self, per_minute: int, monotonic: Callable[[], float]) -> None:
        self.is_limited = per_minute > 0
        self._interval = 60 / per_minute if per_minute else 0.0
        self._monotonic = monotonic
        self._full_at: dict[str | bytes, float] = {}

    def take(self, key: str | bytes) -> int | None:
        """Count a request. Returns None if it is allowed, else the number of seconds to wait before the next one."""
        if not self.is_limited:
            return None
        now = self._monotonic()
        full_at = max(self._full_at.get(key, now), now) + self._interval
        if full_at - now > 60 + self._interval / 2:
            return max(1, math.ceil(full_at - now - 60))
        if len(self._full_at) >= _MOST_REMEMBERED:
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        self._full_at[key] = full_at
        return None


class RateLimits:
    """The rate limits of a server. Its methods raise Graph errors that say when to try again."""

    def __init__(self, per_token: Rate, per_number: Rate) -> None:
        self._per_token = per_token
        self._per_number = per_number

    def token(self, digest: bytes) -> None:
        if self._per_token.is_limited and (wait := self._per_token.take(digest)) is not None:
            raise ApplicationRequestLimit(wait)

    def number(self, phone_number_id: str) -> None:
        if self._per_number.is_limited and (wait := self._per_number.take(phone_number_id)) is not None:
            raise RateLimitHit(f"This number has had too many requests. Try again in {wait} s.", wait)

    def shared_list(self, list_id: str) -> None:
        if self._per_number.is_limited and (wait := self._per_number.take(list_id)) is not None:
            raise RateLimitHit(f"This list has had too many requests. Try again in {wait} s.", wait)

    def of_list(self, list_id: str) -> None:
        """Each list has the rate of a number: a shared list is written for many of them, but counts against none."""
        if is_own(list_id):
            self.number(list_id)
        else:
            self.shared_list(list_id)
