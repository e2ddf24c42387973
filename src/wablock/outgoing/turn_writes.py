"""The requests of one turn of the event loop, which are written together.

A receiver on this machine that waits for requests sleeps, and waking it takes longer than writing a request. If several
requests are written together, most of them find it awake. Only a busy server has several requests in a turn; if there
is only one, it is written as soon as its turn ends.
"""

import asyncio
from typing import Final, Protocol

_MOST_WAITING: Final = 16  # requests; more would let receivers wait without waking them less often


class Writing(Protocol):
    """A connection with a request to write."""

    def write_request(self) -> None: ...


class TurnWrites:
    """The connections that have a request to write in this turn, in the order of their requests."""

    def __init__(self) -> None:
        self._connections: list[Writing] = []
        self._is_scheduled = False

    def add(self, connection: Writing) -> None:
        """Call `connection.write_request` at the end of this turn or earlier."""
        self._connections.append(connection)
        if len(self._connections) == _MOST_WAITING:
            self._write()
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        self._is_scheduled = False
        self._write()

    def _write(self) -> None:
        connections, self._connections = self._connections, []
        for connection in connections:
            connection.write_request()
