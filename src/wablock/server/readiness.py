"""The readiness check: whether the store accepts changes, with a cached result.

A check costs a write, and strangers may send probes. So the store is checked at most once a second.
"""

import asyncio
from collections.abc import Awaitable, Callable

_CACHED_SECONDS = 1.0  # seconds
_LONGEST_WAIT = 0.8  # seconds: a probe times out after one


class Readiness:
    """The result of `check`, at most a second old. False if `check` does not return in time."""

    def __init__(self, check: Callable[[], Awaitable[bool]], monotonic: Callable[[], float]) -> None:
        self._check = check
        self._monotonic = monotonic
        self._result: asyncio.Future[bool] | None = None
        self._checked_at = 0.0

    async def __call__(self) -> bool:
        now = self._monotonic()
        if self._result is None or (self._result.done() and now - self._checked_at >= _CACHED_SECONDS):
            self._result = asyncio.ensure_future(self._check())
            self._checked_at = now
        await asyncio.wait([self._result], timeout=_LONGEST_WAIT)
        return self._result.done() and self._result.result()
