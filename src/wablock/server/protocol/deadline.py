"""The time until which something has to happen, for one connection of thousands."""

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls an action when its time has come, unless it is cleared or set again before.

    A timer of the event loop is kept while the time moves on: to make and cancel one takes longer than a request's
    head. Moving it to an earlier time is what makes a new one.
    """

    __slots__ = ("_action", "_at", "_loop", "_timer", "_timer_at")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._at = 0.0
        self._action: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    @property
    def is_set(self) -> bool:
        return self._action is not None

    def set(self, seconds: float, action: Callable[[], None]) -> None:
        self._action = action
        self._at = self._loop.time() + seconds
        if self._timer is None or self._timer_at > self._at:
            self._start()

    def clear(self) -> None:
        """Nothing has to happen any more."""
        self._action = None

    def end(self) -> None:
        """The same, and the timer goes: to be called when the connection is over."""
        self._action = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._at
        self._timer = self._loop.call_later(self._at - self._loop.time(), self._look)

    def _look(self) -> None:
        self._timer = None
        action = self._action
        if action is None:
            return
        if self._loop.time() < self._at:
            self._start()
        else:
            self._action = None
            action()
