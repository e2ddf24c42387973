"""A cheap deadline, for thousands of connections."""

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls an action at a time, unless the deadline is cleared or set again before that time.

    If the deadline moves to a later time, the event loop's timer stays, because making and cancelling a timer takes
    longer than parsing a request's head. Only an earlier time needs a new timer.
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
        self._action = None

    def end(self) -> None:
        """Forget the action and cancel the timer. Called when the connection is closed."""
        self._action = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._at
        self._timer = self._loop.call_later(self._at - self._loop.time(), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        action = self._action
        if action is None:
            return
        if self._loop.time() < self._at:
            self._start()
        else:
            self._action = None
            action()
