"""The writes of one turn of the event loop, which are done together.

A peer that waits for bytes sleeps, and waking it takes longer than writing. If several connections are written one
after the other, most of them find their peer awake. Only a busy server writes to several in a turn. If there is only
one, it is written as soon as its turn ends.
"""

import asyncio
from typing import Final, Protocol

_MOST_WAITING: Final = 16  # writes; more would let peers wait without waking them less often


class Writing(Protocol):
    """A connection with bytes to write."""

    def write_now(self) -> None:
        """Write the bytes, if they are not written yet."""

    def end_turn(self) -> None:
        """Note that the turn has ended."""


class TurnWrites:
    """The connections with bytes to write in this turn, in the order of `add`."""

    def __init__(self) -> None:
        self._connections: list[Writing] = []
        self._written = 0

    def add(self, connection: Writing) -> None:
        """Call `connection.write_now` at the end of this turn or earlier, and then `connection.end_turn`."""
        if not self._connections:
            asyncio.get_running_loop().call_soon(self._end)
        self._connections.append(connection)
        if len(self._connections) - self._written == _MOST_WAITING:
            self._write()

    def _write(self) -> None:
        connections = self._connections[self._written :]
        self._written = len(self._connections)
        for connection in connections:
            connection.write_now()

    def _end(self) -> None:
        connections, written = self._connections, self._written
        self._connections, self._written = [], 0
        for connection in connections[written:]:
            connection.write_now()
        for connection in connections:
            connection.end_turn()
