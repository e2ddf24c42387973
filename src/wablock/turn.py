"""`Turn`: the turn of the event loop in which requests arrive, for stores that read one moment for all of them.

None of these requests was sent after that moment. The event loop first asks the system which connections have bytes,
then reads them one after the other, and the turn ends before it asks again. So a request was sent before any of them is
read, if its first byte is the first unread byte of its connection. Other reads must not share the moment: the event
loop may ask again, and handle new requests, before a callback that they scheduled runs.
"""

import asyncio
from collections.abc import Callable
from typing import Final

# libuv learns of at most 1,024 connections at once, and asks again before the turn ends if it learned of as many. So a
# turn ends earlier if many of its connections have received bytes.
_MOST_PIECES: Final = 256


class Turn:
    """Whether reads may share a moment now, and what to do when they may not any more."""

    def __init__(self) -> None:
        self.is_open = False
        self._pieces = 0
        self._at_end: list[Callable[[], None]] = []

    def receive(self, *, is_one_request: bool) -> None:
        """Note that a connection has received bytes, and handles them now.

        `is_one_request`: whether they are one whole request, and no earlier request of the connection is unanswered.
        Only then is the turn open.
        """
        self._pieces += 1
        if self._pieces == 1:
            asyncio.get_running_loop().call_soon(self._end)
        if is_one_request and self._pieces <= _MOST_PIECES:
            self.is_open = True
        elif self.is_open:
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
