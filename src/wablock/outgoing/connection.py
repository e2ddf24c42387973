"""One HTTP/1.1 connection to a receiver: a request, its answer's status, and again."""

import asyncio
from typing import Any, Final, cast

import httptools

_LARGEST_ANSWER: Final = 65_536  # bytes that are read of an answer which nobody looks at


class Broken(Exception):
    """The connection ended, or what came was no HTTP. `unanswered`: before any byte of an answer."""

    def __init__(self, message: str, *, unanswered: bool = False) -> None:
        super().__init__(message)
        self.unanswered = unanswered


class ReceiverConnection(asyncio.Protocol):
    """Used by one request at a time. `lost` is done once its socket is closed."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.idle_since = 0.0
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[int] | None = None
        self._reusable = True
        self._received = 0
        self._status = 0
        self._has_length = False

    async def ask(self, head: bytes, body: bytes, within: float | None = None) -> int:
        """The status of the answer; raises `Broken`, and `TimeoutError` after `within` seconds.

        Given up, it closes the connection: an answer that comes late would be taken for the next one's.
        """
        transport = self._transport
        if transport is None or not self.is_open:
            raise Broken("the connection was closed", unanswered=True)
        self._received = self._status = 0
        answer: asyncio.Future[int] = self._loop.create_future()
        self._answer = answer
        timer = None if within is None else self._loop.call_later(within, _time_out, answer)
        transport.writelines((head, body))
        try:
            return await answer
        except BaseException:
            self.close()
            raise
        finally:
            self._answer = None
            if timer is not None:
                timer.cancel()

    @property
    def is_open(self) -> bool:
        return self._reusable and self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        self._reusable = False
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None or answer.done():  # nobody asked
            self.close()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as fault:
            self._fail(f"its answer is no HTTP/1.1: {_one_line(fault)}")
        if self._received > _LARGEST_ANSWER and not answer.done():
            self._give_up_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._status and not self._has_length and exc is None:  # an answer may end with its connection
            self._tell()
        else:
            self._fail("it closed the connection in the middle" if self._received else "it closed the connection")
        self._reusable = False
        self.lost.set_result(None)

    # -- httptools' side

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.done():  # a second answer: it would be taken for the next one's
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
        self._status = status if status >= 200 else 0  # below, the real one follows

    def on_message_complete(self) -> None:
        if not self._status:
            return
        transport = self._transport
        if not self._parser.should_keep_alive() or transport is None or transport.get_write_buffer_size():
            self._tell()
            self.close()
        else:
            self._tell()

    def _give_up_reading(self) -> None:
        if self._status:
            self._tell()
            self.close()
        else:
            self._fail("the head of its answer does not end")

    def _tell(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._status)

    def _fail(self, message: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Broken(message, unanswered=not self._received))
        self.close()


def _time_out(answer: asyncio.Future[int]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


def _one_line(fault: Exception) -> str:
    return " ".join(str(fault).split()) or type(fault).__name__
