"""One connection: its bytes become requests, which are answered one after the other.

What comes in is bounded at every point: a head in size and time, a body in size and time, requests that are sent ahead
of their answers in number, all of them together in memory. While a request is at work and more is sent ahead, nothing
is read. What goes out is bounded by its reader: an answer is written no faster than it is read, and a client that reads
nothing loses its connection. Nothing is parsed behind bytes that are no HTTP: requests before them are answered, then
the connection ends.
"""

import asyncio
import logging
from collections import deque
from enum import Enum, auto
from typing import Final

import httptools
import msgspec

from wablock.contract.errors import GraphError, Overloaded, UnsupportedMethod
from wablock.contract.versions import answering_version
from wablock.server.answers import Answer, failure
from wablock.server.protocol.bodies import IncomingBody
from wablock.server.protocol.connections import Connections
from wablock.server.protocol.deadline import Deadline
from wablock.server.protocol.heads import (
    BadRequest,
    HeadTooLarge,
    RequestTooSlow,
    check_head,
    target,
)
from wablock.server.protocol.stepping import Rest
from wablock.server.protocol.streaming import StreamedBody
from wablock.server.request import NO_BODY, ClientWentAway, HangUp, Headers, Request
from wablock.server.request_ids import request_ids

_log = logging.getLogger("wablock.server")

_MOST_AHEAD: Final = 100  # requests before their answers
_LARGEST_CHUNKED: Final = 6  # bytes that a chunked body may take for each of its own
_LINGERS: Final = 2.0  # seconds: a close while bytes still come would take the answer from the client
_LINGERS_OVER: Final = 16_777_216  # bytes
_IN_ONE_PIECE: Final = 65_536  # bytes of a body that are copied behind the head
_TOO_MANY: Final = "Too many connections are open. Nothing was changed; try again."
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_SCHEMES: Final = ("http", "https")


class _Awaited(Enum):
    """What is still to come."""

    NEXT = auto()
    HEAD = auto()
    BODY = auto()


class _Exchange(msgspec.Struct):
    """A request, and what its answer needs to know of it."""

    request: Request
    body: IncomingBody | None
    is_last: bool
    may_be_chunked: bool
    waits_for_100: bool = False

    @property
    def is_head(self) -> bool:
        return self.request.method == "HEAD"


