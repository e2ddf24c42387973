"""How a streamed answer ends: whole, or visibly broken off; and when its connection must end with it."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator

import pytest
from tests.http_request import all_received
from tests.server.applications import Pieces, get, serving_application, streamed
from tests.server.raw_http import Connection

from wablock.server.answers import Answer
from wablock.server.request import Request
from wablock.settings import LimitSettings

LENGTH = (b"content-length", b"5")


class _Slow(Pieces):
    """Pieces with a pause before each: slow by nature, so that what happens to its client comes first."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in super().__aiter__():
            await asyncio.sleep(0.3)
            yield piece


def _exchange(port: int, data: bytes) -> bytes:
    """All that the server sends until it ends its side. Raises `ConnectionResetError` if it breaks off."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(data)
        return all_received(client)


@pytest.mark.parametrize("pieces", [(b"who", b"le"), (b"whole",)], ids=repr)
def test_a_client_that_half_closes_during_a_stream_gets_the_whole_answer(pieces: tuple[bytes]) -> None:
    begun = threading.Event()

    async def application(_: Request) -> Answer:
        begun.set()
        return streamed(_Slow(*pieces), LENGTH)

    with (
        serving_application(application, LimitSettings(idle_timeout=60)) as server,
        socket.create_connection((server.host, server.port), timeout=30) as client,
    ):
        client.sendall(get())
        assert begun.wait(30)
        client.shutdown(socket.SHUT_WR)
        received = all_received(client)

    assert received.endswith(b"\r\n\r\nwhole")


def test_a_stream_without_a_length_ends_with_the_connection_in_http_1_0() -> None:
    async def application(_: Request) -> Answer:
        return streamed(Pieces(b"who", b"le"))

    with serving_application(application) as server:
        received = _exchange(server.port, b"GET / HTTP/1.0\r\n\r\n")

    assert received.endswith(b"connection: close\r\n\r\nwhole")


def test_a_stream_that_breaks_off_does_not_look_whole_in_http_1_0() -> None:
    async def application(_: Request) -> Answer:
        return streamed(_Slow(b"half", error=RuntimeError("broken off")))

    with serving_application(application) as server, pytest.raises(ConnectionResetError):
        _exchange(server.port, b"GET / HTTP/1.0\r\n\r\n")


def test_a_stream_that_a_stop_cuts_does_not_look_whole_in_http_1_0() -> None:
    async def application(_: Request) -> Answer:
        return streamed(_Slow(*[b"piece"] * 1_000))

    with serving_application(application, LimitSettings(shutdown_timeout=0.1)) as server:
        client = socket.create_connection((server.host, server.port), timeout=30)
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert client.recv(65_536)
    with client, pytest.raises(ConnectionResetError):
        all_received(client)


def test_a_stream_whose_client_leaves_is_closed_in_http_1_0() -> None:
    closed = threading.Event()

    class Endless(_Slow):
        async def aclose(self) -> None:
            closed.set()

    async def application(_: Request) -> Answer:
        return streamed(Endless(*[b"piece"] * 1_000))

    with serving_application(application) as server:
        with socket.create_connection((server.host, server.port), timeout=30) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.recv(65_536)

        assert closed.wait(30)


@pytest.mark.parametrize("pieces", [(b"hal",), (b"whole", b"more"), ()], ids=repr)
def test_a_stream_with_a_wrong_length_ends_the_connection(pieces: tuple[bytes]) -> None:
    async def application(_: Request) -> Answer:
        return streamed(Pieces(*pieces), LENGTH)

    with serving_application(application) as server:
        received = _exchange(server.port, get() * 2)

    assert received.count(b"HTTP/1.1 200 OK") == 1
    assert len(received.partition(b"\r\n\r\n")[2]) <= 5


@pytest.mark.parametrize("status", [204, 304])
def test_a_stream_with_a_status_that_has_no_body_writes_none(status: int) -> None:
    async def application(_: Request) -> Answer:
        return Answer(status, b"", chunks=Pieces(b"none of it"))

    with serving_application(application) as server, Connection(server) as connection:
        for _ in range(2):
            connection.send(get())

            answer = connection.answer(to_head=True)

            assert answer.status == status
            assert answer.headers.keys() == {"date"}
