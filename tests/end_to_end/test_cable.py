"""The cable of the drills: it carries bytes, and can be cut, repaired and torn."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from typing import Final

import pytest
from tests.end_to_end.cable import Cable, cable_to

_SILENCE: Final = 0.05  # seconds


async def _echo(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while piece := await reader.read(100):
            writer.write(piece)
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest.fixture
async def cable() -> AsyncIterator[Cable]:
    """A cable to a server that echoes."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    async with cable_to(server.sockets[0].getsockname()[1]) as cable:
        yield cable
    server.close()


async def test_bytes_sent_during_a_cut_arrive_after_the_repair(cable: Cable) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", cable.port)
    cable.cut()
    writer.write(b"hello")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(5), _SILENCE)

    cable.repair()

    assert await reader.readexactly(5) == b"hello"
    writer.close()


async def test_a_connection_is_neither_refused_nor_answered_during_a_cut(cable: Cable) -> None:
    cable.cut()

    reader, writer = await asyncio.open_connection("127.0.0.1", cable.port)
    writer.write(b"hello")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(5), _SILENCE)
    writer.close()


async def test_a_cable_is_cut_before_given_words_pass(cable: Cable) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", cable.port)
    cutting = asyncio.create_task(cable.cut_before(b"COMMIT"))
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"

    writer.write(b"COMMIT")
    await cutting

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(6), _SILENCE)
    writer.close()


async def test_a_torn_cable_resets_its_connections_and_accepts_new_ones(cable: Cable) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", cable.port)
    writer.write(b"hello")
    await reader.readexactly(5)

    cable.tear()

    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    reader, again = await asyncio.open_connection("127.0.0.1", cable.port)
    again.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    writer.close()
    again.close()
