"""Questions that share a query: who shares one, and that nobody is answered from before he asked."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.waiting import tasks_wait

from wablock.contract.errors import BlocklistInternalError
from wablock.failures import Overloaded
from wablock.storage.round_trips import RoundTrips


class HeldBack:
    """Answers with ten times the question, when it is told to."""

    def __init__(self) -> None:
        self.groups: list[Sequence[int]] = []
        self.go_on = asyncio.Event()

    async def answer(self, questions: Sequence[int]) -> Sequence[int]:
        self.groups.append(questions)
        await self.go_on.wait()
        if 13 in questions:
            raise ValueError
        return [10 * question for question in questions]


@pytest.fixture
async def database() -> HeldBack:
    return HeldBack()


def _asking(reads: RoundTrips[int, int], *questions: int) -> list[asyncio.Future[int]]:
    return [asyncio.ensure_future(reads.ask(question)) for question in questions]


async def test_questions_that_come_at_once_are_one_query(database: HeldBack) -> None:
    reads = RoundTrips(database.answer, at_once=1)
    database.go_on.set()

    answers = await asyncio.gather(*_asking(reads, *range(10)))

    assert answers == [10 * question for question in range(10)]
    assert database.groups == [list(range(10))]


async def test_whoever_asks_while_a_query_runs_is_answered_by_the_next(database: HeldBack) -> None:
    reads = RoundTrips(database.answer, at_once=1)
    first = _asking(reads, 1)
    await tasks_wait()

    later = _asking(reads, 2, 3)
    await tasks_wait()
    database.go_on.set()

    assert await asyncio.gather(*first, *later) == [10, 20, 30]
    assert database.groups == [[1], [2, 3]]


async def test_nobody_waits_for_a_query_that_has_just_ended() -> None:
    async def at_once(questions: Sequence[int]) -> Sequence[int]:
        return questions

    reads = RoundTrips(at_once, at_once=1)

    async def ask_again_and_again(question: int) -> None:
        for _ in range(200):
            await reads.ask(question)

    await asyncio.wait_for(asyncio.gather(*map(ask_again_and_again, range(5))), 30)


async def test_as_many_queries_run_at_once_as_may(database: HeldBack) -> None:
    reads = RoundTrips(database.answer, at_once=2)
    asking = []

    for question in (1, 2, 3):
        asking += _asking(reads, question)
        await tasks_wait()

    assert database.groups == [[1], [2]]
    database.go_on.set()
    await asyncio.gather(*asking)


async def test_no_more_than_may_go_together(database: HeldBack) -> None:
    reads = RoundTrips(database.answer, at_once=1, most_together=2)
    database.go_on.set()

    assert await asyncio.gather(*_asking(reads, *range(5))) == [0, 10, 20, 30, 40]

    assert database.groups == [[0, 1], [2, 3], [4]]


async def test_a_question_that_cannot_be_answered_fails_alone(database: HeldBack) -> None:
    reads = RoundTrips(database.answer, at_once=1)
    database.go_on.set()

    answers = await asyncio.gather(*_asking(reads, 12, 13, 14), return_exceptions=True)

    assert (answers[0], type(answers[1]), answers[2]) == (120, BlocklistInternalError, 140)


async def test_a_database_that_is_away_is_said_to_be_so_to_everybody_apart() -> None:
    async def away(_: Sequence[int]) -> Sequence[int]:
        raise Overloaded("away")

    reads = RoundTrips(away, at_once=1)

    one, other = await asyncio.gather(*_asking(reads, 1, 2), return_exceptions=True)

    assert isinstance(one, Overloaded)
    assert isinstance(other, Overloaded)
    assert one is not other


async def test_who_waits_behind_a_trip_that_does_not_arrive_does_not_wait_for_another() -> None:
    trips = 0
    go_on = asyncio.Event()

    async def away(_: Sequence[int]) -> Sequence[int]:
        nonlocal trips
        trips += 1
        await go_on.wait()
        raise Overloaded("away")

    reads = RoundTrips(away, at_once=1)
    first = _asking(reads, 1)
    await tasks_wait()
    behind = _asking(reads, 2, 3)
    await tasks_wait()

    go_on.set()
    told = await asyncio.gather(*first, *behind, return_exceptions=True)

    assert [type(it) for it in told] == [Overloaded] * 3
    assert trips == 1


async def test_who_would_wait_in_vain_is_refused_at_once(database: HeldBack) -> None:
    reads = RoundTrips(database.answer, at_once=1, is_stuck=lambda: bool(database.groups))
    waiting = _asking(reads, 1)
    await tasks_wait()

    with pytest.raises(Overloaded):
        await reads.ask(2)

    database.go_on.set()
    assert await asyncio.gather(*waiting) == [10]


async def test_a_caller_that_goes_away_takes_nobody_along(database: HeldBack) -> None:
    reads = RoundTrips(database.answer, at_once=1)
    asking = _asking(reads, 1, 2)
    await tasks_wait()

    asking[0].cancel()
    database.go_on.set()

    assert await asking[1] == 20


async def test_what_is_too_much_is_refused_at_once(database: HeldBack) -> None:
    reads = RoundTrips(database.answer, at_once=1, most_waiting=2)
    asking = _asking(reads, 1)
    await tasks_wait()
    asking += _asking(reads, 2, 3)
    await tasks_wait()

    with pytest.raises(Overloaded):
        await reads.ask(4)

    database.go_on.set()
    assert await asyncio.gather(*asking) == [10, 20, 30]
