"""An upstream's answer is streamed as fast as its client reads, and a broken one never looks whole."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.running_server import RunningServer, running_server
from tests.server.raw_http import Answer, Connection, request
from tests.server.test_messages import serving, use
from tests.server.test_webhooks import KEY
from tests.server.waiting_upstream import MESSAGES, message
from tests.waiting import settled, wait_in_loop_until

from wablock.settings import GateSettings

PIECE: Final = b"x" * 65_536
TOTAL: Final = 1_024 * len(PIECE)  # far more than two systems store for two connections


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY, gate=GateSettings(pass_through=True)) as running:
        yield running


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_an_answer_that_is_not_read_stays_at_its_upstream(server: RunningServer, framing: str) -> None:
    written = 0
    in_chunks = framing == "chunks"

    async def answering(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        head = b"transfer-encoding: chunked" if in_chunks else b"content-length: %d" % TOTAL
        writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % head)
        while written < TOTAL:
            writer.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if in_chunks else PIECE)
            await writer.drain()
            written += len(PIECE)
        writer.write(b"0\r\n\r\n" if in_chunks else b"")
        await writer.drain()

    async with serving(then=answering) as upstream:
        await use(server, upstream)
        with Connection(server, receive_buffer=65_536) as client:
            client.send(message(server))
            taken_unread = await asyncio.to_thread(settled, lambda: written)

            await asyncio.to_thread(_read, client, TOTAL)
            await wait_in_loop_until(lambda: written == TOTAL, "the upstream does not get rid of its answer")

    assert taken_unread < TOTAL / 2


def _read(client: Connection, size: int) -> None:
    for _ in range(size // len(PIECE)):
        client.read(len(PIECE))


@pytest.mark.parametrize(
    "half",
    [
        b"content-length: 9\r\n\r\nhalf",
        b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"content-length: 9\r\n\r\n",
    ],
    ids=["length", "chunks", "head alone"],
)
async def test_an_answer_that_breaks_off_ends_its_connection(server: RunningServer, half: bytes) -> None:
    async def answering(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + half)
        await writer.drain()

    async with serving(then=answering) as upstream:
        await use(server, upstream)
        with Connection(server) as client:
            client.send(message(server))
            received = await asyncio.to_thread(_everything, client)

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert not received.endswith(b"0\r\n\r\n")
    assert received.partition(b"\r\n\r\n")[2] in (b"", b"half", b"4\r\nhalf\r\n")


def _everything(client: Connection) -> bytes:
    """All bytes until the server closes the connection."""
    received = b""
    try:
        while True:
            received += client.read(1)
    except ConnectionError:
        return received


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_an_answer_without_a_body_has_no_framing(server: RunningServer, status: str) -> None:
    async with serving(b"HTTP/1.1 %b\r\n\r\n" % status.encode()) as upstream:
        await use(server, upstream)
        with Connection(server) as client:
            answers = [await _answer(client, message(server), to_head=True) for _ in range(2)]

    for answer in answers:
        assert answer.status == int(status[:3])
        assert answer.headers.keys().isdisjoint({"content-length", "transfer-encoding"})


@pytest.mark.parametrize("framing", [b"content-length: 4\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n"])
async def test_an_answer_to_head_has_no_body(server: RunningServer, framing: bytes) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\n" + framing) as upstream:
        await use(server, upstream)
        with Connection(server) as client:
            answers = [await _answer(client, request(server, "HEAD", MESSAGES), to_head=True) for _ in range(2)]
            last = await _answer(client, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")

    assert [answer.status for answer in answers] == [200, 200]
    assert last.json == {"status": "ok"}


async def _answer(client: Connection, data: bytes, *, to_head: bool = False) -> Answer:
    client.send(data)
    return await asyncio.to_thread(lambda: client.answer(to_head=to_head))
