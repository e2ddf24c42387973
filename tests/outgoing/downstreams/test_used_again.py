"""Posts on a connection that is used again: their answers and their time limits."""

import asyncio

import pytest
from tests.outgoing.downstreams.loopback import OK, SIGNED, Loopback, Reader, Writer, answering, sending, serving
from tests.waiting import tasks_wait

from wablock.gate.ports import DeliveryRefused
from wablock.outgoing.downstreams import HttpForwarder

NO = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"


async def refusal_of(sender: HttpForwarder, loopback: Loopback) -> int | None:
    """The status with which the receiver refuses a post."""
    try:
        await sender.post(loopback.to(), b"{}", SIGNED)
    except DeliveryRefused as error:
        return error.status
    return None


async def test_an_answer_that_differs_from_the_last_one_is_read() -> None:
    answers = [OK, OK, NO, NO, OK, OK[:-2] + b"no", OK[:7] + b"0" + OK[8:]]
    async with answering(*answers, OK) as loopback, sending() as sender:
        refusals = [await refusal_of(sender, loopback) for _ in answers]
        await sender.post(loopback.to(), b"{}", SIGNED)

    assert refusals == [None, None, 500, 500, None, None, None]
    assert loopback.connections == 2  # HTTP/1.0 ends the first one


@pytest.mark.parametrize("answer", [OK, NO])
async def test_an_answer_that_repeats_the_last_one_in_pieces_is_read(answer: bytes) -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        while True:
            await loopback.read(reader)
            cut = len(loopback.requests) % 2 * 20
            writer.write(answer[:cut])
            await tasks_wait()
            writer.write(answer[cut:])

    async with serving(conversation) as loopback, sending() as sender:
        refusals = [await refusal_of(sender, loopback) for _ in range(6)]

    assert refusals == [500 if answer is NO else None] * 6
    assert loopback.connections == 1


async def test_the_last_answer_twice_closes_the_connection() -> None:
    async with answering(OK, OK + OK, OK) as loopback, sending() as sender:
        for _ in range(3):
            await sender.post(loopback.to(), b"{}", SIGNED)

    assert loopback.connections == 2


async def test_the_last_answer_before_the_body_was_read_closes_the_connection() -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        if not loopback.requests:
            await loopback.read(reader)
            writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.read()

    async with serving(conversation) as loopback, sending() as sender:
        await sender.post(loopback.to(), b"{}", SIGNED)
        await sender.post(loopback.to(), bytes(30_000_000), SIGNED)
        await sender.post(loopback.to(), b"{}", SIGNED)

    assert loopback.connections == 2


async def test_the_time_limit_of_an_earlier_post_does_not_end_a_later_one() -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        for pause in (0, 0, 0.3):  # the receiver is slow
            await loopback.read(reader)
            await asyncio.sleep(pause)
            writer.write(OK)

    async with serving(conversation) as loopback, sending() as sender:
        await sender.post(loopback.to(timeout=5), b"{}", SIGNED)
        await sender.post(loopback.to(timeout=0.2), b"{}", SIGNED)
        await sender.post(loopback.to(timeout=5), b"{}", SIGNED)

    assert loopback.connections == 1


async def test_a_shorter_time_limit_applies_after_a_longer_one() -> None:
    async def conversation(loopback: Loopback, reader: Reader, writer: Writer) -> None:
        for _ in range(2):
            await loopback.read(reader)
            writer.write(OK)
        await reader.read()

    async with serving(conversation) as loopback, sending() as sender, asyncio.timeout(5):
        for _ in range(2):
            await sender.post(loopback.to(timeout=30), b"{}", SIGNED)
        with pytest.raises(DeliveryRefused, match=r"within 0\.1 s"):
            await sender.post(loopback.to(timeout=0.1), b"{}", SIGNED)

    assert loopback.connections == 1
