"""An upstream on loopback with answers that a test gives byte by byte."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from wablock.gate.ports import Upstream
from wablock.gate.send_request.request import JSON, SendRequest
from wablock.outgoing.upstreams import HttpSender, HttpUpstreamAnswer

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PATH = "/v25.0/106540352242922/messages"
MESSAGE = SendRequest(JSON, b"", b'{"to":"16505551234"}')
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Received(msgspec.Struct):
    line: str
    headers: dict[str, str]
    body: bytes


class Server:
    """`always` is its answer unless `answering` does something else."""

    def __init__(self, always: bytes) -> None:
        self.always = always
        self.received: list[Received] = []
        self.connections = 0
        self.port = 0
        self.has_received = asyncio.Event()

    def upstream(self, **changes: Any) -> Upstream:
        plain = Upstream("1", f"http://127.0.0.1:{self.port}", "upstream-token", timeout=10.0, may_be_inside=True)
        return msgspec.structs.replace(plain, **changes)

    async def read(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.received.append(Received(line, headers, body))
        self.has_received.set()


@asynccontextmanager
async def serving(
    always: bytes = OK,
    *,
    then: Answering | None = None,
    tls: ssl.SSLContext | None = None,
    callers_hang_up: bool = True,
) -> AsyncIterator[Server]:
    """`then` replaces `always`; the connection closes after it. At the end it waits until its callers have closed their
    connections, or closes them itself.
    """
    server = Server(always)

    under_way: set[asyncio.Task[None]] = set()
    connected_to: set[asyncio.StreamWriter] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read(reader)
            if then is not None:
                await then(reader, writer)
                return
            writer.write(server.always)
            await writer.drain()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        connected_to.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await converse(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for writer in () if callers_hang_up else connected_to:
            writer.close()
        async with asyncio.timeout(10):  # they end when their callers have closed
            await asyncio.gather(*under_way)


@asynccontextmanager
async def asking(
    upstream: Upstream,
    send_request: SendRequest = MESSAGE,
    headers: Iterable[tuple[bytes, bytes]] = (),
    *,
    method: str = "POST",
    path: str = PATH,
    upstreams: HttpSender | None = None,
) -> AsyncIterator[HttpUpstreamAnswer]:
    sender = upstreams or HttpSender()
    try:
        answer = await sender.pass_on(upstream, method, path, send_request, headers)
        try:
            yield answer
        finally:
            await answer.aclose()
    finally:
        if upstreams is None:
            await sender.close()


async def whole(answer: HttpUpstreamAnswer) -> bytes:
    return b"".join([chunk async for chunk in answer.chunks()])


def resolving_to(*hosts: str) -> Callable[[str, int], Awaitable[Sequence[Any]]]:
    async def resolver(_: str, port: int) -> Sequence[Any]:
        return [(2, 1, 6, "", (host, port)) for host in hosts]

    return resolver
