"""Applications of a test's own, on a real server in a thread."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import msgspec

from wablock.server.answers import Answer, header_lines
from wablock.server.metrics import Metrics
from wablock.server.protocol.connections import Application
from wablock.server.serve import Server, bind
from wablock.settings import LimitSettings, ServerSettings

_WITHIN = 20  # seconds


class Served(msgspec.Struct, frozen=True):
    """Where the application listens."""

    host: str
    port: int


@contextmanager
def serving_application(application: Application, limits: LimitSettings | None = None) -> Iterator[Served]:
    listening = threading.Event()
    with bind("127.0.0.1", 0) as bound:
        server = Server(application, _nothing, ServerSettings(limits=limits or LimitSettings()), Metrics())
        port = bound.getsockname()[1]
        thread = threading.Thread(target=server.run, args=(bound, listening.set), name="served application")
        thread.start()
        try:
            assert listening.wait(_WITHIN), "the server does not listen"
            yield Served("127.0.0.1", port)
        finally:
            server.stop()
            thread.join(_WITHIN)
            assert not thread.is_alive(), "the server does not stop"


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


async def a_turn() -> None:
    """Wait for a future, as a database query does, until the next step of the event loop."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    loop.call_soon(future.set_result, None)
    await future


def text(body: str) -> Answer:
    return Answer(200, b"", body.encode())


def streamed(chunks: "Pieces", *headers: tuple[bytes, bytes]) -> Answer:
    return Answer(200, header_lines(headers), chunks=chunks)


class Pieces:
    """The chunks of a streamed answer. `error` is raised behind them, `closing_error` when they are closed."""

    def __init__(
        self, *pieces: bytes, error: BaseException | None = None, closing_error: Exception | None = None
    ) -> None:
        self._pieces = pieces
        self._error = error
        self._closing_error = closing_error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._error is not None:
            raise self._error

    async def aclose(self) -> None:
        if self._closing_error is not None:
            raise self._closing_error


def get(path: str = "/", *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: a", *headers, "", ""]).encode()


def post(body: bytes, length: int | None = None, path: str = "/") -> bytes:
    """If `length` is larger than `body`, the rest arrives later."""
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    return head.encode() + body
