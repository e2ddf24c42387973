"""Whether the server can take changes, asked of the store rarely enough that anybody may ask."""

import asyncio
from collections.abc import Awaitable, Callable

_GOOD_FOR = 1.0  # seconds: asking costs a write, and probes come from strangers, too
_LONGEST = 0.8  # seconds: probes give up after one


class Readiness:
    """The store's word, at most a second old; a store that does not answer in time is not ready."""

    def __init__(self, ask: Callable[[], Awaitable[bool]], monotonic: Callable[[], float]) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._asked: asyncio.Future[bool] | None = None
        self._asked_at = 0.0

    async def __call__(self) -> bool:
        now = self._monotonic()
        if self._asked is None or (self._asked.done() and now - self._asked_at >= _GOOD_FOR):
            self._asked = asyncio.ensure_future(self._ask())
            self._asked_at = now
        await asyncio.wait([self._asked], timeout=_LONGEST)
        return self._asked.done() and self._asked.result()
