"""One connection: it answers its requests one after the other, and every wait has a time limit.

All input is limited: heads and bodies in size and time, pipelined requests in number, and all bodies in memory. While a
request is in flight and more are pipelined, the connection reads nothing. For what it writes, see `output.py`.
"""

import asyncio
import logging
from functools import partial
from typing import Final

from wablock.deadline import Deadline
from wablock.failures import Overloaded
from wablock.server.answers import Answer
from wablock.server.protocol.connections import Connections
from wablock.server.protocol.heads import RequestTooSlow
from wablock.server.protocol.output import Output
from wablock.server.protocol.requests import Awaited, Exchange, RequestReader
from wablock.server.protocol.streaming import StreamedBody
from wablock.server.request import ClientWentAway, HangUp

_log = logging.getLogger("wablock.server")

# A close while bytes still arrive may destroy the answer. So the server first discards bytes, within these limits.
_LINGER_SECONDS: Final = 2.0
_MOST_LINGER_BYTES: Final = 16_777_216
_TOO_MANY: Final = "Too many connections are open. Nothing was changed. Try again."


class Connection(asyncio.Protocol):
    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._limits = connections.limits
        self._loop = asyncio.get_running_loop()
        bodies, repeated = connections.bodies, connections.repeated
        self._requests = RequestReader(self._limits, bodies, repeated, self._read_on, self._is_behind_proxy)
        self._transport: asyncio.Transport
        self._output: Output
        self._current: Exchange | None = None
        """The request in flight."""
        self._input_deadline = Deadline(self._loop)
        self._timed_phase: int | None = None
        """The phase of the reader for which `_input_deadline` is set."""
        self._client_has_ended = False
        """Whether the client has ended its side: it sends no more."""
        self._ignored = 0
        """The number of bytes that arrived after the last request."""
        self._is_paused = False

    # -- called by the event loop

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP's is one
        self._transport = transport
        self._output = Output(transport, self._limits.idle_timeout, self._connections.answers, self._leave_turn)
        self._requests.listens_on(transport.get_extra_info("sockname"))
        if self._connections.add(self):
            self._wait()
        else:
            self._output.write(self._connections.refusal(Overloaded(_TOO_MANY)))
            self._output.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._output.lost()
        self._connections.remove(self)
        self._input_deadline.end()
        self._requests.close()

    def data_received(self, data: bytes) -> None:
        requests = self._requests
        if requests.is_broken or self._output.is_ended:
            self._ignored += len(data)
            if self._ignored > _MOST_LINGER_BYTES:
                self._output.abort()
            return
        was_idle = self._current is None and not requests.ahead
        self._connections.turn.receive(is_one_request=requests.read(data) and was_idle)
        self._serve_next()
        if requests.awaited is not Awaited.NEXT:
            requests.count()  # this may end a request's body
            self._serve_next()
        self._wait()

    def eof_received(self) -> bool:
        """The client sends no more, but it may still read answers."""
        self._client_has_ended = True
        self._requests.end()
        self._output.write_now()
        return self._current is not None or bool(self._requests.ahead)

    def pause_writing(self) -> None:
        self._output.pause()

    def resume_writing(self) -> None:
        self._output.resume()
        self._go_on()

    # -- called by the server

    @property
    def has_unread(self) -> bool:
        return self._output.has_unread

    def stop(self) -> None:
        if self._current is None and not self._requests.ahead:
            self._output.close()

    def give_way(self) -> None:
        if self._current is None:
            self._output.close()
        else:
            self._requests.break_off(Overloaded(_TOO_MANY))

    def abort(self) -> None:
        self._output.abort()

    # -- the request in flight

    def _go_on(self) -> None:
        self._serve_next()
        self._wait()

    def _leave_task(self) -> None:
        """Continue outside of this request's task, so that the next request does not share its time-outs."""
        if not self._requests.ahead:
            self._go_on()
        elif not self._output.has_answered:
            self._loop.call_soon(self._go_on)

    def _leave_turn(self) -> None:
        if self._requests.ahead:
            self._loop.call_soon(self._go_on)

    def _serve_next(self) -> None:
        """Serve the next received request, unless the client does not read its answers.

        A turn serves one at most: the client may have sent the next one after the moment that the turn's reads see.
        """
        requests, output = self._requests, self._output
        if requests.ahead and self._current is None and not (output.is_ended or output.is_full or output.has_answered):
            self._serve(requests.ahead.popleft())
        if requests.is_broken and self._current is None and not requests.ahead and not self._output.is_ended:
            if requests.refusal is not None:
                self._output.write(self._connections.refusal(requests.refusal))
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
            self._connections.in_flight.finish(coroutine, waits_for, partial(self._finish, exchange))
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
                self._connections.in_flight.run(self._stream(exchange, outcome))
            case ClientWentAway():
                self._complete(exchange, ends=True)
            case HangUp():
                self._hang_up(exchange)
            case asyncio.CancelledError() if self._output.is_ended:  # the server stops, or the client has disconnected
                self._complete(exchange, ends=True)
            case error:
                request_id = exchange.request.ids.fbtrace_id
                _log.error("a request failed without an answer", exc_info=error, extra={"request_id": request_id})
                self._hang_up(exchange)

    def _hang_up(self, exchange: Exchange) -> None:
        self._output.abort()
        self._complete(exchange, ends=True)

    def _write(self, exchange: Exchange, answer: Answer) -> None:
        ends = self._ends_after(exchange)
        if not self._output.is_ended:
            head = self._connections.heads.of(answer, close=ends)
            self._output.answer(head, b"" if exchange.is_head else answer.body)
        self._complete(exchange, ends=ends)

    async def _stream(self, exchange: Exchange, answer: Answer) -> None:
        body = StreamedBody(answer, is_head=exchange.is_head, may_be_chunked=exchange.may_be_chunked)
        ends = self._ends_after(exchange) or body.ends_with_connection
        head = self._connections.heads.of(answer, close=ends, chunked=body.is_chunked)
        is_whole = False
        try:
            is_whole = await self._output.stream(head, body, exchange.request.ids.fbtrace_id)
        finally:
            self._complete(exchange, ends=ends or not is_whole)
        self._leave_task()

    def _ends_after(self, exchange: Exchange) -> bool:
        """Whether the connection ends after the answer to this request."""
        if exchange.is_last or self._connections.is_stopping:
            return True
        body = exchange.body
        if body is not None and not body.is_whole:
            is_too_long = body.length is not None and body.length > self._limits.max_body  # see `RequestReader.count`
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

    # -- waiting and ending

    def _end(self) -> None:
        """Close after the written bytes; first only our side, if the client may still send. See `_LINGER_SECONDS`."""
        if self._output.is_ended:
            return
        requests = self._requests
        is_silent = requests.awaited is Awaited.NEXT and not requests.ahead and not requests.is_broken
        if is_silent or self._client_has_ended:
            self._output.close()
            return
        self._ignored = 0
        self._connections.mark_idle(self)
        self._resume_reading()
        self._output.end()
        self._input_deadline.set(_LINGER_SECONDS, self._output.close)

    def _wait(self) -> None:
        """Set the deadline of the next input, and resume or pause reading."""
        if self._output.is_ended:
            return
        requests, current = self._requests, self._current
        body = requests.body
        if requests.ahead or (current is not None and (body is None or body is not current.body)):
            # A complete request is in flight, or waits until its client reads. Read at most one pipelined piece.
            self._input_deadline.clear()
            self._timed_phase = None
            if requests.ahead or (current is not None and current.body is not None):
                self._connections.mark_busy(self)  # the body has arrived meanwhile
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
            if requests.awaited is Awaited.NEXT:
                self._input_deadline.set(self._limits.idle_timeout, self._output.close)
            else:
                is_head, limits = requests.awaited is Awaited.HEAD, self._limits
                self._input_deadline.set(limits.head_timeout if is_head else limits.body_timeout, self._too_slow)

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
                self._output.write(b"HTTP/1.1 100 Continue\r\n\r\n")
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
