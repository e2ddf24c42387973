"""The requests of one turn of the event loop, which are written together."""

import asyncio
from typing import cast

import pytest
from tests.outgoing.downstreams.loopback import OK, SIGNED, answering, sending
from tests.waiting import tasks_wait

from wablock.outgoing.connection import Broken, ReceiverConnection
from wablock.turn_writes import TurnWrites


class WrittenTo(asyncio.Transport):
    """A transport that only remembers what it is given, for a connection that is not closed by its other side."""

    def __init__(self, connection: ReceiverConnection) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self._connection = connection
        self._is_closed = False
        connection.connection_made(self)

    def writelines(self, pieces: object) -> None:
        self.pieces += cast("list[bytes]", pieces)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._is_closed

    def abort(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)


def connected(turn: TurnWrites) -> tuple[ReceiverConnection, WrittenTo]:
    connection = ReceiverConnection(turn)
    return connection, WrittenTo(connection)


async def test_requests_of_one_turn_are_written_in_their_order_when_it_ends() -> None:
    turn = TurnWrites()
    connections = [connected(turn) for _ in range(3)]
    posts = [connection.send(b"head", b"body") for connection, _ in connections]

    for post in posts:
        post.send(None)
    written_before = [transport.pieces for _, transport in connections if transport.pieces]
    await asyncio.sleep(0)

    assert written_before == []
    assert [transport.pieces for _, transport in connections] == [[b"headbody"]] * 3
    for post in posts:
        post.close()


async def test_many_requests_of_one_turn_do_not_wait_for_its_end() -> None:
    turn = TurnWrites()
    connections = [connected(turn) for _ in range(20)]
    posts = [connection.send(b"head", b"body") for connection, _ in connections]

    for post in posts:
        post.send(None)

    assert [len(transport.pieces) for _, transport in connections] == [1] * 16 + [0] * 4
    for post in posts:
        post.close()


async def test_a_post_that_is_cancelled_before_it_is_written_sends_nothing() -> None:
    async with answering(OK) as loopback, sending() as sender:
        await sender.post(loopback.to(), b"one", SIGNED)
        post = sender.post(loopback.to(), b"two", SIGNED)
        post.send(None)
        with pytest.raises(asyncio.CancelledError):
            post.throw(asyncio.CancelledError())
        await tasks_wait()
        await sender.post(loopback.to(), b"three", SIGNED)

    assert [request.rpartition(b"\r\n")[2] for request in loopback.requests] == [b"one", b"three"]


async def test_bytes_that_arrive_before_the_request_is_written_are_no_response() -> None:
    connection, transport = connected(TurnWrites())
    post = asyncio.ensure_future(connection.send(b"head", b"body"))
    asyncio.get_running_loop().call_soon(connection.data_received, OK)  # after the first step of `post`

    with pytest.raises(Broken) as broken:
        await post

    assert broken.value.unanswered
    assert transport.pieces == []


async def test_a_connection_that_closes_before_the_request_is_written_gets_nothing() -> None:
    connection, transport = connected(TurnWrites())
    post = asyncio.ensure_future(connection.send(b"head", b"body"))
    asyncio.get_running_loop().call_soon(transport.abort)

    with pytest.raises(Broken) as broken:
        await post

    assert broken.value.unanswered
    assert transport.pieces == []
