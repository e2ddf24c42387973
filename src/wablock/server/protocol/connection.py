"""One connection: it answers its requests one after the other, and every wait has a time limit.

All input is limited: heads and bodies in size and time, pipelined requests in number, and all bodies in memory. While a
request is in flight and more are pipelined, the connection reads nothing. Output is limited by the client: an answer is
written no faster than the client reads it, and a client that stops reading loses its connection.
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

# A close while bytes still arrive may destroy the answer. So the server first discards bytes, within these limits.
_LINGER_SECONDS: Final = 2.0
_MOST_LINGER_BYTES: Final = 16_777_216
_IN_ONE_PIECE: Final = 65_536  # bytes; a shorter body is copied behind the head
_TOO_MANY: Final = "Too many connections are open. Nothing was changed; try again."
_RESET: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # SO_LINGER: close sends RST, not FIN
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """One connection; see the module's docstring."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._in_flight = connections.in_flight
        self._limits = connections.limits
        self._loop = asyncio.get_running_loop()
        self._requests = RequestReader(connections.limits, connections.bodies, self._read_on, self._is_behind_proxy)
        self._transport: asyncio.Transport
        self._current: Exchange | None = None
        """The request in flight."""
        self._input_deadline = Deadline(self._loop)
        self._timed_phase: int | None = None
        """The phase of the reader for which `_input_deadline` is set."""
        self._output_deadline = Deadline(self._loop)
        """The time until which the client must have read the written bytes."""
        self._is_closing = False
        self._client_has_ended = False
        """Whether the client has ended its side: it sends no more."""
        self._ignored = 0
        """The number of bytes that arrived after the last request."""
        self._is_paused = False
        self._is_full = False
        self._drained: asyncio.Future[None] | None = None
        self._close_ends_answer = False
        """Whether the end of the connection marks the end of the answer. Then a truncated answer must end with RST."""

    # -- called by the event loop

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP's is one
        self._transport = transport
        self._requests.address = _address(transport.get_extra_info("sockname"))
        if self._connections.add(self):
            self._wait()
        else:
            self._refuse(Overloaded(_TOO_MANY))
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._is_closing = True
        self._connections.remove(self)
        self._input_deadline.end()
        self._output_deadline.end()
        self._requests.close()
        self._wake()

    def data_received(self, data: bytes) -> None:
        requests = self._requests
        if requests.is_broken or self._is_closing:
            self._ignored += len(data)
            if self._ignored > _MOST_LINGER_BYTES:
                self.abort()
            return
        requests.read(data)
        self._serve_next()
        requests.count()
        self._go_on()

    def eof_received(self) -> bool:
        """The client sends no more, but it may still read answers."""
        self._client_has_ended = True
        self._requests.end()
        return self._current is not None or bool(self._requests.ahead)

    def pause_writing(self) -> None:
        self._is_full = True
        self._output_deadline.set(self._limits.idle_seconds, self.abort)

    def resume_writing(self) -> None:
        self._is_full = False
        if not self._is_closing:  # a closing connection keeps its deadline: the client must read the rest in time
            self._output_deadline.clear()
        self._wake()
        self._go_on()

    # -- called by the server

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
        self._is_closing = True
        if self._close_ends_answer:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    # -- the request in flight

    def _go_on(self) -> None:
        self._serve_next()
        self._wait()

    def _leave_task(self) -> None:
        """Go on outside of this request's task. Otherwise the next request would run in it, and share its time-outs."""
        if self._requests.ahead:
            self._loop.call_soon(self._go_on)
        else:
            self._go_on()

    def _serve_next(self) -> None:
        """Serve the received requests until one must wait, or until the client does not read its answers."""
        requests = self._requests
        while requests.ahead and self._current is None and not self._is_closing and not self._is_full:
            self._serve(requests.ahead.popleft())
        if requests.is_broken and self._current is None and not requests.ahead and not self._is_closing:
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
        if self._current is exchange and (exchange.body is None or not exchange.body.is_awaited):  # or see `_read_on`
            self._connections.mark_busy(self)

    def _finish(self, exchange: Exchange, outcome: Answer | BaseException) -> None:
        self._answer(exchange, outcome)
        self._leave_task()

    def _answer(self, exchange: Exchange, outcome: Answer | BaseException) -> None:
        """Handle the answer that the application returned, or the error that it raised."""
        match outcome:
            case Answer(chunks=None):
                self._write(exchange, outcome)
            case Answer():
                self._in_flight.run(self._stream(exchange, outcome))
            case ClientWentAway():
                self._complete(exchange, ends=True)
            case HangUp():
                self._hang_up(exchange)
            case asyncio.CancelledError() if self._is_closing:  # the server stops, or the client has disconnected
                self._complete(exchange, ends=True)
            case error:
                self._log_failure("a request failed without an answer", exchange, error)
                self._hang_up(exchange)

    def _log_failure(self, message: str, exchange: Exchange, error: BaseException) -> None:
        _log.error(message, exc_info=error, extra={"request_id": exchange.request.ids.fbtrace_id})

    def _hang_up(self, exchange: Exchange) -> None:
        self.abort()
        self._complete(exchange, ends=True)

    def _write(self, exchange: Exchange, answer: Answer) -> None:
        ends = self._ends_after(exchange)
        if not self._is_closing:
            head = self._connections.heads.of(answer, close=ends)
            if exchange.is_head or not answer.body:
                self._transport.write(head)
            elif len(answer.body) < _IN_ONE_PIECE:
                self._transport.write(head + answer.body)
            else:
                self._transport.writelines((head, answer.body))
        self._complete(exchange, ends=ends)

    async def _stream(self, exchange: Exchange, answer: Answer) -> None:
        """Write a streamed answer, no faster than the client reads. A truncated answer must not look complete."""
        body = StreamedBody(answer, is_head=exchange.is_head, may_be_chunked=exchange.may_be_chunked)
        self._close_ends_answer = body.ends_with_connection
        ends = self._ends_after(exchange) or body.ends_with_connection
        is_whole = False
        try:
            if not self._is_closing:
                self._transport.write(self._connections.heads.of(answer, close=ends, chunked=body.is_chunked))
            async for piece in body.pieces():
                if self._is_closing:
                    break
                self._transport.write(piece)
                await self._until_read()
            is_whole = body.is_whole
        except Exception:
            is_whole = False  # the application has logged the error
        finally:
            try:
                await body.aclose()
            except Exception as error:
                is_whole = False
                self._log_failure("the source of an answer cannot be closed", exchange, error)
            finally:
                if self._close_ends_answer and not is_whole and not self._is_closing:
                    self.abort()
                self._close_ends_answer = False
                self._complete(exchange, ends=ends or not is_whole)
        self._leave_task()

    async def _until_read(self) -> None:
        if self._is_full and not self._is_closing:
            self._drained = self._loop.create_future()
            await self._drained

    def _wake(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _ends_after(self, exchange: Exchange) -> bool:
        """Whether the connection ends after the answer to this request."""
        if exchange.is_last or self._connections.is_stopping:
            return True
        body = exchange.body
        if body is not None and not body.is_whole:
            is_too_long = body.length is not None and body.length > self._limits.body  # see `RequestReader.count`
            if body.has_failed or exchange.waits_for_100 or is_too_long:
                return True
        return not self._requests.ahead and (self._requests.is_broken or self._client_has_ended)

    def _complete(self, exchange: Exchange, *, ends: bool) -> None:
        self._current = None
        self._timed_phase = None
        if exchange.body is not None:
            exchange.body.release()
        if ends or (not self._requests.ahead and (self._client_has_ended or self._connections.is_stopping)):
            self._end()

    # -- refusing and ending

    def _refuse(self, error: GraphError) -> None:
        """Send the error's answer without the application."""
        ids = request_ids()
        answer = failure(error, ids, answering_version(None))
        self._transport.write(self._connections.heads.of(answer, close=True) + answer.body)
        self._connections.meter.connection_refused(error.status, error.code)
        report = {"request_id": ids.fbtrace_id, "status": error.status, "code": error.code, "reason": error.message}
        _log.info("a request was refused", extra=report)

    def _end(self) -> None:
        """Close after the written bytes; first only our side, if the client may still send. See `_LINGER_SECONDS`."""
        if self._is_closing:
            return
        requests = self._requests
        is_silent = requests.awaited is Awaited.NEXT and not requests.ahead and not requests.is_broken
        if is_silent or self._client_has_ended:
            self._close()
            return
        self._is_closing = True
        self._ignored = 0
        self._connections.mark_idle(self)
        self._resume_reading()
        self._transport.write_eof()
        self._input_deadline.set(_LINGER_SECONDS, self._close)

    def _close(self) -> None:
        self._is_closing = True
        self._transport.close()
        if self.has_unread:
            self._output_deadline.set(self._limits.idle_seconds, self.abort)

    def _wait(self) -> None:
        """Set the deadline of the next input, and resume or pause reading."""
        if self._is_closing:
            return
        requests, current = self._requests, self._current
        body = requests.body
        if requests.ahead or (current is not None and (body is None or body is not current.body)):
            # A complete request is in flight, or waits until its client reads. Read at most one pipelined piece.
            self._input_deadline.clear()
            self._timed_phase = None
            if current is not None and current.body is not None:
                self._connections.mark_busy(self)  # its body has arrived meanwhile
            if requests.awaited is not Awaited.NEXT or requests.ahead or requests.is_broken:
                self._pause_reading()
            return
        if body is not None and body.must_pause and not body.is_unwanted:
            self._pause_reading()
        else:
            self._resume_reading()
        if self._timed_phase != requests.phase:
            self._timed_phase = requests.phase
            if current is None:
                self._connections.mark_idle(self)
            self._set_input_deadline(requests.awaited)

    def _set_input_deadline(self, awaited: Awaited) -> None:
        if awaited is Awaited.NEXT:
            self._input_deadline.set(self._limits.idle_seconds, self._close)
        elif awaited is Awaited.HEAD:
            self._input_deadline.set(self._limits.head_seconds, self._too_slow)
        else:
            self._input_deadline.set(self._limits.body_seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._requests.break_off(RequestTooSlow())
        self._serve_next()

    def _read_on(self) -> None:
        """Read the body that a handler waits for."""
        exchange = self._current
        if exchange is None or exchange.body is None:
            return
        if exchange.waits_for_100:
            exchange.waits_for_100 = False
            if not exchange.body.size:
                self._transport.write(_CONTINUE)
        if exchange.body.is_of_a_stranger:
            self._connections.mark_unproven(self)
        else:
            self._connections.mark_busy(self)
        self._wait()

    def _is_behind_proxy(self) -> bool:
        peer = self._transport.get_extra_info("peername")
        return isinstance(peer, tuple) and peer[0] in self._connections.proxies

    def _pause_reading(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._is_paused and not self._client_has_ended:
            self._is_paused = False
            self._transport.resume_reading()


def _address(socket_name: object) -> str:
    if not isinstance(socket_name, tuple):
        return "localhost"
    host, port = socket_name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
