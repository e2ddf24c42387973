"""A streamed answer leaves nothing behind if its client leaves or does not read, or its upstream breaks off."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from tests.running_server import RunningServer, running_server
from tests.server.open_connections import all_close
from tests.server.pieces import wait_until_read
from tests.server.raw_http import Connection
from tests.server.test_messages import serving, use
from tests.server.test_unread_answers import SCRIPT, SIZES
from tests.server.test_webhooks import KEY
from tests.server.waiting_upstream import message, send_to, waiting_upstream

from wablock.settings import LimitSettings

PIECE: Final = b"x" * 65_536


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY, limits=LimitSettings(idle_timeout=2)) as running:
        yield running


async def test_an_answer_whose_client_leaves_is_not_read_to_its_end(server: RunningServer) -> None:
    is_cut: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def answering(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        try:
            for _ in range(1_000):
                writer.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))
                await writer.drain()
                await asyncio.sleep(0.01)  # the stream is slow: it lasts longer than its client stays
        except ConnectionError:
            is_cut.set_result(True)
        else:
            is_cut.set_result(False)

    async with serving(then=answering) as upstream:
        await use(server, upstream)
        with Connection(server) as client:
            client.send(message(server))
            await asyncio.to_thread(client.read, 1_000_000)

        assert await is_cut


def test_unread_answers_are_dropped_after_an_answer_that_breaks_off(server: RunningServer) -> None:
    with (
        waiting_upstream(b"", first=b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf") as upstream,
        ExitStack() as stack,
    ):
        send_to(server, upstream)
        upstream.release()
        for size in SIZES:
            client = stack.enter_context(Connection(server, receive_buffer=1, segment=536))
            client.send(SCRIPT * size + message(server))
        wait_until_read(server)

        assert all_close(server)
