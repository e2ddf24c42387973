"""All open connections of a server, and the objects that they share."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from wablock.contract.errors import GraphError
from wablock.contract.versions import answering_version
from wablock.server.answers import Answer, failure
from wablock.server.protocol.bodies import BodyBudget
from wablock.server.protocol.heads import AnswerHeads
from wablock.server.protocol.in_flight import InFlight
from wablock.server.protocol.proxies import TrustedProxies
from wablock.server.protocol.repeated_headers import RepeatedHeaders
from wablock.server.request import Request
from wablock.server.request_ids import request_ids
from wablock.settings import ServerSettings
from wablock.turn import Turn
from wablock.turn_writes import TurnWrites

_log = logging.getLogger("wablock.server")

Application = Callable[[Request], Coroutine[Any, Any, Answer]]
"""Answers every request. It raises `ClientWentAway` and `HangUp`, nothing else.

It runs without a task until it awaits `asyncio.sleep(0)`. Code that needs a task, such as `asyncio.timeout`, must await
that first.
"""


class ConnectionMeter(Protocol):
    def connection_opened(self) -> None: ...

    def connection_closed(self) -> None: ...

    def connection_refused(self, status: int, code: int) -> None: ...


class OpenConnection(Protocol):
    """A connection, as the server sees it."""

    def stop(self) -> None:
        """Close it after the requests in flight are answered."""

    def give_way(self) -> None:
        """Close it to free a place for another one. It is idle, or it waits for a stranger's body."""

    def abort(self) -> None:
        """Close it now."""

    @property
    def has_unread(self) -> bool:
        """Whether its client has not read all written bytes."""


class Connections:
    """All open connections, up to `limits.max_connections`.

    If there is no place for a new connection, the server closes the connection that has been idle longest. If none is
    idle, it closes the one that has waited longest for a stranger's body. All other connections stay open.
    """

    def __init__(self, application: Application, settings: ServerSettings, meter: ConnectionMeter, turn: Turn) -> None:
        self.application = application
        self.limits = limits = settings.limits
        self.meter = meter
        self.bodies = BodyBudget(limits.max_bodies, limits.max_unproven_bodies)
        self.heads = AnswerHeads()
        self.repeated = RepeatedHeaders()
        self.turn = turn
        self.answers = TurnWrites()
        self.proxies = TrustedProxies(settings.answers.trusted_proxies)
        self.is_stopping = False
        self._open: set[OpenConnection] = set()
        self._idle: dict[OpenConnection, None] = {}
        """Connections without a request, the longest idle first."""
        self._unproven: dict[OpenConnection, None] = {}
        """Connections that wait for a stranger's body, the longest waiting first."""
        self.in_flight: InFlight[Answer] = InFlight()
        self._all_closed: asyncio.Future[None] | None = None

    def add(self, connection: OpenConnection) -> bool:
        """Add a connection. False if there is no place for it."""
        self.meter.connection_opened()
        self._open.add(connection)
        if self.is_stopping:  # it was connecting when the server stopped listening
            return False
        has_place = len(self._open) <= self.limits.max_connections or self._make_way()
        if has_place:
            self._idle[connection] = None
        return has_place

    def remove(self, connection: OpenConnection) -> None:
        self.meter.connection_closed()
        self._open.discard(connection)
        self.mark_busy(connection)
        if not self._open:
            self._give_up()

    def mark_idle(self, connection: OpenConnection) -> None:
        """Note that the connection now waits for its next request."""
        self.mark_busy(connection)
        self._idle[connection] = None

    def mark_unproven(self, connection: OpenConnection) -> None:
        """Note that the connection waits for the body of a request without a valid token."""
        self._idle.pop(connection, None)
        self._unproven[connection] = None

    def mark_busy(self, connection: OpenConnection) -> None:
        """Note that a request of the connection is in flight."""
        self._idle.pop(connection, None)
        self._unproven.pop(connection, None)

    def refusal(self, error: GraphError) -> bytes:
        """The answer that a connection sends without the application, counted and logged. Then the connection ends."""
        ids = request_ids()
        answer = failure(error, ids, answering_version(None))
        self.meter.connection_refused(error.status, error.code)
        report = {"request_id": ids.fbtrace_id, "status": error.status, "code": error.code, "reason": error.message}
        _log.info("refused", extra=report)
        return self.heads.of(answer, close=True) + answer.body

    async def stop(self, hurry: asyncio.Event) -> None:
        """Close idle connections, let the others finish their requests, then close the rest.

        The rest is closed after `limits.shutdown_timeout`, or as soon as `hurry` is set.
        """
        self.is_stopping = True
        self._all_closed = asyncio.get_running_loop().create_future()
        for connection in list(self._open):
            connection.stop()
        if self._open:
            hurried = asyncio.ensure_future(hurry.wait())
            hurried.add_done_callback(self._give_up)
            await asyncio.wait([self._all_closed], timeout=self.limits.shutdown_timeout)
            hurried.cancel()
        for connection in list(self._open):
            connection.abort()
        await self.in_flight.cancel()

    def _give_up(self, _: object = None) -> None:
        """Stop waiting for open connections."""
        if self._all_closed is not None and not self._all_closed.done():
            self._all_closed.set_result(None)

    def _make_way(self) -> bool:
        """Close an idle or waiting connection; False if there is none.

        A connection whose client has not read its answer stays open: the client may be slow.
        """
        for waiting in (self._idle, self._unproven):
            for connection in waiting:
                if not connection.has_unread:
                    del waiting[connection]
                    connection.give_way()
                    return True
        return False
