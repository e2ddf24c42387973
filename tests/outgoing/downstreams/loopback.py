"""Receivers on loopback that a test controls, and posts to them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from wablock.gate.ports import Downstream
from wablock.outgoing.downstreams import HttpForwarder

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
SIGNED = {"x-hub-signature-256": "sha256=00"}

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


class Loopback:
    """A server. `connections` it had so far, and `requests`; `arrived` and `ended` can be waited for, once for each."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[bytes] = []
        self.arrived = asyncio.Semaphore(0)
        self.ended = asyncio.Semaphore(0)

    async def read(self, reader: Reader) -> bytes:
        """The bytes of one request."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        request = head + await reader.readexactly(length)
        self.requests.append(request)
        self.arrived.release()
        return request

    def to(
        self,
        path: str = "/hook",
        *,
        scheme: str = "http",
        host: str = "127.0.0.1",
        timeout: float = 5.0,
        headers: Mapping[str, str] | None = None,
        may_be_inside: bool = True,
        account_id: str = "",
    ) -> Downstream:
        url = f"{scheme}://{host}:{self.port}{path}"
        return Downstream(
            "d1",
            "1",
            url,
            timeout=timeout,
            headers=headers or {},
            may_be_inside=may_be_inside,
            account_id=account_id,
        )


@asynccontextmanager
async def serving(
    conversation: Callable[[Loopback, Reader, Writer], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[Loopback]:
    """Run `conversation` for each connection, and then close it."""
    loopback = Loopback()

    async def connected(reader: Reader, writer: Writer) -> None:
        loopback.connections += 1
        try:
            await conversation(loopback, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            loopback.ended.release()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    loopback.port = server.sockets[0].getsockname()[1]
    async with server:
        yield loopback


@asynccontextmanager
async def answering(*answers: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Loopback]:
    """Give every connection these answers in turn, one per request, then close it; repeat a single answer forever."""

    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        left = list(answers)
        while left:
            await loopback.read(reader)
            writer.write(left[0] if len(answers) == 1 else left.pop(0))
            await writer.drain()

    async with serving(conversation, tls) as loopback:
        yield loopback


@asynccontextmanager
async def sending(**options: Any) -> AsyncIterator[HttpForwarder]:
    sender = HttpForwarder(**options)
    try:
        yield sender
    finally:
        await sender.close()
