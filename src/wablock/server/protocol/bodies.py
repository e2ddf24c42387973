"""Request bodies while they arrive, and the memory budget for all of them."""

import asyncio
from collections.abc import Callable
from typing import Final

from wablock.failures import BodyTooLarge, Overloaded
from wablock.server.request import ClientWentAway

_BEFORE_IT_IS_READ: Final = 65_536  # bytes that may arrive before a handler reads
_TOO_MUCH: Final = "Too many requests are being received. Nothing was changed. Try again."


class IncomingBody:
    """See `request.Body`. The connection adds bytes; a handler reads the complete body."""

    __slots__ = (
        "_budget",
        "_error",
        "_largest",
        "_pieces",
        "_read_on",
        "_reader",
        "counted",
        "is_of_a_stranger",
        "is_unwanted",
        "is_whole",
        "length",
        "size",
    )

    def __init__(self, budget: "BodyBudget", length: int | None, read_on: Callable[[], None]) -> None:
        """`length` is Content-Length; None means chunked. `read_on` is called when a handler waits for more bytes."""
        self._budget = budget
        self._read_on = read_on
        self._pieces: bytes | bytearray = b""
        self._reader: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._largest: int | None = None
        self.length = length
        self.size = 0
        self.counted = 0
        """The number of its bytes in the budget."""
        self.is_of_a_stranger = True
        self.is_whole = False
        self.is_unwanted = False
        """Whether its request is answered. Bytes that still arrive are counted and discarded."""

    @property
    def received(self) -> bytes:
        return bytes(self._pieces)

    @property
    def must_pause(self) -> bool:
        """Whether the connection must pause: no handler reads yet, and enough bytes wait for one."""
        return self._largest is None and self.size > _BEFORE_IT_IS_READ

    @property
    def is_awaited(self) -> bool:
        """Whether a handler waits for the rest."""
        return self._reader is not None

    @property
    def has_failed(self) -> bool:
        return self._error is not None

    async def read(self, largest: int, *, proven: bool) -> bytes:
        self._largest = largest
        if proven and self.is_of_a_stranger:
            self._budget.prove(self)
        if self._error is None and max(self.size, self.length or 0) > largest:
            raise BodyTooLarge(largest)
        if self._error is None and not self.is_whole:
            self._reader = asyncio.get_running_loop().create_future()
            self._read_on()
            try:
                await self._reader
            finally:
                self._reader = None
        if self._error is not None:
            raise self._error
        return self.received

    # -- for the connection

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.is_unwanted or self._error is not None:
            return
        if not self._pieces:
            self._pieces = piece
        elif isinstance(self._pieces, bytearray):
            self._pieces += piece
        else:  # a list of pieces would need 40 bytes of memory for each chunk of one byte
            self._pieces = bytearray(self._pieces)
            self._pieces += piece

    def count(self) -> None:
        """Update the budget. Called after each read of the connection, and when the body is complete."""
        if self.is_unwanted or self._error is not None:
            return
        if self._largest is not None and self.size > self._largest:
            self.fail(BodyTooLarge(self._largest))
        else:
            self._budget.count(self)

    def end(self) -> None:
        self.is_whole = True
        self.count()
        if self._reader is not None:
            self._wake()

    def fail(self, error: Exception) -> None:
        """Discard the body, and raise `error` in its reader."""
        if self._error is None:
            self._error = error
            self._pieces = b""
            self._wake()

    def disconnected(self) -> None:
        """The client sends no more. An incomplete body fails."""
        if not self.is_whole:
            self.fail(ClientWentAway())

    def release(self) -> None:
        """Free the memory: the request is answered."""
        self.is_unwanted = True
        self._pieces = b""
        self._budget.release(self)

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class BodyBudget:
    """The memory that all bodies share until their requests are answered.

    Requests without a valid token ("strangers") share a small part of it. If that part is full, the oldest unfinished
    body is refused, because honest clients send their bodies fast. Only unfinished bodies count in that part: the token
    of a complete body is checked immediately.
    """

    def __init__(self, most: int, most_of_strangers: int) -> None:
        self._most = most
        self._most_of_strangers = most_of_strangers
        self._all = 0
        self._strangers = 0
        self._unfinished: dict[IncomingBody, None] = {}
        """Strangers' unfinished bodies, the oldest first."""

    def count(self, body: IncomingBody) -> None:
        """Count the new bytes of `body`. This may refuse `body` or another body."""
        more = body.size - body.counted
        body.counted = body.size
        self._all += more
        if body in self._unfinished:
            self._strangers += more
        if self._all > self._most:
            self._refuse(body)
        elif body.is_whole:
            self._forget(body)
        elif body.is_of_a_stranger:
            if body not in self._unfinished:
                self._unfinished[body] = None
                self._strangers += body.counted
            while self._strangers > self._most_of_strangers:
                self._refuse(next(iter(self._unfinished)))

    def prove(self, body: IncomingBody) -> None:
        self._forget(body)
        body.is_of_a_stranger = False

    def release(self, body: IncomingBody) -> None:
        self._forget(body)
        self._all -= body.counted
        body.counted = 0

    def _forget(self, body: IncomingBody) -> None:
        if body in self._unfinished:
            del self._unfinished[body]
            self._strangers -= body.counted

    def _refuse(self, body: IncomingBody) -> None:
        self.release(body)
        body.fail(Overloaded(_TOO_MUCH))
