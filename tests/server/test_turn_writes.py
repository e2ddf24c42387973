"""Answers of one turn of the event loop are written together."""

import asyncio

import pytest
from tests.server.applications import serving_application, text
from tests.server.raw_http import Connection

from wablock.server.answers import Answer
from wablock.server.request import Request
from wablock.turn_writes import TurnWrites

_GET = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"


class Output:
    """Records what a turn does with it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def write_now(self) -> None:
        self.calls.append("write")

    def end_turn(self) -> None:
        self.calls.append("end")


@pytest.mark.parametrize("answers", [1, 15, 16, 17, 40])
async def test_every_answer_is_written_once_by_the_end_of_its_turn(answers: int) -> None:
    turn, outputs = TurnWrites(), [Output() for _ in range(answers)]
    for output in outputs:
        turn.add(output)

    await asyncio.sleep(0)

    assert [output.calls for output in outputs] == [["write", "end"]] * answers


async def test_answers_wait_for_the_end_of_their_turn() -> None:
    turn, output = TurnWrites(), Output()

    turn.add(output)

    assert output.calls == []
    await asyncio.sleep(0)


async def test_up_to_sixteen_answers_wait_for_each_other() -> None:
    turn, outputs = TurnWrites(), [Output() for _ in range(20)]

    for output in outputs:
        turn.add(output)

    assert [output.calls for output in outputs] == [["write"]] * 16 + [[]] * 4
    await asyncio.sleep(0)


async def test_the_next_turn_begins_without_answers() -> None:
    turn, first, second = TurnWrites(), Output(), Output()
    turn.add(first)
    await asyncio.sleep(0)
    turn.add(second)

    await asyncio.sleep(0)

    assert (first.calls, second.calls) == (["write", "end"], ["write", "end"])


def test_a_turn_serves_one_request_of_a_connection() -> None:
    turns: list[int] = []
    turn = 0

    async def count(_: Request) -> Answer:
        nonlocal turn
        turns.append(turn)
        asyncio.get_running_loop().call_soon(next_turn)
        return text("counted")

    def next_turn() -> None:
        nonlocal turn
        turn += 1

    with serving_application(count) as server, Connection(server) as connection:
        connection.send(b"".join(_GET % number for number in range(5)))
        answers = [connection.answer().status for _ in range(5)]

    assert (answers, turns) == ([200] * 5, [0, 1, 2, 3, 4])


@pytest.mark.parametrize("size", [0, 10, 100_000])
def test_an_answer_before_a_close_is_written(size: int) -> None:
    async def answer(_: Request) -> Answer:
        return text("a" * size)

    with serving_application(answer) as server, Connection(server) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

        assert len(connection.answer().body) == size
        assert connection.is_closed()


def test_an_answer_before_garbage_is_written_before_its_refusal() -> None:
    async def answer(_: Request) -> Answer:
        return text("first")

    with serving_application(answer) as server, Connection(server) as connection:
        connection.send(_GET % 1 + _GET % 2 + b"\x00garbage\r\n\r\n")

        assert [connection.answer().body for _ in range(2)] == [b"first"] * 2
