"""Waits for what another task, thread or process does: each has a condition and a bound, and no guess of the time."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

_GENEROUS: Final = 60.0  # seconds; a shared machine may be slow
_PAUSE: Final = 0.01  # between two looks
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
    """Fails with `otherwise` if `condition` does not become true in time."""
    assert comes_true(condition, within), otherwise


async def wait_in_loop_until(condition: Callable[[], object], otherwise: str, within: float = _GENEROUS) -> None:
    """Fails with `otherwise` if `condition` does not become true in time; other tasks go on meanwhile."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, otherwise
        await asyncio.sleep(_PAUSE)


async def tasks_wait() -> None:
    """Returns when every task of this event loop waits for something, and has read what was sent to it on loopback
    before. Threads are not waited for.
    """
    for _ in range(_TURNS):
        await asyncio.sleep(0)


def settled(amount: Callable[[], int], quiet: float = 1.0) -> int:
    """The amount, once it is not 0 and has not grown for a while. Only time shows that nothing more comes."""
    before = -1
    while before != amount() or before == 0:
        before = amount()
        time.sleep(quiet)
    return before
