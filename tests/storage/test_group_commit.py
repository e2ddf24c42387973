"""Batches of changes. A change that fails does not affect the others of its batch."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.storage.adapters import Opener
from tests.storage.changes import NOON, block, is_blocked, listed
from tests.storage.meters import CountingMeter
from tests.storage.people import people, person
from tests.waiting import tasks_wait

from wablock.block_list.changes import Change, Sweep
from wablock.block_list.ports import Outcome
from wablock.contract.errors import BlocklistInternalError, UnknownObject
from wablock.failures import Overloaded
from wablock.storage import Store
from wablock.storage.group_commit import Backlog, GroupCommit

pytestmark = pytest.mark.databases

_NO_TIME = 2**63  # no database can store it
_DONE = Outcome()


class ManualDatabase:
    """Makes batches durable after `go_on` is set."""

    def __init__(self) -> None:
        self.batches: list[Sequence[Change]] = []
        self.go_on = asyncio.Event()

    async def apply(self, changes: Sequence[Change]) -> Sequence[Outcome | Exception]:
        self.batches.append(changes)
        await self.go_on.wait()
        return [_DONE] * len(changes)


@pytest.fixture
async def meter() -> CountingMeter:
    return CountingMeter()


@pytest.fixture
async def store(tmp_path: Path, meter: CountingMeter, opener: Opener) -> AsyncIterator[Store]:
    opened = opener(tmp_path, meter)
    yield opened
    await opened.close()


async def test_concurrent_changes_share_batches(store: Store, meter: CountingMeter) -> None:
    await asyncio.gather(*(store.apply(block(member)) for member in people(200)))

    assert sum(meter.batches) == 200
    assert len(meter.batches) <= 3


async def test_a_single_change_does_not_wait(store: Store, meter: CountingMeter) -> None:
    await store.apply(block(person(1)))

    assert meter.batches == [1]


async def test_one_change_that_fails_does_not_fail_its_neighbours(store: Store) -> None:
    changes = [block(member, at=_NO_TIME if member == person(5) else NOON) for member in people(10)]

    outcomes = await asyncio.gather(*map(store.apply, changes), return_exceptions=True)

    assert [index for index, outcome in enumerate(outcomes) if not isinstance(outcome, Outcome)] == [5]
    assert isinstance(outcomes[5], BlocklistInternalError)
    assert await listed(store) == [member.input for member in reversed(people(10)) if member != person(5)]


async def test_a_failed_change_stores_nothing(store: Store) -> None:
    good, bad = person(1), person(2, expires_at=_NO_TIME)

    with pytest.raises(BlocklistInternalError):
        await store.apply(block(good, bad))

    assert not await is_blocked(store, good)


async def test_a_change_that_fails_alone_has_the_cause_of_its_error(store: Store) -> None:
    with pytest.raises(BlocklistInternalError) as failure:
        await store.apply(block(person(1), at=_NO_TIME))

    assert isinstance(failure.value.__cause__, OverflowError | asyncpg.DataError)
    assert failure.value.code == 139103


async def test_a_bug_is_logged_with_its_traceback(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    never: Any = None
    changes = [block(person(number), at=never if number == 1 else NOON) for number in range(3)]

    outcomes = await asyncio.gather(*map(store.apply, changes), return_exceptions=True)

    assert [isinstance(outcome, Exception) for outcome in outcomes] == [False, True, False]
    faults = [record.exc_info[0] for record in caplog.records if record.exc_info]
    assert set(faults) == {TypeError}


async def test_no_phone_number_is_logged(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    changes = [block(member, at=_NO_TIME if member == person(1) else NOON) for member in people(3)]

    await asyncio.gather(*map(store.apply, changes), return_exceptions=True)

    assert caplog.records
    assert "1650555" not in caplog.text


async def test_a_refusal_among_the_outcomes_is_that_callers_alone() -> None:
    refusal = UnknownObject("POST", "106540352242922")

    async def refuse_the_second(changes: Sequence[Change]) -> Sequence[Outcome | Exception]:
        return [refusal if index == 1 else _DONE for index in range(len(changes))]

    group = GroupCommit(refuse_the_second, CountingMeter(), Backlog())

    outcomes = await asyncio.gather(*(group.submit(block(it)) for it in people(3)), return_exceptions=True)

    assert outcomes == [_DONE, refusal, _DONE]


async def test_a_cancelled_caller_does_not_cancel_its_batch(store: Store) -> None:
    assert not await is_blocked(store, person(1))  # so that the store knows where the list is
    callers = [asyncio.ensure_future(store.apply(block(member))) for member in people(10)]
    await asyncio.sleep(0)

    callers[3].cancel()

    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert [isinstance(outcome, Outcome) for outcome in outcomes] == [index != 3 for index in range(10)]
    assert all([await is_blocked(store, member) for index, member in enumerate(people(10)) if index != 3])


async def test_changes_that_arrive_during_a_commit_share_the_next_batch() -> None:
    disk = ManualDatabase()
    group = GroupCommit(disk.apply, CountingMeter(), Backlog())
    callers = [asyncio.ensure_future(group.submit(block(member))) for member in people(1)]
    await tasks_wait()

    callers += [asyncio.ensure_future(group.submit(block(member))) for member in people(9, start=1)]
    disk.go_on.set()

    await asyncio.gather(*callers)
    assert [len(batch) for batch in disk.batches] == [1, 9]


async def test_a_batch_has_its_limit_in_users() -> None:
    disk = ManualDatabase()
    group = GroupCommit(disk.apply, CountingMeter(), Backlog())
    disk.go_on.set()

    await asyncio.gather(*(group.submit(block(*people(1_000))) for _ in range(25)))

    assert [len(batch) for batch in disk.batches] == [10, 10, 5]


async def test_a_change_past_the_limit_of_waiting_users_is_refused_immediately() -> None:
    disk, meter = ManualDatabase(), CountingMeter()
    group = GroupCommit(disk.apply, meter, Backlog(10))
    callers = [asyncio.ensure_future(group.submit(block(*people(5)))) for _ in range(2)]
    await tasks_wait()  # these are being written, and no longer wait
    callers += [asyncio.ensure_future(group.submit(block(*people(5)))) for _ in range(2)]
    await tasks_wait()

    with pytest.raises(Overloaded) as refusal:
        await asyncio.wait_for(group.submit(block(person(1))), timeout=0.01)

    assert (refusal.value.status, refusal.value.retry_after) == (503, 1)
    assert meter.refusals == 1
    disk.go_on.set()
    assert await asyncio.gather(*callers) == [_DONE] * 4


async def test_changes_are_accepted_again_after_an_overload() -> None:
    disk = ManualDatabase()
    group = GroupCommit(disk.apply, CountingMeter(), Backlog(1))
    callers = [asyncio.ensure_future(group.submit(Sweep(NOON, 0))) for _ in range(2)]
    await tasks_wait()

    disk.go_on.set()

    await asyncio.gather(*callers, return_exceptions=True)
    assert await group.submit(Sweep(NOON, 0)) == _DONE


async def test_a_change_larger_than_the_limit_is_accepted_when_nothing_waits() -> None:
    disk = ManualDatabase()
    group = GroupCommit(disk.apply, CountingMeter(), Backlog(10))
    disk.go_on.set()

    assert await group.submit(block(*people(50))) == _DONE


async def test_each_caller_gets_an_error_when_a_whole_batch_fails() -> None:
    async def fail(changes: Sequence[Change]) -> Sequence[Outcome | Exception]:
        raise ValueError(len(changes))

    group = GroupCommit(fail, CountingMeter(), Backlog())

    outcomes = await asyncio.gather(*(group.submit(block(it)) for it in people(3)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [BlocklistInternalError] * 3


async def test_the_callers_of_a_cancelled_batch_get_an_error() -> None:
    disk = ManualDatabase()
    group = GroupCommit(disk.apply, CountingMeter(), Backlog())
    before = asyncio.all_tasks()
    caller = asyncio.ensure_future(group.submit(block(person(1))))
    await tasks_wait()

    for task in asyncio.all_tasks() - before - {caller}:
        task.cancel()

    with pytest.raises(BlocklistInternalError):
        await asyncio.wait_for(caller, timeout=1)


async def test_draining_waits_for_all_submitted_changes() -> None:
    disk = ManualDatabase()
    group = GroupCommit(disk.apply, CountingMeter(), Backlog())
    callers = [asyncio.ensure_future(group.submit(block(*people(1_000)))) for _ in range(15)]
    await tasks_wait()

    asyncio.get_running_loop().call_later(0.01, disk.go_on.set)
    await group.drain()

    assert [len(batch) for batch in disk.batches] == [10, 5]
    assert await asyncio.gather(*callers) == [_DONE] * 15
