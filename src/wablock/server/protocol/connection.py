"""One connection: its requests are answered one after the other, and each wait has an end.

What comes in is bounded at every point: a head in size and time, a body in size and time, requests that are sent ahead
of their answers in number, all of them together in memory. While a request is at work and more is sent ahead, nothing
is read. What goes out is bounded by its reader: an answer is written no faster than it is read, and a client that reads
nothing loses its connection.
"""

import asyncio
import logging
import socket
import struct
import sys
from functools import partial
from typing import Final

from wablock.contract.errors import GraphError
from wablock.contract.versions import answering_version
from wablock.failures import Overloaded
from wablock.server.answers import Answer, failure
from wablock.server.protocol.connections import Connections
from wablock.server.protocol.deadline import Deadline
from wablock.server.protocol.heads import RequestTooSlow
from wablock.server.protocol.requests import Awaited, Exchange, RequestReader
from wablock.server.protocol.streaming import StreamedBody
from wablock.server.request import ClientWentAway, HangUp
from wablock.server.request_ids import request_ids

_log = logging.getLogger("wablock.server")

_LINGERS: Final = 2.0  # seconds: a close while bytes still come would take the answer from the client
_LINGERS_OVER: Final = 16_777_216  # bytes
_IN_ONE_PIECE: Final = 65_536  # bytes of a body that are copied behind the head
_TOO_MANY: Final = "Too many connections are open. Nothing was changed; try again."
_RESET: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # SO_LINGER: a close sends RST, no FIN
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """See the module."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._in_flight = connections.in_flight
        self._limits = connections.limits
        self._loop = asyncio.get_running_loop()
        self._requests = RequestReader(connections.limits, connections.bodies, self._read_on, self._is_behind_proxy)
        self._transport: asyncio.Transport
        self._current: Exchange | None = None
        """What is at work."""
        self._arrival = Deadline(self._loop)
        self._timed: int | None = None
        """The phase of the requests that `_arrival` stands for."""
        self._reading = Deadline(self._loop)
        """Until when the client has to have read what was written."""
        self._ends = False
        self._has_ended = False
        """Whether the client sends no more."""
        self._ignored = 0
        """Bytes that came when nothing was read any more."""
        self._is_paused = False
        self._is_full = False
        self._drained: asyncio.Future[None] | None = None
        self._end_means_whole = False
        """Whether the end of the connection is that of the answer: it must not look so where that breaks off."""

    # -- the event loop's side

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP's is one
        self._transport = transport
        self._requests.address = _address(transport.get_extra_info("sockname"))
        if self._connections.add(self):
            self._wait()
        else:
            self._refuse(Overloaded(_TOO_MANY))
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._ends = True
        self._connections.remove(self)
        self._arrival.end()
        self._reading.end()
        self._requests.close()
        self._wake()

    def data_received(self, data: bytes) -> None:
        requests = self._requests
        if requests.is_broken or self._ends:
            self._ignored += len(data)
            if self._ignored > _LINGERS_OVER:
                self.abort()
            return
        requests.read(data)
        self._serve_next()
        requests.count()
        self._go_on()

    def eof_received(self) -> bool:
        """The client sends no more, but it may still read."""
        self._has_ended = True
        self._requests.end()
        return self._current is not None or bool(self._requests.ahead)

    def pause_writing(self) -> None:
        self._is_full = True
        self._reading.set(self._limits.idle_seconds, self.abort)

    def resume_writing(self) -> None:
        self._is_full = False
        if not self._ends:  # else what is left has to be read in time too, before it can close
            self._reading.clear()
        self._wake()
        self._go_on()

    # -- the server's side

    @property
    def has_unread(self) -> bool:
        return self._transport.get_write_buffer_size() > 0

    def stop(self) -> None:
        if self._current is None and not self._requests.ahead:
            self._close()

    def give_way(self) -> None:
        if self._current is None:
            self._close()
        else:
            self._requests.break_off(Overloaded(_TOO_MANY))

    def abort(self) -> None:
        self._ends = True
        if self._end_means_whole:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    # -- what is at work

    def _go_on(self) -> None:
        self._serve_next()
        self._wait()

    def _leave_task(self) -> None:
        """Go on outside of this request's task: the next one's first step would take it for its own, time-outs too."""
        if self._requests.ahead:
            self._loop.call_soon(self._go_on)
        else:
            self._go_on()

    def _serve_next(self) -> None:
        """Serve what is there, until one has to wait or the client does not read its answers."""
        requests = self._requests
        while requests.ahead and self._current is None and not self._ends and not self._is_full:
            self._serve(requests.ahead.popleft())
        if requests.is_broken and self._current is None and not requests.ahead and not self._ends:
            if requests.refusal is not None:
                self._refuse(requests.refusal)
            self._end()

    def _serve(self, exchange: Exchange) -> None:
        self._current = exchange
        coroutine = self._connections.application(exchange.request)
        try:
            waits_for = coroutine.send(None)
        except StopIteration as done:
            self._answer(exchange, done.value)
        except (Exception, asyncio.CancelledError) as error:
            self._answer(exchange, error)
        else:
            self._in_flight.finish(coroutine, waits_for, partial(self._finish, exchange))
        if self._current is exchange and (exchange.body is None or not exchange.body.is_awaited):  # else see `_read_on`
            self._connections.is_at_work(self)

    def _finish(self, exchange: Exchange, outcome: Answer | BaseException) -> None:
        self._answer(exchange, outcome)
        self._leave_task()

    def _answer(self, exchange: Exchange, outcome: Answer | BaseException) -> None:
        """`outcome`: what the application returned or raised."""
        match outcome:
            case Answer(chunks=None):
                self._write(exchange, outcome)
            case Answer():
                self._in_flight.run(self._stream(exchange, outcome))
            case ClientWentAway():
                self._is_over(exchange, ends=True)
            case HangUp():
                self._hang_up(exchange)
            case asyncio.CancelledError() if self._ends:  # the server stops, or the client has left
                self._is_over(exchange, ends=True)
            case error:
                self._log_failure("a request has no answer", exchange, error)
                self._hang_up(exchange)

    def _log_failure(self, message: str, exchange: Exchange, error: BaseException) -> None:
        _log.error(message, exc_info=error, extra={"request_id": exchange.request.ids.fbtrace_id})

    def _hang_up(self, exchange: Exchange) -> None:
        self.abort()
        self._is_over(exchange, ends=True)

    def _write(self, exchange: Exchange, answer: Answer) -> None:
        ends = self._ends_after(exchange)
        if not self._ends:
            head = self._connections.heads.of(answer, close=ends)
            if exchange.is_head or not answer.body:
                self._transport.write(head)
            elif len(answer.body) < _IN_ONE_PIECE:
                self._transport.write(head + answer.body)
            else:
                self._transport.writelines((head, answer.body))
        self._is_over(exchange, ends=ends)

    async def _stream(self, exchange: Exchange, answer: Answer) -> None:
        """Write a streamed answer, no faster than it is read. One that breaks off must not look whole."""
        body = StreamedBody(answer, is_head=exchange.is_head, may_be_chunked=exchange.may_be_chunked)
        self._end_means_whole = body.ends_with_connection
        ends = self._ends_after(exchange) or body.ends_with_connection
        is_whole = False
        try:
            if not self._ends:
                self._transport.write(self._connections.heads.of(answer, close=ends, chunked=body.is_chunked))
            async for piece in body.pieces():
                if self._ends:
                    break
                self._transport.write(piece)
                await self._until_read()
            is_whole = body.is_whole
        except Exception:
            is_whole = False  # the application has logged why
        finally:
            try:
                await body.aclose()
            except Exception as error:
                is_whole = False
                self._log_failure("an answer's source cannot be closed", exchange, error)
            finally:
                if self._end_means_whole and not is_whole and not self._ends:
                    self.abort()
                self._end_means_whole = False
                self._is_over(exchange, ends=ends or not is_whole)
        self._leave_task()

    async def _until_read(self) -> None:
        if self._is_full and not self._ends:
            self._drained = self._loop.create_future()
            await self._drained

    def _wake(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _ends_after(self, exchange: Exchange) -> bool:
        """Whether the connection ends with the answer to this request."""
        if exchange.is_last or self._connections.is_stopping:
            return True
        body = exchange.body
        if body is not None and not body.is_whole:
            is_too_long = body.length is not None and body.length > self._limits.body  # see `RequestReader.count`
            if body.has_failed or exchange.waits_for_100 or is_too_long:
                return True
        return not self._requests.ahead and (self._requests.is_broken or self._has_ended)

    def _is_over(self, exchange: Exchange, *, ends: bool) -> None:
        self._current = None
        self._timed = None
        if exchange.body is not None:
            exchange.body.release()
        if ends or (not self._requests.ahead and (self._has_ended or self._connections.is_stopping)):
            self._end()

    # -- refusing and ending

    def _refuse(self, error: GraphError) -> None:
        """Answer without the application."""
        ids = request_ids()
        answer = failure(error, ids, answering_version(None))
        self._transport.write(self._connections.heads.of(answer, close=True) + answer.body)
        self._connections.meter.connection_refused(error.status, error.code)
        report = {"request_id": ids.fbtrace_id, "status": error.status, "code": error.code, "reason": error.message}
        _log.info("refused", extra=report)

    def _end(self) -> None:
        """Close after what is written. While the client may still be sending, only our side: see `_LINGERS`."""
        if self._ends:
            return
        requests = self._requests
        is_silent = requests.awaited is Awaited.NEXT and not requests.ahead and not requests.is_broken
        if is_silent or self._has_ended:
            self._close()
            return
        self._ends = True
        self._ignored = 0
        self._connections.is_idle(self)
        self._resume_reading()
        self._transport.write_eof()
        self._arrival.set(_LINGERS, self._close)

    def _close(self) -> None:
        self._ends = True
        self._transport.close()
        if self.has_unread:
            self._reading.set(self._limits.idle_seconds, self.abort)

    def _wait(self) -> None:
        """Set the time until which what is awaited has to come; read on, or do not."""
        if self._ends:
            return
        requests, current = self._requests, self._current
        body = requests.body
        if requests.ahead or (current is not None and (body is None or body is not current.body)):
            # A whole request is at work, or waits for its client to read. More is sent ahead: one piece at most.
            self._arrival.clear()
            self._timed = None
            if current is not None and current.body is not None:
                self._connections.is_at_work(self)  # it has arrived meanwhile
            if requests.awaited is not Awaited.NEXT or requests.ahead or requests.is_broken:
                self._pause_reading()
            return
        if body is not None and body.is_ahead and not body.is_unwanted:
            self._pause_reading()
        else:
            self._resume_reading()
        if self._timed != requests.phase:
            self._timed = requests.phase
            if current is None:
                self._connections.is_idle(self)
            self._await_arrival(requests.awaited)

    def _await_arrival(self, awaited: Awaited) -> None:
        if awaited is Awaited.NEXT:
            self._arrival.set(self._limits.idle_seconds, self._close)
        elif awaited is Awaited.HEAD:
            self._arrival.set(self._limits.head_seconds, self._too_slow)
        else:
            self._arrival.set(self._limits.body_seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._requests.break_off(RequestTooSlow())
        self._serve_next()

    def _read_on(self) -> None:
        """A handler waits for its body."""
        exchange = self._current
        if exchange is None or exchange.body is None:
            return
        if exchange.waits_for_100:
            exchange.waits_for_100 = False
            if not exchange.body.size:
                self._transport.write(_CONTINUE)
        if exchange.body.is_of_a_stranger:
            self._connections.is_unproven(self)
        else:
            self._connections.is_at_work(self)
        self._wait()

    def _is_behind_proxy(self) -> bool:
        peer = self._transport.get_extra_info("peername")
        return isinstance(peer, tuple) and peer[0] in self._connections.proxies

    def _pause_reading(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._is_paused and not self._has_ended:
            self._is_paused = False
            self._transport.resume_reading()


def _address(socket_name: object) -> str:
    if not isinstance(socket_name, tuple):
        return "localhost"
    host, port = socket_name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
