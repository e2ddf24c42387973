"""A turn ends before the event loop receives bytes that were sent in it."""

import asyncio
import socket
import sys
from collections.abc import Callable
from functools import partial

import pytest

from wablock.turn import Turn

_LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop]
if sys.platform != "win32":
    import uvloop

    _LOOPS.append(uvloop.new_event_loop)


class _Receiver(asyncio.Protocol):
    """Calls `receive` with the bytes that arrive."""

    def __init__(self, receive: Callable[[bytes], None]) -> None:
        self._receive = receive

    def data_received(self, data: bytes) -> None:
        self._receive(data)


@pytest.mark.parametrize("new_loop", _LOOPS, ids=lambda new_loop: new_loop.__module__)
def test_bytes_that_are_sent_in_a_turn_arrive_in_a_later_one(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    events: list[str] = []

    async def run() -> None:
        turn, done = Turn(), asyncio.Event()
        with socket.socket() as first, socket.socket() as second:

            def receive(data: bytes) -> None:
                turn.receive(is_one_request=True)
                events.append(f"receive {data.decode()}")
                turn.at_end(lambda: events.append(f"end of {data.decode()}"))
                if data == b"first":
                    second.send(b"second")  # blocks until the system has it
                else:
                    done.set()

            server = await asyncio.get_running_loop().create_server(lambda: _Receiver(receive), "127.0.0.1", 0)
            async with server:
                for client in (first, second):
                    client.connect(server.sockets[0].getsockname())
                await asyncio.sleep(0.01)  # both connections are accepted
                first.send(b"first")
                await done.wait()
                await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(asyncio.wait_for(run(), 20))

    assert events == ["receive first", "end of first", "receive second", "end of second"]


async def test_a_turn_is_open_until_the_next_step_of_the_event_loop() -> None:
    turn = Turn()
    before = turn.is_open
    turn.receive(is_one_request=True)
    within = turn.is_open

    await asyncio.sleep(0)

    assert (before, within, turn.is_open) == (False, True, False)


async def test_a_turn_is_not_open_for_a_part_of_a_request() -> None:
    turn, calls = Turn(), list[str]()
    turn.receive(is_one_request=True)
    turn.at_end(lambda: calls.append("end"))

    turn.receive(is_one_request=False)

    assert (turn.is_open, calls) == (False, ["end"])
    turn.receive(is_one_request=True)
    assert turn.is_open
    await asyncio.sleep(0)


async def test_each_callback_of_a_turn_is_called_once() -> None:
    turn, calls = Turn(), list[int]()
    for number in range(3):
        turn.receive(is_one_request=True)
        turn.at_end(partial(calls.append, number))
    await asyncio.sleep(0)
    turn.receive(is_one_request=True)
    await asyncio.sleep(0)

    assert calls == [0, 1, 2]


async def test_a_turn_of_many_pieces_ends_early_and_does_not_open_again() -> None:
    turn, calls = Turn(), list[str]()
    turn.receive(is_one_request=True)
    turn.at_end(lambda: calls.append("end"))

    for _ in range(300):
        turn.receive(is_one_request=True)

    assert (turn.is_open, calls) == (False, ["end"])
    await asyncio.sleep(0)
    turn.receive(is_one_request=True)
    assert turn.is_open
    await asyncio.sleep(0)
