"""A full or failing disk: writes fail, nothing is half done, reads work, and the store recovers without a restart."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import apsw
import pytest
from tests.faults.faulty_disk import FaultyDisk
from tests.storage.changes import ACCOUNT, NOON, block, is_blocked, listed, page, unblock
from tests.storage.meters import CountingMeter
from tests.storage.people import people, person
from tests.storage.test_directory import NUMBER, TOKEN

from wablock.block_list.ports import Outcome
from wablock.contract.errors import BlocklistInternalError
from wablock.storage import CannotOpen, SqliteStore

_names = (f"faulty-{number}" for number in itertools.count())
_DISK_ERRORS = [(apsw.FullError, "xWrite"), (apsw.IOError, "xWrite"), (apsw.IOError, "xSync")]
_EACH_DISK_ERROR = pytest.mark.parametrize("error, method", _DISK_ERRORS, ids=["full", "write-error", "sync-error"])


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    made = FaultyDisk(next(_names))
    yield made
    made.heal()


@pytest.fixture
async def store(disk: FaultyDisk, tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "wablock.db", CountingMeter(), vfs=disk.name)
    await opened.apply(block(person(1)))
    yield opened
    disk.heal()
    await opened.close()
    with contextlib.closing(apsw.Connection(str(tmp_path / "wablock.db"))) as connection:
        assert connection.pragma("integrity_check") == "ok"


def _reasons(failure: BaseException | None) -> Iterator[BaseException]:
    while failure is not None:
        yield failure
        failure = failure.__cause__


@_EACH_DISK_ERROR
async def test_a_change_fails_with_139103(
    store: SqliteStore, disk: FaultyDisk, error: type[apsw.Error], method: str
) -> None:
    disk.fail(error, method)

    with pytest.raises(BlocklistInternalError) as failure:
        await store.apply(block(person(2)))

    assert (failure.value.code, failure.value.is_transient) == (139103, True)
    assert any(isinstance(reason, error) for reason in _reasons(failure.value))


@_EACH_DISK_ERROR
async def test_a_failed_change_is_not_stored(
    store: SqliteStore, disk: FaultyDisk, error: type[apsw.Error], method: str
) -> None:
    before = await page(store)
    disk.fail(error, method)

    await asyncio.gather(store.apply(block(*people(100, start=2))), return_exceptions=True)

    assert await page(store) == before
    disk.heal()
    assert await page(store) == before


@_EACH_DISK_ERROR
async def test_reads_still_work(store: SqliteStore, disk: FaultyDisk, error: type[apsw.Error], method: str) -> None:
    disk.fail(error, method)
    await asyncio.gather(store.apply(block(person(2))), return_exceptions=True)

    assert await listed(store) == ["+16505550001"]
    assert await is_blocked(store, person(1))
    assert await store.find_token(TOKEN.digest) is None


@_EACH_DISK_ERROR
async def test_the_store_is_not_ready(
    store: SqliteStore, disk: FaultyDisk, error: type[apsw.Error], method: str
) -> None:
    disk.fail(error, method)

    assert not await store.is_ready()


@_EACH_DISK_ERROR
async def test_numbers_and_tokens_fail_with_the_same_error(
    store: SqliteStore, disk: FaultyDisk, error: type[apsw.Error], method: str
) -> None:
    disk.fail(error, method)

    with pytest.raises(BlocklistInternalError):
        await store.add_token(TOKEN)
    with pytest.raises(BlocklistInternalError):
        await store.add_number(NUMBER, NOON)

    disk.heal()
    assert await store.add_token(TOKEN)
    assert await store.add_number(NUMBER, NOON)


@_EACH_DISK_ERROR
async def test_the_store_is_ready_and_writes_after_the_disk_has_healed(
    store: SqliteStore, disk: FaultyDisk, error: type[apsw.Error], method: str
) -> None:
    disk.fail(error, method)
    await asyncio.gather(*(store.apply(block(it)) for it in people(3, start=2)), return_exceptions=True)

    disk.heal()

    assert await store.is_ready()
    assert not (await store.apply(block(person(2)))).refused
    assert not (await store.apply(unblock(person(1)))).refused
    assert await listed(store) == ["+16505550002"]


@_EACH_DISK_ERROR
async def test_a_disk_that_fails_and_heals_again_and_again_loses_nothing(
    store: SqliteStore, disk: FaultyDisk, error: type[apsw.Error], method: str
) -> None:
    expected = ["+16505550001"]

    for number in range(2, 12):
        disk.fail(error, method)
        await asyncio.gather(store.apply(block(person(number + 100))), return_exceptions=True)
        disk.heal()
        await store.apply(block(person(number)))
        expected.insert(0, person(number).input)

    assert await listed(store) == expected


@_EACH_DISK_ERROR
@pytest.mark.parametrize("good_for", [0, 1, 2, 3, 7, 20])
async def test_a_disk_that_fails_within_a_batch_leaves_each_request_whole_or_not_at_all(
    store: SqliteStore, disk: FaultyDisk, error: type[apsw.Error], method: str, good_for: int
) -> None:
    requests = [block(*people(30, start=100 * index)) for index in range(1, 6)]
    disk.fail(error, method, good_for=good_for)

    outcomes = await asyncio.gather(*map(store.apply, requests), return_exceptions=True)

    disk.heal()
    await store.apply(block(person(2)))
    for request, outcome in zip(requests, outcomes, strict=True):
        blocked = await store.blocked(ACCOUNT, request.list_id, request.members, NOON)
        assert [block is not None for block in blocked] == [isinstance(outcome, Outcome)] * 30


async def test_a_full_disk_is_tried_once_for_a_batch_not_for_each_change_in_it(
    store: SqliteStore, disk: FaultyDisk
) -> None:
    disk.fail(apsw.FullError, "xWrite")

    await asyncio.gather(*(store.apply(block(it)) for it in people(500, start=2)), return_exceptions=True)

    assert disk.failures < 10


@_EACH_DISK_ERROR
async def test_a_checkpoint_that_fails_loses_no_change(
    store: SqliteStore, disk: FaultyDisk, error: type[apsw.Error], method: str
) -> None:
    disk.fail(error, method, ending=".db")
    answered = []

    for index in range(1, 41):  # enough for a checkpoint, because each batch changes pages all over the index
        members = [person(index + 100 * place) for place in range(1_000)]
        (outcome,) = await asyncio.gather(store.apply(block(*members, at=NOON + index)), return_exceptions=True)
        answered += members if isinstance(outcome, Outcome) else []

    disk.heal()
    assert disk.failures
    assert not (await store.apply(block(person(2)))).refused
    assert all(await store.blocked(ACCOUNT, block().list_id, answered, NOON))


async def test_failed_reads_raise_and_work_again_after_the_disk_has_healed(
    store: SqliteStore, disk: FaultyDisk, tmp_path: Path
) -> None:
    await store.apply(block(*people(2_000, start=2)))
    other = SqliteStore(tmp_path / "wablock.db", CountingMeter(), vfs=disk.name)
    disk.fail(apsw.IOError, "xRead")

    with pytest.raises(BlocklistInternalError):
        await page(other)

    disk.heal()
    assert len((await page(other)).rows) == 1_000
    await other.close()


# SQLite itself ignores errors of the disk on close; apsw raises what a VFS in Python raised.


@_EACH_DISK_ERROR
async def test_a_store_that_is_closed_on_a_failing_disk_loses_nothing(
    disk: FaultyDisk, tmp_path: Path, error: type[apsw.Error], method: str
) -> None:
    store = SqliteStore(tmp_path / "wablock.db", CountingMeter(), vfs=disk.name)
    await store.apply(block(person(1)))
    disk.fail(error, method)

    await asyncio.gather(store.close(), return_exceptions=True)

    disk.heal()
    await store.close()
    again = SqliteStore(tmp_path / "wablock.db", CountingMeter(), vfs=disk.name)
    assert await is_blocked(again, person(1))
    await again.close()


@_EACH_DISK_ERROR
def test_opening_on_a_failing_disk_is_refused_in_one_line(
    disk: FaultyDisk, tmp_path: Path, error: type[apsw.Error], method: str
) -> None:
    disk.fail(error, method)

    with pytest.raises(CannotOpen) as refusal:
        SqliteStore(tmp_path / "wablock.db", CountingMeter(), vfs=disk.name)

    assert "\n" not in str(refusal.value)


@_EACH_DISK_ERROR
@pytest.mark.parametrize("good_for", range(1, 30, 4))
async def test_a_file_whose_set_up_failed_can_be_set_up_later(
    disk: FaultyDisk, tmp_path: Path, error: type[apsw.Error], method: str, good_for: int
) -> None:
    disk.fail(error, method, good_for=good_for)
    with contextlib.suppress(CannotOpen, apsw.Error):
        await SqliteStore(tmp_path / "wablock.db", CountingMeter(), vfs=disk.name).close()
    disk.heal()

    store = SqliteStore(tmp_path / "wablock.db", CountingMeter(), vfs=disk.name)

    assert not (await store.apply(block(person(1)))).refused
    await store.close()


async def test_a_file_that_cannot_be_opened_for_reading_is_refused(disk: FaultyDisk, tmp_path: Path) -> None:
    path = tmp_path / "wablock.db"
    await SqliteStore(path, CountingMeter(), vfs=disk.name).close()
    disk.fail(apsw.CantOpenError, "xOpen", ending=".db", good_for=2)  # checked and prepared, but not opened for reading

    with pytest.raises(CannotOpen, match="Cannot open the database"):
        SqliteStore(path, CountingMeter(), vfs=disk.name)
