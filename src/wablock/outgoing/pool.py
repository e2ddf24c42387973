"""The idle connections to one origin."""

import asyncio
from collections.abc import Callable

from wablock.outgoing.connection import ReceiverConnection


class Idle:
    """A stack of idle connections. The last one is used first, so the others expire when there is little traffic."""

    def __init__(self, monotonic: Callable[[], float], idle_for: float) -> None:
        self._monotonic = monotonic
        self._idle_for = idle_for
        self._free: list[ReceiverConnection] = []
        self._sweep: asyncio.TimerHandle | None = None

    def take(self) -> ReceiverConnection | None:
        """A connection that is open and not expired, if there is one. The other side may have closed it."""
        oldest = self._monotonic() - self._idle_for
        while self._free:
            connection = self._free.pop()
            if connection.is_open and connection.idle_since > oldest:
                return connection
            connection.close()
        return None

    def give(self, connection: ReceiverConnection) -> None:
        connection.idle_since = self._monotonic()
        self._free.append(connection)
        if self._sweep is None:
            self._sweep_later()

    def close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for connection in self._free:
            connection.close()
        self._free.clear()

    def _sweep_later(self) -> None:
        self._sweep = asyncio.get_running_loop().call_later(self._idle_for, self._close_old)

    def _close_old(self) -> None:
        self._sweep = None
        oldest = self._monotonic() - self._idle_for
        fresh = [connection for connection in self._free if connection.is_open and connection.idle_since > oldest]
        for connection in set(self._free).difference(fresh):
            connection.close()
        self._free = fresh
        if fresh:
            self._sweep_later()
