"""uvicorn's HTTP/1.1 protocol with bounds: on a request's head, on time, on the number of connections.

By itself it takes any number of header bytes and waits for the rest of a request for ever.
"""

import asyncio
from enum import Enum, auto
from http import HTTPStatus
from typing import ClassVar, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wablock.contract.errors import GraphError, InvalidParameter, Overloaded
from wablock.contract.versions import answering_version
from wablock.server.answers import failure, request_ids
from wablock.server.limits import Limits


class ConnectionMeter(Protocol):
    """What can be seen of the connections."""

    def connection_opened(self) -> None: ...

    def connection_closed(self) -> None: ...

    def connection_refused(self) -> None: ...


class HeadTooLarge(InvalidParameter):
    status = 431

    def __init__(self, limit: int) -> None:
        super().__init__("Request head too large", f"The request line and headers may have up to {limit} bytes.")


class RequestTooSlow(InvalidParameter):
    status = 408

    def __init__(self) -> None:
        super().__init__("Request too slow", "The request did not arrive in time. Send it again.")


class _Awaited(Enum):
    """What of a request is still to come."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class GuardedProtocol(HttpToolsProtocol):
    """One connection. `bounded` makes the class that a server uses."""

    limits: ClassVar[Limits]
    meter: ClassVar[ConnectionMeter]

    _awaited = _Awaited.NOTHING
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None
    _refusal: GraphError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.meter.connection_opened()
        if len(self.connections) > self.limits.connections:
            self.meter.connection_refused()
            self._refuse(Overloaded("Too many connections are open. Nothing was changed; try again."))
        else:
            # Armed by uvicorn only after an answer: a connection that never says a word would stay.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.limits.idle_seconds, self.timeout_keep_alive_handler
            )

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._stop_waiting()
        self.meter.connection_closed()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._awaited is _Awaited.HEAD:
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.head:
                self._refuse(HeadTooLarge(self.limits.head))
                return
        if self._awaited is _Awaited.NOTHING:
            self._stop_waiting()
        elif self._deadline is None:
            head = self._awaited is _Awaited.HEAD
            seconds = self.limits.head_seconds if head else self.limits.body_seconds
            self._deadline = self.loop.call_later(seconds, self._too_slow)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaited = _Awaited.HEAD
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        # A head that came in one piece was not counted while it came.
        if sum(len(name) + len(value) for name, value in self.headers) + len(self.url) > self.limits.head:
            self._refusal = HeadTooLarge(self.limits.head)
            raise self._refusal
        self._awaited = _Awaited.BODY
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._awaited = _Awaited.NOTHING
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls for bytes that are no HTTP request."""
        self._refuse(self._refusal or InvalidParameter(msg))

    def _too_slow(self) -> None:
        self._deadline = None
        self._refuse(RequestTooSlow())

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, error: GraphError) -> None:
        """Answer without the application, where no answer has begun, and close."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            answer = failure(error, request_ids(), answering_version(None))
            head = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}".encode()]
            head += [name + b": " + value for name, value in answer.headers if name != b"connection"]
            head += [b"content-length: %d" % len(answer.body), b"connection: close", b"", b""]
            self.transport.write(b"\r\n".join(head) + answer.body)
        if self.cycle is not None and not self.cycle.response_complete:  # the application learns that it is over
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


def bounded(limits: Limits, meter: ConnectionMeter) -> type[GuardedProtocol]:
    """The protocol class with these limits, as uvicorn's configuration takes one."""
    return type("BoundedProtocol", (GuardedProtocol,), {"limits": limits, "meter": meter})
