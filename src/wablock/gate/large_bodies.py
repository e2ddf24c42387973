"""Large bodies: the work on them runs in a thread, so that the event loop stays free."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_T = TypeVar("_T")

LARGE: Final = 8_192  # bytes; the worst 8,000 take some 5 ms, and to go to the thread and back takes 0.1 ms
# One, however many bodies there are: threads that compute take turns with the event loop.
_thread = ThreadPoolExecutor(1, "wablock-large-bodies")


async def off_the_loop(body: bytes, work: Callable[[], _T]) -> _T:
    """What `work` returns or raises; where `body` is large, other requests are answered meanwhile."""
    if len(body) < LARGE:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_thread, work)
