"""The longest step of an event loop, in CPU time: other programs on the machine do not count."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class LongestStep:
    seconds = 0.0
    """CPU time."""


@contextmanager
def measuring_steps() -> Iterator[LongestStep]:
    """Measure the steps of asyncio's loops; it does not see uvloop's. The garbage collector skips the objects of the
    tests, as it skips in a server those that its start creates.
    """
    longest = LongestStep()
    run = asyncio.Handle._run

    def watched(handle: asyncio.Handle) -> None:
        before = time.thread_time()
        run(handle)
        longest.seconds = max(longest.seconds, time.thread_time() - before)

    gc.collect()
    gc.freeze()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.Handle, "_run", watched)
            yield longest
    finally:
        gc.unfreeze()