class Connection(asyncio.Protocol):
    """See the module."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._limits = connections.limits
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._arrival = Deadline(self._loop)
        self._reading = Deadline(self._loop)
        """Until when the client has to have read what was written."""
        self._transport: asyncio.Transport
        self._address = "localhost"
        self._peer = ""

        self._awaited = _Awaited.NEXT
        self._timed: _Awaited | None = None
        """What `_arrival` stands for."""
        self._url = b""
        self._headers: Headers = []
        self._incoming: IncomingBody | None = None
        """The body that is arriving."""
        self._has_begun = False
        """Whether a request began in the last piece: how much of that is its own is not known."""
        self._piece = 0
        """Bytes of the last piece."""
        self._offers = False
        """Whether the request that is arriving offers another protocol; see `_declined`."""
        self._size = 0
        """Bytes of the request that is arriving, after the piece in which it began."""
        self._ahead: deque[_Exchange] = deque()
        self._current: _Exchange | None = None
        self._is_broken = False
        """Whether nothing more is parsed."""
        self._refusal: GraphError | None = None
        """What is answered when all before it is."""
        self._ends = False
        self._has_ended = False
        """Whether the client sends no more."""
        self._is_paused = False
        self._is_full = False
        self._drained: asyncio.Future[None] | None = None

    # -- the event loop's side

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP's is one
        self._transport = transport
        self._address = _address(transport.get_extra_info("sockname"))
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
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
        if self._incoming is not None:
            self._incoming.went_away()
        for exchange in self._ahead:
            if exchange.body is not None:
                exchange.body.release()
        self._ahead.clear()
        self._wake()

    def data_received(self, data: bytes) -> None:
        if self._is_broken or self._ends:
            self._size += len(data)
            if self._size > _LINGERS_OVER:
                self.abort()
            return
        self._has_begun = False
        self._piece = len(data)
        self._parse(data)
        self._serve_next()
        if self._awaited is not _Awaited.NEXT:  # counted now: a handler may have found a token meanwhile
            self._count()
        self._wait()

    def eof_received(self) -> bool:
        """The client sends no more, but it may still read."""
        self._has_ended = True
        if self._incoming is not None:
            self._incoming.went_away()
        return self._current is not None or bool(self._ahead)

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
        if self._current is None and not self._ahead:
            self._close()

    def give_way(self) -> None:
        if self._current is None:
            self._close()
        else:
            self._break(Overloaded(_TOO_MANY))

    def abort(self) -> None:
        self._ends = True
        self._transport.abort()

    # -- httptools' side

    def on_message_begin(self) -> None:
        self._awaited = _Awaited.HEAD
        self._timed = None
        self._has_begun = True
        self._size = 0
        self._url = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._awaited is _Awaited.HEAD:  # what comes behind a chunked body means nothing
            self._headers.append((name.lower(), value.rstrip()))

    def on_headers_complete(self) -> None:
        is_small = self._has_begun and self._piece <= self._limits.head
        if not is_small and self._head_size() > self._limits.head:
            raise HeadTooLarge(self._limits.head)
        method = self._parser.get_method()
        if method == b"CONNECT":  # what follows it would be no HTTP
            raise UnsupportedMethod("CONNECT")
        last_values = dict(self._headers)
        self._offers = b"upgrade" in last_values and self._parser.should_upgrade()
        if self._offers:
            return
        if len(self._ahead) >= _MOST_AHEAD:
            raise Overloaded(f"Up to {_MOST_AHEAD} requests may be sent ahead of their answers.")
        self._ahead.append(self._exchange(method, last_values))
        self._awaited = _Awaited.BODY
        self._timed = None

    def on_body(self, body: bytes) -> None:
        if self._incoming is not None:
            self._incoming.add(body)

    def on_message_complete(self) -> None:
        if self._offers:
            return
        self._awaited = _Awaited.NEXT
        self._timed = None
        if self._incoming is not None:
            self._incoming.end()
            self._incoming = None
            if self._current is not None:
                self._connections.is_at_work(self)

    # -- what comes in

    def _parse(self, data: bytes) -> None:
        while True:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                data = self._declined() + data[offer.args[0] :]
                continue
            except httptools.HttpParserCallbackError as error:  # raised above
                cause = error.__context__
                self._break(cause if isinstance(cause, GraphError) else BadRequest())
            except httptools.HttpParserError as error:
                self._break(BadRequest(str(error)))
            return

    def _declined(self) -> bytes:
        """The head as if it offered nothing: Java's client offers HTTP/2 with every first request.

        The parser ends at such a head, body or not, so another one reads it again without the offer.
        """
        version = self._parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self._parser.get_method(), self._url, version)]
        lines += [name + b": " + value for name, value in self._headers if name != b"upgrade"]
        self._parser = httptools.HttpRequestParser(self)
        return b"\r\n".join([*lines, b"", b""])

    def _exchange(self, method: bytes, last_values: dict[bytes, bytes]) -> _Exchange:
        """The request whose head is complete. Raises `BadRequest`."""
        headers = self._headers
        version = self._parser.get_http_version()
        check_head(version, headers, last_values)
        is_new = version == "1.1"
        where = target(method, self._url)
        if where.host is not None:
            headers = [(name, value) for name, value in headers if name != b"host"] + [(b"host", where.host)]
            last_values[b"host"] = where.host
        body = self._body(last_values)
        request = Request(
            method.decode(),
            where.path,
            where.raw_path,
            where.query,
            headers,
            last_values,
            NO_BODY if body is None else body,
            self._scheme(last_values[b"x-forwarded-proto"]) if b"x-forwarded-proto" in last_values else "http",
            self._address,
        )
        is_last = not is_new or (b"connection" in last_values and not self._parser.should_keep_alive())
        expects = body is not None and is_new and last_values.get(b"expect", b"").lower() == b"100-continue"
        return _Exchange(request, body, is_last, is_new, expects)

    def _body(self, last_values: dict[bytes, bytes]) -> IncomingBody | None:
        length = last_values.get(b"content-length")
        if length is not None and int(length):
            self._incoming = IncomingBody(self._connections.bodies, int(length), self._read_on)
        elif b"transfer-encoding" in last_values:
            self._incoming = IncomingBody(self._connections.bodies, None, self._read_on)
        return self._incoming

    def _scheme(self, forwarded: bytes) -> str:
        scheme = forwarded.decode("latin-1").strip()
        return scheme if scheme in _SCHEMES and self._peer in self._connections.proxies else "http"

    def _head_size(self) -> int:
        return len(self._url) + sum(len(name) + len(value) for name, value in self._headers)

    def _count(self) -> None:
        """Bound what a request takes beside its body: names of a head in pieces, sizes and names of chunks."""
        body = self._incoming
        if body is not None:
            body.count()
            if body.is_unwanted and body.size > self._limits.body:
                self._break(HeadTooLarge(self._limits.head))
                self._serve_next()
        if self._has_begun:
            return
        self._size += self._piece
        if self._size > self._limits.head + _LARGEST_CHUNKED * (0 if body is None else body.size):
            self._break(HeadTooLarge(self._limits.head))
            self._serve_next()

    def _break(self, error: GraphError) -> None:
        """Parse nothing more. A request whose body it concerns fails with `error`, else it is answered in its turn."""
        self._is_broken = True
        if self._incoming is None:
            self._refusal = error
        else:
            self._incoming.fail(error)

    def _read_on(self) -> None:
        """A handler waits for its body."""
        exchange = self._current
        if exchange is None or exchange.body is None:
            return
        if exchange.waits_for_100:
            exchange.waits_for_100 = False
            if not exchange.body.size:
                self._transport.write(_CONTINUE)
        self._wait()

    # -- what is at work

    def _go_on(self) -> None:
        self._serve_next()
        self._wait()

    def _serve_next(self) -> None:
        """Serve what is there, until one has to wait or the client does not read its answers."""
        while self._ahead and self._current is None and not self._ends and not self._is_full:
            self._serve(self._ahead.popleft())
        if self._is_broken and self._current is None and not self._ahead and not self._ends:
            if self._refusal is not None:
                self._refuse(self._refusal)
            self._end()

    def _serve(self, exchange: _Exchange) -> None:
        self._current = exchange
        coroutine = self._connections.application(exchange.request)
        try:
            waits_for = coroutine.send(None)
        except StopIteration as done:
            answer: Answer = done.value
            if answer.chunks is None:
                self._write(exchange, answer)
            else:
                self._connections.is_at_work(self)
                self._connections.run(self._stream(exchange, answer))
        except ClientWentAway:
            self._is_over(exchange, ends=True)
        except HangUp:
            self.abort()
        except Exception:
            self._fail(exchange)
        else:
            if exchange.body is None or exchange.body.is_whole or not exchange.body.is_of_a_stranger:
                self._connections.is_at_work(self)
            else:
                self._connections.is_unproven(self)
            self._connections.run(self._finish(exchange, Rest(coroutine, waits_for)))

    async def _finish(self, exchange: _Exchange, rest: Rest[Answer]) -> None:
        try:
            answer = await rest
        except ClientWentAway:
            self._is_over(exchange, ends=True)
        except HangUp:
            self.abort()
        except Exception:
            self._fail(exchange)
        else:
            if answer.chunks is None:
                self._write(exchange, answer)
            else:
                await self._stream(exchange, answer)
            self._go_on()

    def _fail(self, exchange: _Exchange) -> None:
        """An application that raises what it should not has no answer."""
        _log.exception("a request has no answer", extra={"request_id": exchange.request.ids.fbtrace_id})
        self.abort()

    def _write(self, exchange: _Exchange, answer: Answer) -> None:
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

    async def _stream(self, exchange: _Exchange, answer: Answer) -> None:
        """Write a streamed answer, no faster than it is read. One that breaks off must not look whole."""
        body = StreamedBody(answer, is_head=exchange.is_head, may_be_chunked=exchange.may_be_chunked)
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
            await body.aclose()
            self._is_over(exchange, ends=ends or not is_whole)
        self._go_on()

    async def _until_read(self) -> None:
        if self._is_full and not self._ends:
            self._drained = self._loop.create_future()
            await self._drained

    def _wake(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _ends_after(self, exchange: _Exchange) -> bool:
        """Whether the connection ends with the answer to this request."""
        if exchange.is_last or self._connections.is_stopping:
            return True
        body = exchange.body
        if body is not None and not body.is_whole:
            left = 0 if body.length is None else body.length - body.size
            if body.has_failed or exchange.waits_for_100 or left > self._limits.body:
                return True
        return not self._ahead and (self._is_broken or self._has_ended)

    def _is_over(self, exchange: _Exchange, *, ends: bool) -> None:
        self._current = None
        self._timed = None
        if exchange.body is not None:
            exchange.body.release()
        if ends or (self._connections.is_stopping and not self._ahead):
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
        is_silent = self._awaited is _Awaited.NEXT and not self._ahead and not self._is_broken
        if is_silent or self._has_ended:
            self._close()
            return
        self._ends = True
        self._size = 0
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
        body = self._incoming
        if self._ahead or (self._current is not None and (body is None or body is not self._current.body)):
            # A whole request is at work, or waits for its client to read. More is sent ahead: one piece at most.
            self._arrival.clear()
            self._timed = None
            if self._awaited is not _Awaited.NEXT or self._ahead or self._is_broken:
                self._pause_reading()
            return
        if body is not None and body.is_ahead and not body.is_unwanted:
            self._pause_reading()
        else:
            self._resume_reading()
        if self._timed is self._awaited:
            return
        self._timed = self._awaited
        if self._awaited is _Awaited.NEXT:
            self._arrival.set(self._limits.idle_seconds, self._close)
            self._connections.is_idle(self)
        elif self._awaited is _Awaited.HEAD:
            self._arrival.set(self._limits.head_seconds, self._too_slow)
        else:
            self._arrival.set(self._limits.body_seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._break(RequestTooSlow())
        self._serve_next()

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
