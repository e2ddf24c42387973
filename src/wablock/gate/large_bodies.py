"""A thread for work on large bodies, so that it does not block the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_T = TypeVar("_T")

LARGE: Final = 8_192  # bytes; the slowest body of 8,000 takes about 5 ms, and a call to the thread takes 0.1 ms
# One thread for all bodies: threads that compute compete with the event loop for the interpreter.
_thread = ThreadPoolExecutor(1, "wablock-large-bodies")


async def off_the_loop(body: bytes, work: Callable[[], _T]) -> _T:
    """Return what `work` returns. If `body` is large, `work` runs in the thread, so other requests do not wait."""
    if len(body) < LARGE:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_thread, work)
