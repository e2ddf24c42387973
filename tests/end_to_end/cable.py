"""A connection from a node to its database that a test can cut, repair and tear."""

import asyncio
import contextlib
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from typing import Final

_AT_ONCE: Final = struct.pack("ii", 1, 0)  # SO_LINGER: a close is a reset
_PASSES_WITHIN: Final = 60  # seconds
_PIECE: Final = 65_536


class Cable:
    """Carries connections to `port` of this machine. What is on its way while it is cut comes later, as with TCP."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._far_port = port
        self._whole = asyncio.Event()
        self._whole.set()
        self._fateful: tuple[bytes, ...] = ()
        self._met = asyncio.Event()
        self._ends: set[StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """From now on nothing passes: no byte, no close, no refusal."""
        self._whole.clear()

    async def cut_before(self, *words: bytes) -> None:
        """Cut it when one of these texts is about to pass; return when it is cut."""
        self._fateful = words
        async with asyncio.timeout(_PASSES_WITHIN):
            await self._met.wait()

    def repair(self) -> None:
        self._whole.set()

    def tear(self) -> None:
        """Reset all connections; new ones are accepted."""
        for end in self._ends:
            end.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            end.transport.abort()

    async def carry(self, near: StreamReader, near_end: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        self._ends.add(near_end)
        far_end = None
        try:
            await self._whole.wait()
            far, far_end = await asyncio.open_connection("127.0.0.1", self._far_port)
            self._ends.add(far_end)
            await asyncio.gather(self._pass_on(near, far_end), self._pass_on(far, near_end))
        except (OSError, asyncio.CancelledError):
            pass  # the connection has ended either way; asyncio's streams log an error if a handler ends as cancelled
        finally:
            self._carrying.discard(task)
            for end in {near_end, far_end or near_end}:
                self._ends.discard(end)
                end.transport.abort()

    async def _pass_on(self, source: StreamReader, to: StreamWriter) -> None:
        while piece := await source.read(_PIECE):
            if any(words in piece for words in self._fateful):
                self._fateful = ()
                self._met.set()
                self.cut()
            await self._whole.wait()
            to.write(piece)
            await to.drain()
        await self._whole.wait()
        to.close()

    async def end(self) -> None:
        carrying = list(self._carrying)
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)


@contextlib.asynccontextmanager
async def cable_to(port: int) -> AsyncIterator[Cable]:
    """A cable whose near end is at its `port`."""
    cable = Cable(port)
    server = await asyncio.start_server(cable.carry, "127.0.0.1", 0)
    cable.port = server.sockets[0].getsockname()[1]
    try:
        yield cable
    finally:
        server.close()
        await cable.end()
