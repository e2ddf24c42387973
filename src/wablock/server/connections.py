"""uvicorn's HTTP/1.1 protocol with bounds: on a request's head, on time, on the number of connections.

By itself it takes any number of header bytes and pipelined requests, waits for the rest of a request for ever, and
loses the body of a request that offers HTTP/2.
"""

import asyncio
import logging
from enum import Enum, auto
from http import HTTPStatus
from typing import ClassVar, Protocol

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wablock.contract.errors import GraphError, InvalidParameter, Overloaded, UnsupportedMethod
from wablock.contract.versions import answering_version
from wablock.server.answers import failure, request_ids
from wablock.server.limits import Limits

_log = logging.getLogger("wablock.server")

_MOST_PIPELINED = 100  # uvicorn reads on with every answer, so a quick sender could fill the memory with requests

_LARGEST_CHUNKED = 6  # bytes that a chunked body may take for each of its own


class ConnectionMeter(Protocol):
    """What can be seen of the connections."""

    def connection_opened(self) -> None: ...

    def connection_closed(self) -> None: ...

    def connection_refused(self, status: int, code: int) -> None: ...


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
    _began = False
    """Whether the request began in the last piece: how much of that is its own is not known."""
    _received = 0
    """Bytes of this request, after the piece in which it began."""
    _body = 0
    """Bytes of its body among all."""
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    """Ends a connection whose client does not take what was written."""
    _refusal: GraphError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.meter.connection_opened()
        if len(self.connections) > self.limits.connections:
            self._refuse(Overloaded("Too many connections are open. Nothing was changed; try again."))
        else:
            self._close_if_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._stop_waiting()
        self._stop_waiting_for_reader()
        self.meter.connection_closed()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():  # what is left has to be read in time too, before it can close
            self._stop_waiting_for_reader()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._end_if_unread()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._end_if_unread()

    def shutdown(self) -> None:
        super().shutdown()
        self._end_if_unread()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._began = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline(data[offer.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        self._wait_for_the_rest(len(data))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaited = _Awaited.HEAD
        self._began = True
        self._received = self._body = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._awaited is _Awaited.HEAD:  # what comes behind a chunked body says nothing that is wanted
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        # A head that came in one piece was not counted while it came.
        if sum(len(name) + len(value) for name, value in self.headers) + len(self.url) > self.limits.head:
            self._refusal = HeadTooLarge(self.limits.head)
            raise self._refusal
        if self.parser.get_method() == b"CONNECT":  # what follows it would be no HTTP
            self._refusal = UnsupportedMethod("CONNECT")
            raise self._refusal
        if self.parser.should_upgrade():
            return
        if len(self.pipeline) >= _MOST_PIPELINED:
            self._refusal = Overloaded(f"Up to {_MOST_PIPELINED} requests may be sent ahead of their answers.")
            raise self._refusal
        super().on_headers_complete()
        self._awaited = _Awaited.BODY
        self._stop_waiting()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._awaited = _Awaited.NOTHING
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls for bytes that are no HTTP request."""
        self._refuse(self._refusal or InvalidParameter(msg))

    def _decline(self, rest: bytes) -> None:
        """Take the request as if it offered nothing: Java's client offers HTTP/2 with every first request.

        The parser ends at such a head, body or not, so another one reads it again without the offer.
        """
        head = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        head += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join([*head, b"", rest]))

    def _wait_for_the_rest(self, received: int) -> None:
        """Set the time until which what is begun has to be whole, after so many bytes came."""
        if self.transport.is_closing():
            return
        if self._awaited is not _Awaited.NOTHING and not self._began:
            self._received += received
            if self._received > self.limits.head + _LARGEST_CHUNKED * self._body:
                self._refuse(HeadTooLarge(self.limits.head))
                return
        if self._awaited is _Awaited.NOTHING:
            self._stop_waiting()
            self._close_if_idle()
        elif self._deadline is None:
            head = self._awaited is _Awaited.HEAD
            seconds = self.limits.head_seconds if head else self.limits.body_seconds
            self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _close_if_idle(self) -> None:
        """Also where nothing was answered, which uvicorn forgets: a connection that says nothing of use would stay."""
        if (self.cycle is None or self.cycle.response_complete) and self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.limits.idle_seconds, self.timeout_keep_alive_handler
            )

    def _too_slow(self) -> None:
        self._deadline = None
        self._refuse(RequestTooSlow())

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _wait_for_reader(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(self.limits.idle_seconds, self.transport.abort)

    def _stop_waiting_for_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _end_if_unread(self) -> None:
        """Bound a close: the transport itself would keep what is written until it is read."""
        if self.transport.is_closing() and self.transport.get_write_buffer_size():
            self._wait_for_reader()

    def _refuse(self, error: GraphError) -> None:
        """Answer without the application, where no answer has begun, and close.

        Where an earlier request is whole and not answered yet, it is, and then the connection closes.
        """
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        # While its body is awaited a request may be answered already, or have to wait for others to be.
        if self._awaited is not _Awaited.BODY or not (self.cycle.response_started or self.pipeline):
            self._answer(error)
        if self.cycle is not None and not self.cycle.response_complete:  # the application learns that it is over
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()
        self._end_if_unread()

    def _answer(self, error: GraphError) -> None:
        ids = request_ids()
        answer = failure(error, ids, answering_version(None))
        head = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}".encode()]
        head += [name + b": " + value for name, value in answer.headers if name != b"connection"]
        head += [b"content-length: %d" % len(answer.body), b"connection: close", b"", b""]
        self.transport.write(b"\r\n".join(head) + answer.body)
        self.meter.connection_refused(error.status, error.code)
        told = {"request_id": ids.fbtrace_id, "status": error.status, "code": error.code, "reason": error.message}
        _log.info("refused", extra=told)


def bounded(
    limits: Limits, meter: ConnectionMeter, protocol: type[GuardedProtocol] = GuardedProtocol
) -> type[GuardedProtocol]:
    """The protocol class with these limits, as uvicorn's configuration takes one."""
    return type("BoundedProtocol", (protocol,), {"limits": limits, "meter": meter})
