"""The server: it runs an application on a socket until it is stopped."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from functools import partial
from types import FrameType
from typing import Final

from wablock.server.protocol.connection import Connection
from wablock.server.protocol.connections import Application, ConnectionMeter, Connections
from wablock.settings import ServerSettings
from wablock.turn import Turn

if sys.platform == "win32":
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

_QUEUED: Final = 1_024  # connections that the system queues while the server is busy


class CannotListen(Exception):
    """The server cannot listen on the address. The message is one line with the reason."""


def bind(host: str, port: int) -> socket.socket:
    """A socket on the address. Port 0 chooses a free port. Raises `CannotListen`."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()  # now: otherwise another process could bind the same address, and fail later
    except (OSError, OverflowError, UnicodeError) as error:
        listener.close()
        raise CannotListen(f"Cannot listen on {host}:{port}: {error}") from error
    return listener


class Server:
    """An application on a socket. It enters the context of `running` before it answers, and leaves it at the end."""

    def __init__(
        self,
        application: Application,
        running: Callable[[], AbstractAsyncContextManager[None]],
        settings: ServerSettings,
        meter: ConnectionMeter,
        turn: Turn | None = None,
    ) -> None:
        """`turn`: the connections tell it when they receive bytes."""
        self._connections = Connections(application, settings, meter, turn or Turn())
        self._running = running
        self._backlog = settings.limits.max_connections + _QUEUED
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._hurry: asyncio.Event | None = None

    def run(self, listener: socket.socket, listening: Callable[[], None], *, signals: bool = False) -> None:
        """Serve on `listener` until `stop`. Then accept no more requests, finish those in flight, close it, and return.

        `listening` is called once it listens. With `signals`, SIGINT and SIGTERM stop it; a second SIGINT stops it at
        once.
        """
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(self._serve(listener, listening, signals=signals))

    def stop(self, number: int = signal.SIGINT) -> None:
        """Do what the signal `number` does. Any thread may call this."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop, number)

    async def _serve(self, listener: socket.socket, listening: Callable[[], None], *, signals: bool) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._stopping, self._hurry = asyncio.Event(), asyncio.Event()
        with _signals_to(self.stop) if signals else nullcontext():
            async with self._running():
                connection = partial(Connection, self._connections)
                server = await loop.create_server(connection, sock=listener, backlog=self._backlog)
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
    """Call `stop` on SIGINT and SIGTERM. The event loop's own handlers do not exist on Windows."""

    def handler(number: int, _: FrameType | None) -> None:
        stop(number)

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            if signal.getsignal(number) is handler:  # else `listening` set another handler
                signal.signal(number, previous)
