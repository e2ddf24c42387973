"""One HTTP/1.1 connection to a receiver: a request, its answer's status, and again."""

import asyncio
import socket
from typing import Any, Final, cast

import httptools

_LARGEST_ANSWER: Final = 65_536  # bytes that are read of an answer which nobody looks at


class Broken(Exception):
    """The connection ended, or what came was no HTTP. `unanswered`: before any byte of an answer."""

    def __init__(self, message: str, *, unanswered: bool) -> None:
        super().__init__(message)
        self.unanswered = unanswered


class Connection(asyncio.Protocol):
    """Used by one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._answer: asyncio.Future[int] | None = None
        self._received = 0
        self._status = 0
        self.reusable = True
        self.used_before = False
        """Whether the request under way is not its first."""
        self._used = False
        self.idle_since = 0.0

    async def ask(self, head: bytes, body: bytes) -> int:
        """The status of the answer; raises `Broken`."""
        self.used_before, self._used = self._used, True
        transport = self._transport
        if transport is None or transport.is_closing():
            raise Broken("the connection was closed", unanswered=True)
        self._parser = httptools.HttpResponseParser(self)
        self._received = self._status = 0
        self._answer = asyncio.get_running_loop().create_future()
        transport.writelines((head, body))
        try:
            return await self._answer
        finally:
            self._answer = None

    @property
    def is_open(self) -> bool:
        return self.reusable and self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        connected = transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nobody asked
            self.close()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as fault:
            self._fail(f"the answer is no HTTP: {fault}")
        if self._received > _LARGEST_ANSWER and self._status >= 200:
            self.close()
            self._tell(self._status)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        if self._status >= 200:  # an answer that ends with its connection
            self._tell(self._status)
        else:
            self._fail("the connection was closed in the middle" if exc is None else f"{exc}")

    # -- httptools' side

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_message_complete(self) -> None:
        if self._status < 200:  # an interim answer: the real one follows
            self._status = 0
            return
        if not self._parser.should_keep_alive():
            self.close()
        self._tell(self._status)

    def _tell(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)

    def _fail(self, message: str) -> None:
        self.reusable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Broken(message, unanswered=self._received == 0))
        if self._transport is not None:
            self._transport.abort()
