"""A writer thread that dies: no caller hangs, and the next write works."""

import asyncio
import ctypes
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.faults.faulty_disk import FaultyDisk
from tests.storage.changes import ACCOUNT, LIST, NOON, block, is_blocked, listed
from tests.storage.meters import CountingMeter
from tests.storage.people import people, person
from tests.waiting import tasks_wait

from wablock.block_list.changes import Block
from wablock.block_list.ports import Member, Outcome
from wablock.contract.errors import BlocklistInternalError
from wablock.storage import SqliteStore
from wablock.storage.writer_thread import WriterThread

# The tests kill the thread on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

_SOON = 3  # seconds: the thread is checked every tenth of a second; the rest is for a busy machine


def _die() -> None:
    """Kill the current thread from within: CPython 3.11 spins if a traced thread kills one that sleeps."""
    here = ctypes.c_ulong(threading.get_ident())
    ctypes.pythonapi.PyThreadState_SetAsyncExc(here, ctypes.py_object(SystemExit))


class _Deadly(list[Member]):
    """Members that kill the thread that reads them."""

    def __iter__(self) -> Iterator[Member]:
        _die()
        return super().__iter__()


@pytest.fixture
async def disk() -> FaultyDisk:
    return FaultyDisk("deadly")


@pytest.fixture
async def store(tmp_path: Path, disk: FaultyDisk) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "wablock.db", CountingMeter(), vfs=disk.name)
    await opened.apply(block(person(9_000)))  # so that there is a thread
    yield opened
    await opened.close()


async def test_a_job_whose_thread_dies_fails_soon() -> None:
    thread = WriterThread("mortal")

    with pytest.raises(BlocklistInternalError):
        await asyncio.wait_for(thread.run(_die), _SOON)


async def test_jobs_that_wait_behind_one_whose_thread_dies_fail_soon() -> None:
    thread = WriterThread("mortal")
    jobs = (lambda: time.sleep(0.05), _die, lambda: None, lambda: None)  # the first is long, so the others wait

    outcomes = await asyncio.wait_for(asyncio.gather(*map(thread.run, jobs), return_exceptions=True), _SOON)

    assert [type(outcome) for outcome in outcomes] == [type(None)] + [BlocklistInternalError] * 3


async def test_a_store_whose_thread_died_idle_writes_and_reads(store: SqliteStore) -> None:
    await asyncio.gather(store._thread.run(_die), return_exceptions=True)

    assert await is_blocked(store, person(9_000))
    assert not (await asyncio.wait_for(store.apply(block(person(1))), _SOON)).refused
    assert await is_blocked(store, person(1))


async def test_writes_to_a_dying_thread_get_a_fast_and_correct_result(store: SqliteStore) -> None:
    dying = asyncio.ensure_future(store._thread.run(_die))

    writes = asyncio.gather(*(store.apply(block(it)) for it in people(5)), return_exceptions=True)

    outcomes = await asyncio.wait_for(writes, _SOON)
    await asyncio.gather(dying, return_exceptions=True)
    written = [await is_blocked(store, it) for it in people(5)]
    assert written == [isinstance(outcome, Outcome) for outcome in outcomes]


async def test_a_store_whose_thread_died_idle_is_ready(store: SqliteStore) -> None:
    await asyncio.gather(store._thread.run(_die), return_exceptions=True)

    assert await asyncio.wait_for(store.is_ready(), _SOON)


async def test_a_thread_that_dies_in_a_batch_fails_all_its_changes_and_makes_none(store: SqliteStore) -> None:
    requests = [block(it) for it in people(10)]
    requests.insert(5, Block(LIST, ACCOUNT, NOON, "another user", _Deadly([person(50)])))

    outcomes = await asyncio.wait_for(asyncio.gather(*map(store.apply, requests), return_exceptions=True), _SOON)

    assert [type(outcome) for outcome in outcomes] == [BlocklistInternalError] * 11
    assert await listed(store) == ["+16505559000"]


@pytest.mark.parametrize("method, good_for", [("xWrite", 0), ("xWrite", 1), ("xWrite", 5), ("xSync", 0)])
async def test_a_thread_that_dies_while_it_commits_leaves_each_request_whole_or_not_at_all(
    store: SqliteStore, disk: FaultyDisk, method: str, good_for: int
) -> None:
    requests = [block(*people(50, start=100 * index)) for index in range(10)]
    disk.do(_die, method, good_for=good_for)

    outcomes = await asyncio.wait_for(asyncio.gather(*map(store.apply, requests), return_exceptions=True), _SOON)

    disk.heal()
    assert any(isinstance(outcome, BlocklistInternalError) for outcome in outcomes)
    for request, outcome in zip(requests, outcomes, strict=True):
        blocked = await store.blocked(ACCOUNT, LIST, request.members, NOON)
        assert all(blocked) or (not any(blocked) and isinstance(outcome, BlocklistInternalError))


@pytest.mark.parametrize("method", ["xWrite", "xSync"])
async def test_the_write_after_a_thread_died_while_it_committed_works(
    store: SqliteStore, disk: FaultyDisk, method: str
) -> None:
    disk.do(_die, method)
    await asyncio.gather(store.apply(block(person(1))), return_exceptions=True)
    disk.heal()

    assert not (await asyncio.wait_for(store.apply(block(person(2))), _SOON)).refused

    assert (await listed(store))[0] == "+16505550002"


async def test_a_store_whose_thread_died_can_be_closed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "other.db", CountingMeter())
    await store.apply(block(person(1)))
    await asyncio.gather(store._thread.run(_die), return_exceptions=True)

    await asyncio.wait_for(store.close(), _SOON)


async def test_a_long_job_can_finish() -> None:
    thread = WriterThread("long")

    def job() -> int:
        time.sleep(0.25)  # longer than the pause between two checks of the thread
        return 7

    assert await thread.run(job) == 7

    thread.close()


async def test_an_error_in_a_job_is_raised_to_its_caller() -> None:
    thread = WriterThread("error")

    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 // 0)

    thread.close()


async def test_jobs_of_cancelled_callers_affect_no_others() -> None:
    thread = WriterThread("deserted")
    release = threading.Event()
    callers = [asyncio.ensure_future(thread.run(release.wait)) for _ in range(2)]
    callers.append(asyncio.ensure_future(thread.run(lambda: bool(1 // 0))))
    await tasks_wait()

    for caller in callers:
        caller.cancel()
    release.set()

    assert await thread.run(lambda: 7) == 7
    thread.close()


def test_a_job_that_outlives_its_loop_ends_quietly() -> None:
    thread = WriterThread("late")
    release, ended = threading.Event(), threading.Event()

    def job() -> None:
        release.wait()
        ended.set()

    async def leave() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(thread.run(job), 0.02)

    asyncio.run(leave())
    release.set()
    thread.close()

    assert ended.is_set()
