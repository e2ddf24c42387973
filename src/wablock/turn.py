"""`Turn`: the turn of the event loop in which requests arrive.

A store may read the same moment for all requests of a turn. None of them was sent later: first the event loop asks the
system which connections have bytes, then it reads them one after the other, and the turn ends before it asks again.
Other reads must not share a moment: the event loop may ask, and handle a request, before their turn ends.
"""

import asyncio
from collections.abc import Callable
from typing import Final

# libuv learns of at most 1,024 connections at once, and asks again before the turn ends if it learned of as many. So a
# turn is over earlier if many of its connections have received bytes.
_MOST_PIECES: Final = 256


class Turn:
    """Whether requests arrive in this turn, and what to do at its end."""

    def __init__(self) -> None:
        self.is_open = False
        self._pieces = 0
        self._at_end: list[Callable[[], None]] = []

    def receive(self) -> None:
        """Note that a connection has received bytes. The first one opens the turn."""
        self._pieces += 1
        if self._pieces == 1:
            self.is_open = True
            asyncio.get_running_loop().call_soon(self._end)
        elif self._pieces > _MOST_PIECES:
            self._close()

    def at_end(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the turn, which is open, ends."""
        self._at_end.append(callback)

    def _end(self) -> None:
        self._pieces = 0
        self._close()

    def _close(self) -> None:
        self.is_open = False
        callbacks, self._at_end = self._at_end, []
        for callback in callbacks:
            callback()
