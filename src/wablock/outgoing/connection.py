"""One HTTP/1.1 connection to a receiver, which sends one request after the other and reads each response's status."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, cast

import httptools

from wablock.deadline import Deadline
from wablock.turn_writes import TurnWrites

_LARGEST_RESPONSE: Final = 65_536  # bytes; only the status of a response is used
_LARGEST_REMEMBERED: Final = 1_024  # bytes
_IN_ONE_PIECE: Final = 65_536  # bytes; a shorter body is copied behind the head, because one write takes less time


class Broken(Exception):
    """The connection was closed, or the response is not HTTP. `unanswered`: no byte of a response had arrived."""

    def __init__(self, message: str, *, unanswered: bool = False) -> None:
        super().__init__(message)
        self.unanswered = unanswered


class ReceiverConnection(asyncio.Protocol):
    """A connection for one request at a time. `lost` is done once its socket is closed."""

    def __init__(self, turn: TurnWrites) -> None:
        self._turn = turn
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.idle_since = 0.0
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._response: asyncio.Future[int] | None = None
        self._reusable = True
        self._received = 0
        self._status = 0
        self._has_length = False
        self._usual = b""
        """The last response, if it came in one piece and the connection stayed open."""
        self._usual_status = 0
        self._unwritten: Sequence[bytes] = ()
        """The request, until it is written at the end of this turn of the event loop."""
        self._deadline = Deadline(loop)
        """By then the response must have arrived."""

    async def send(self, head: bytes, body: bytes, within: float | None = None) -> int:
        """Send a request and return the status of its response.

        Raises `Broken`, and `TimeoutError` if there is no response within `within` seconds.

        If the call is cancelled, the connection is closed. Otherwise a late response would be read as the response to
        the next request.
        """
        transport = self._transport
        if transport is None or not self._reusable:
            raise Broken("the connection was closed", unanswered=True)
        self._received = self._status = 0
        response: asyncio.Future[int] = self._loop.create_future()
        self._response = response
        if within is None:
            self._deadline.clear()
        else:
            self._deadline.set(within, self._time_out)
        self._unwritten = (head + body,) if len(body) < _IN_ONE_PIECE else (head, body)
        self._turn.add(self)
        try:
            return await response
        except BaseException:
            self.close()
            raise
        finally:
            self._response = None

    @property
    def is_open(self) -> bool:
        return self._reusable and self._transport is not None and not self._transport.is_closing()

    def write_now(self) -> None:
        """Write the request, unless it was cancelled or the connection was closed in the meantime."""
        parts, self._unwritten = self._unwritten, ()
        if parts and self._transport is not None and not self._transport.is_closing():
            self._transport.writelines(parts)

    def end_turn(self) -> None:
        """The next request may be sent in the same turn."""

    def close(self) -> None:
        self._reusable = False
        self._unwritten = ()
        if self._transport is not None:
            self._transport.abort()

    # -- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None or response.done() or self._unwritten:  # bytes without a request
            self.close()
            return
        if data == self._usual and not self._received and not self._writes():
            # The parser is between two responses, and would read the same bytes in the same way.
            response.set_result(self._usual_status)
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(f"its response is not HTTP/1.1: {_one_line(error)}")
        if not response.done():
            if self._received > _LARGEST_RESPONSE:
                self._stop_reading()
        elif self._reusable and self._received == len(data) <= _LARGEST_REMEMBERED:
            self._usual, self._usual_status = data, self._status

    def connection_lost(self, exc: Exception | None) -> None:
        if self._status and not self._has_length and exc is None:  # the connection ends the response
            self._return_status()
        else:
            self._fail(
                "it closed the connection in the middle of its response"
                if self._received
                else "it closed the connection"
            )
        self._reusable = False
        self._unwritten = ()
        self._deadline.end()
        self.lost.set_result(None)

    # -- called by httptools

    def on_message_begin(self) -> None:
        if self._response is None or self._response.done():  # a second response, or one without a request
            self.close()
        self._has_length = False

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"content-length":
                self._has_length = True
            case b"transfer-encoding":
                self._has_length = value.lower().endswith(b"chunked")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self._status = status if status >= 200 else 0  # after a 1xx status the final response follows

    def on_message_complete(self) -> None:
        if not self._status:
            return
        if not self._parser.should_keep_alive() or self._writes():
            self._return_status()
            self.close()
        else:
            self._return_status()

    def _writes(self) -> bool:
        """Whether a part of the request is not written yet."""
        return self._transport is None or self._transport.get_write_buffer_size() > 0

    def _time_out(self) -> None:
        response = self._response
        if response is not None and not response.done():
            response.set_exception(TimeoutError())

    def _stop_reading(self) -> None:
        if self._status:
            self._return_status()
            self.close()
        else:
            self._fail(f"the headers of its response did not end within {_LARGEST_RESPONSE:,} bytes")

    def _return_status(self) -> None:
        if self._response is not None and not self._response.done():
            self._response.set_result(self._status)

    def _fail(self, message: str) -> None:
        if self._response is not None and not self._response.done():
            self._response.set_exception(Broken(message, unanswered=not self._received))
        self.close()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
