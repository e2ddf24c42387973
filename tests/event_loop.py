"""The longest step of an event loop, in CPU time: other programs on the machine do not count."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class Held:
    seconds = 0.0
    """Of CPU, in the longest step."""


@contextmanager
def held() -> Iterator[Held]:
    """Watches asyncio's own loops; uvloop's steps are not seen. What the tests hold is not looked through, as in a
    server what is there at its start is not.
    """
    longest = Held()
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
