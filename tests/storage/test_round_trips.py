"""Questions that share a query. An answer is never older than its question."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.waiting import tasks_wait

from wablock.contract.errors import BlocklistInternalError
from wablock.failures import Overloaded
from wablock.storage.round_trips import RoundTrips


class ManualDatabase:
    """Answers with ten times the question, after `go_on` is set."""

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
async def database() -> ManualDatabase:
    return ManualDatabase()


def _asking(reads: RoundTrips[int, int], *questions: int) -> list[asyncio.Future[int]]:
    return [asyncio.ensure_future(reads.ask(question)) for question in questions]


async def test_concurrent_questions_share_one_query(database: ManualDatabase) -> None:
    reads = RoundTrips(database.answer, at_once=1)
    database.go_on.set()

    answers = await asyncio.gather(*_asking(reads, *range(10)))

    assert answers == [10 * question for question in range(10)]
    assert database.groups == [list(range(10))]


async def test_a_question_during_a_query_is_answered_by_the_next_one(database: ManualDatabase) -> None:
    reads = RoundTrips(database.answer, at_once=1)
    first = _asking(reads, 1)
    await tasks_wait()

    later = _asking(reads, 2, 3)
    await tasks_wait()
    database.go_on.set()

    assert await asyncio.gather(*first, *later) == [10, 20, 30]
    assert database.groups == [[1], [2, 3]]


async def test_no_question_waits_for_a_query_that_has_just_ended() -> None:
    async def at_once(questions: Sequence[int]) -> Sequence[int]:
        return questions

    reads = RoundTrips(at_once, at_once=1)

    async def ask_again_and_again(question: int) -> None:
        for _ in range(200):
            await reads.ask(question)

    await asyncio.wait_for(asyncio.gather(*map(ask_again_and_again, range(5))), 30)


async def test_at_most_at_once_queries_run_at_the_same_time(database: ManualDatabase) -> None:
    reads = RoundTrips(database.answer, at_once=2)
    asking = []

    for question in (1, 2, 3):
        asking += _asking(reads, question)
        await tasks_wait()

    assert database.groups == [[1], [2]]
    database.go_on.set()
    await asyncio.gather(*asking)


async def test_a_query_has_at_most_most_together_questions(database: ManualDatabase) -> None:
    reads = RoundTrips(database.answer, at_once=1, most_together=2)
    database.go_on.set()

    assert await asyncio.gather(*_asking(reads, *range(5))) == [0, 10, 20, 30, 40]

    assert database.groups == [[0, 1], [2, 3], [4]]


async def test_a_question_that_cannot_be_answered_fails_alone(database: ManualDatabase) -> None:
    reads = RoundTrips(database.answer, at_once=1)
    database.go_on.set()

    answers = await asyncio.gather(*_asking(reads, 12, 13, 14), return_exceptions=True)

    assert (answers[0], type(answers[1]), answers[2]) == (120, BlocklistInternalError, 140)


async def test_each_caller_gets_its_own_error_when_the_database_is_unreachable() -> None:
    async def unreachable(_: Sequence[int]) -> Sequence[int]:
        raise Overloaded("unreachable")

    reads = RoundTrips(unreachable, at_once=1)

    one, other = await asyncio.gather(*_asking(reads, 1, 2), return_exceptions=True)

    assert isinstance(one, Overloaded)
    assert isinstance(other, Overloaded)
    assert one is not other


async def test_questions_behind_a_failed_round_trip_fail_without_another() -> None:
    trips = 0
    go_on = asyncio.Event()

    async def unreachable(_: Sequence[int]) -> Sequence[int]:
        nonlocal trips
        trips += 1
        await go_on.wait()
        raise Overloaded("unreachable")

    reads = RoundTrips(unreachable, at_once=1)
    first = _asking(reads, 1)
    await tasks_wait()
    behind = _asking(reads, 2, 3)
    await tasks_wait()

    go_on.set()
    errors = await asyncio.gather(*first, *behind, return_exceptions=True)

    assert [type(error) for error in errors] == [Overloaded] * 3
    assert trips == 1


async def test_a_question_is_refused_immediately_when_the_database_is_stuck(database: ManualDatabase) -> None:
    reads = RoundTrips(database.answer, at_once=1, is_stuck=lambda: bool(database.groups))
    waiting = _asking(reads, 1)
    await tasks_wait()

    with pytest.raises(Overloaded):
        await reads.ask(2)

    database.go_on.set()
    assert await asyncio.gather(*waiting) == [10]


async def test_a_cancelled_caller_does_not_cancel_others(database: ManualDatabase) -> None:
    reads = RoundTrips(database.answer, at_once=1)
    asking = _asking(reads, 1, 2)
    await tasks_wait()

    asking[0].cancel()
    database.go_on.set()

    assert await asking[1] == 20


async def test_a_question_past_the_limit_is_refused_immediately(database: ManualDatabase) -> None:
    reads = RoundTrips(database.answer, at_once=1, most_waiting=2)
    asking = _asking(reads, 1)
    await tasks_wait()
    asking += _asking(reads, 2, 3)
    await tasks_wait()

    with pytest.raises(Overloaded):
        await reads.ask(4)

    database.go_on.set()
    assert await asyncio.gather(*asking) == [10, 20, 30]
