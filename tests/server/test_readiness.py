"""Readiness: the server checks its store rarely, and waits for it only briefly."""

import asyncio

from tests.server.turned_clock import TurnedClock

from wablock.server.readiness import Readiness


class CountingStore:
    """Counts how often it is checked; answers when a test lets it."""

    def __init__(self, *, answers: bool = True) -> None:
        self.checks = 0
        self.answering = asyncio.Event()
        if answers:
            self.answering.set()

    async def is_ready(self) -> bool:
        self.checks += 1
        await self.answering.wait()
        return True


async def test_the_store_is_checked_once_a_second_at_most() -> None:
    clock, store = TurnedClock(), CountingStore()
    readiness = Readiness(store.is_ready, clock)

    answers = [await readiness() for _ in range(10)]

    assert all(answers)
    assert store.checks == 1


async def test_a_check_that_is_a_second_old_is_repeated() -> None:
    clock, store = TurnedClock(), CountingStore()
    readiness = Readiness(store.is_ready, clock)
    await readiness()
    clock.turn(1)

    await readiness()

    assert store.checks == 2


async def test_a_store_that_does_not_answer_is_not_ready_and_is_not_checked_again() -> None:
    clock, store = TurnedClock(), CountingStore(answers=False)
    readiness = Readiness(store.is_ready, clock)

    answers = [await readiness(), await readiness()]
    clock.turn(60)
    answers.append(await readiness())

    assert answers == [False, False, False]
    assert store.checks == 1
    store.answering.set()
    assert await readiness()
