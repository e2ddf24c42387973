"""All open connections of a server, and what they share."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from wablock.server.answers import Answer
from wablock.server.limits import Limits
from wablock.server.protocol.bodies import BodyBudget
from wablock.server.protocol.heads import AnswerHeads
from wablock.server.protocol.in_flight import InFlight
from wablock.server.protocol.proxies import TrustedProxies
from wablock.server.request import Request

Application = Callable[[Request], Coroutine[Any, Any, Answer]]
"""Answers every request. It raises `ClientWentAway` and `HangUp`, nothing else.

It runs without a task until it awaits `asyncio.sleep(0)`: what needs one, as `asyncio.timeout` does, does that before.
"""


class ConnectionMeter(Protocol):
    """What can be seen of the connections."""

    def connection_opened(self) -> None: ...

    def connection_closed(self) -> None: ...

    def connection_refused(self, status: int, code: int) -> None: ...


class OpenConnection(Protocol):
    """What a server does with a connection."""

    def stop(self) -> None:
        """End it once what it is at work on is answered."""

    def give_way(self) -> None:
        """End it, as there are others. It is not at work."""

    def abort(self) -> None:
        """End it now."""

    @property
    def has_unread(self) -> bool:
        """Whether its client has not taken all that was written."""


class Connections:
    """Up to `limits.connections` of them.

    If one more comes, the one that has been idle for longest is closed; if none is idle, the one for longest on which a
    stranger's body has not arrived. Those at work stay.
    """

    def __init__(
        self, application: Application, limits: Limits, meter: ConnectionMeter, trusted_proxies: str = "127.0.0.1"
    ) -> None:
        self.application = application
        self.limits = limits
        self.meter = meter
        self.bodies = BodyBudget(limits.bodies, limits.unproven_bodies)
        self.heads = AnswerHeads()
        self.proxies = TrustedProxies(trusted_proxies)
        self.is_stopping = False
        self._open: set[OpenConnection] = set()
        self._idle: dict[OpenConnection, None] = {}
        """Those without a request, the longest idle first."""
        self._unproven: dict[OpenConnection, None] = {}
        """Those that wait for a stranger's body, the longest first."""
        self.in_flight: InFlight[Answer] = InFlight()
        self._all_closed: asyncio.Future[None] | None = None

    def add(self, connection: OpenConnection) -> bool:
        """Whether there is a place for it."""
        self.meter.connection_opened()
        self._open.add(connection)
        if self.is_stopping:  # it was on its way when the server stopped listening
            return False
        has_place = len(self._open) <= self.limits.connections or self._make_way()
        if has_place:
            self._idle[connection] = None
        return has_place

    def remove(self, connection: OpenConnection) -> None:
        self.meter.connection_closed()
        self._open.discard(connection)
        self.is_at_work(connection)
        if not self._open:
            self._give_up()

    def is_idle(self, connection: OpenConnection) -> None:
        """It waits for its next request, from now on."""
        self.is_at_work(connection)
        self._idle[connection] = None

    def is_unproven(self, connection: OpenConnection) -> None:
        """It waits for the body of a request that has shown no token."""
        self._idle.pop(connection, None)
        self._unproven[connection] = None

    def is_at_work(self, connection: OpenConnection) -> None:
        self._idle.pop(connection, None)
        self._unproven.pop(connection, None)

    async def stop(self, hurry: asyncio.Event) -> None:
        """Close the idle ones, let the others finish what they are at work on, and end what is left.

        That is after `limits.shutdown_seconds`, or as soon as `hurry` is set.
        """
        self.is_stopping = True
        self._all_closed = asyncio.get_running_loop().create_future()
        for connection in list(self._open):
            connection.stop()
        if self._open:
            hurried = asyncio.ensure_future(hurry.wait())
            hurried.add_done_callback(self._give_up)
            await asyncio.wait([self._all_closed], timeout=self.limits.shutdown_seconds)
            hurried.cancel()
        for connection in list(self._open):
            connection.abort()
        await self.in_flight.cancel()

    def _give_up(self, _: object = None) -> None:
        """Wait for none that are open no longer."""
        if self._all_closed is not None and not self._all_closed.done():
            self._all_closed.set_result(None)

    def _make_way(self) -> bool:
        """Whether one was not at work. A client that has not read its answer is: it may be slow."""
        for waiting in (self._idle, self._unproven):
            for connection in waiting:
                if not connection.has_unread:
                    del waiting[connection]
                    connection.give_way()
                    return True
        return False
