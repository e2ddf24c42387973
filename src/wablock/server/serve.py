"""Running an application on a socket, until it is told to stop."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from functools import partial
from types import FrameType
from typing import Final

from wablock.server.limits import Limits
from wablock.server.protocol.connection import Connection
from wablock.server.protocol.connections import Application, ConnectionMeter, Connections

if sys.platform == "win32":
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

_QUEUED: Final = 1_024  # connections that the system keeps, beside those that may be open, while the server is busy


class CannotListen(Exception):
    """The address cannot be listened on; the message says why, in one line."""


def bind(host: str, port: int) -> socket.socket:
    """A socket on the address, port 0 picking a free one; raises `CannotListen`."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen()  # or another process could still bind the same address, and fail later
    except (OSError, OverflowError, UnicodeError) as trouble:
        bound.close()
        raise CannotListen(f"Cannot listen on {host}:{port}: {trouble}") from trouble
    return bound


class Server:
    """An application on a socket. `running` is what has to be entered before it answers and left when it has."""

    def __init__(
        self,
        application: Application,
        running: Callable[[], AbstractAsyncContextManager[None]],
        limits: Limits,
        meter: ConnectionMeter,
        *,
        trusted_proxies: str = "127.0.0.1",
    ) -> None:
        self._connections = Connections(application, limits, meter, trusted_proxies)
        self._running = running
        self._backlog = limits.connections + _QUEUED
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._hurry: asyncio.Event | None = None

    def run(self, bound: socket.socket, listening: Callable[[], None], *, signals: bool = False) -> None:
        """Serve on `bound` until `stop`; then take nothing new, finish what is in flight, close it, and return.

        `listening` is called once it listens. With `signals` SIGINT and SIGTERM stop it, a second SIGINT at once.
        """
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(self._serve(bound, listening, signals=signals))

    def stop(self, number: int = signal.SIGINT) -> None:
        """As the signal `number` does; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop, number)

    async def _serve(self, bound: socket.socket, listening: Callable[[], None], *, signals: bool) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._stopping, self._hurry = asyncio.Event(), asyncio.Event()
        with _signals_to(self.stop) if signals else nullcontext():
            async with self._running():
                connection = partial(Connection, self._connections)
                server = await loop.create_server(connection, sock=bound, backlog=self._backlog)
                listening()
                await self._stopping.wait()
                server.close()
                await self._connections.stop(self._hurry)

    def _stop(self, number: int) -> None:
        if self._stopping is None or self._hurry is None:
            return
        if self._stopping.is_set() and number == signal.SIGINT:
            self._hurry.set()
        self._stopping.set()


@contextmanager
def _signals_to(stop: Callable[[int], None]) -> Iterator[None]:
    """Not by the event loop, which cannot on Windows."""

    def handler(number: int, _: FrameType | None) -> None:
        stop(number)

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            if signal.getsignal(number) is handler:  # `listening` may have set another
                signal.signal(number, previous)
