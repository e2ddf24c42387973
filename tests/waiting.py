"""Waits for other tasks, threads or processes: each has a condition and a time limit, and guesses no time."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

_GENEROUS: Final = 60.0  # seconds; a shared machine may be slow
_PAUSE: Final = 0.01  # seconds between two checks
_TURNS: Final = 50  # more than any chain of tasks here needs


def comes_true(condition: Callable[[], object], within: float = _GENEROUS) -> bool:
    """Whether `condition` becomes true in time."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE)
    return True


def wait_until(condition: Callable[[], object], otherwise: str, within: float = _GENEROUS) -> None:
    """Fail with `otherwise` if `condition` does not become true in time."""
    assert comes_true(condition, within), otherwise


async def wait_in_loop_until(condition: Callable[[], object], otherwise: str, within: float = _GENEROUS) -> None:
    """Fail with `otherwise` if `condition` does not become true in time; other tasks run meanwhile."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, otherwise
        await asyncio.sleep(_PAUSE)


async def tasks_wait() -> None:
    """Return when every task of this event loop waits for something, and has read all that arrived on loopback before.
    It does not wait for threads.
    """
    for _ in range(_TURNS):
        await asyncio.sleep(0)


def settled(amount: Callable[[], int], quiet: float = 1.0) -> int:
    """The amount, when it is not 0 and has not grown for a while: only time shows that no more comes."""
    before = -1
    while before != amount() or before == 0:
        before = amount()
        time.sleep(quiet)
    return before
