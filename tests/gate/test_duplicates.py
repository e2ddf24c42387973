"""Messages on their way to a receiver: each is in one delivery at a time."""

import asyncio
import time

import pytest
from tests.waiting import tasks_wait

from wablock.gate.duplicates import Delivered, StillInFlight
from wablock.gate.webhook.items import Message


def delivered() -> Delivered:
    return Delivered(60, time.monotonic)


async def carry(memory: Delivered, items: list[Message], moment: asyncio.Event, *, receiver: str = "r") -> bool:
    """Deliver until `moment`; return whether the receiver had some of the messages already."""
    async with memory.claimed(receiver, items, 5) as has_some:
        await moment.wait()
        if not has_some:
            memory.add(receiver, items)
    return has_some


async def test_a_copy_waits_and_learns_that_the_first_one_arrived() -> None:
    memory, moment = delivered(), asyncio.Event()
    first = asyncio.create_task(carry(memory, [Message(id="1")], moment))
    second = asyncio.create_task(carry(memory, [Message(id="2"), Message(id="1")], moment))
    await tasks_wait()

    assert not second.done()
    moment.set()

    assert (await first, await second) == (False, True)


async def test_a_copy_is_delivered_when_the_first_one_is_cancelled() -> None:
    memory, never, at_once = delivered(), asyncio.Event(), asyncio.Event()
    at_once.set()
    first = asyncio.create_task(carry(memory, [Message(id="1")], never))
    second = asyncio.create_task(carry(memory, [Message(id="1")], at_once))
    await tasks_wait()

    first.cancel()

    assert await asyncio.wait_for(second, 1) is False


async def test_a_copy_that_is_cancelled_while_it_waits_does_not_affect_the_others() -> None:
    memory, moment = delivered(), asyncio.Event()
    first, second, third = (asyncio.create_task(carry(memory, [Message(id="1")], moment)) for _ in range(3))
    await tasks_wait()

    second.cancel()
    await tasks_wait()
    moment.set()

    assert (await first, await third) == (False, True)


async def test_webhooks_with_each_others_messages_do_not_wait_forever() -> None:
    memory, moment = delivered(), asyncio.Event()
    orders = [["1", "2", "3"], ["3", "1"], ["2", "3"], ["3", "2", "1"]]
    tasks = [asyncio.create_task(carry(memory, [Message(id=it) for it in ids], moment)) for ids in orders]
    await tasks_wait()
    moment.set()

    assert len(await asyncio.wait_for(asyncio.gather(*tasks), 2)) == len(orders)


async def test_a_copy_waits_no_longer_than_its_limit() -> None:
    memory, never = delivered(), asyncio.Event()
    first = asyncio.create_task(carry(memory, [Message(id="1")], never))
    await tasks_wait()

    with pytest.raises(StillInFlight):
        async with memory.claimed("r", [Message(id="1")], 0.05):
            pass

    first.cancel()


async def test_another_receiver_and_a_message_without_an_id_do_not_wait() -> None:
    memory, never = delivered(), asyncio.Event()
    first = asyncio.create_task(carry(memory, [Message(id="1"), Message()], never))
    await tasks_wait()

    async with asyncio.timeout(1):
        async with memory.claimed("another", [Message(id="1")], 5) as has_some:
            assert not has_some
        async with memory.claimed("r", [Message()], 5) as has_some:
            assert not has_some

    first.cancel()
