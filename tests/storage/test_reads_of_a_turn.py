"""On SQLite the reads of a turn of the event loop, in which requests arrive, share a transaction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from tests.storage.changes import block, listed
from tests.storage.people import person

from wablock.contract.errors import BlocklistInternalError
from wablock.server.metrics import Metrics
from wablock.storage.sqlite import SqliteStore
from wablock.storage.sqlite.connection import connect
from wablock.storage.sqlite.reader import Reader
from wablock.turn import Turn

_SIZE = "SELECT count(*) FROM blocked_user"
_REMOVE_ALL = "DELETE FROM blocked_user"


@pytest.fixture
def turn() -> Turn:
    return Turn()


@pytest.fixture
async def store(tmp_path: Path, turn: Turn) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "wablock.db", Metrics(), turn)
    await opened.apply(block(person(1)))
    yield opened
    await opened.close()


@pytest.fixture
async def reader(store: SqliteStore, turn: Turn, tmp_path: Path) -> AsyncIterator[Reader]:  # noqa: ARG001 - the file
    reader = Reader(connect(tmp_path / "wablock.db"), turn)
    yield reader
    reader.close()


def _remove_all(tmp_path: Path) -> None:
    """Remove all users, as another process does, within this turn."""
    with closing(connect(tmp_path / "wablock.db")) as other:
        other.execute(_REMOVE_ALL)


def _size(connection: apsw.Connection) -> int:
    size: int = connection.execute(_SIZE).get
    return size


def _fails(connection: apsw.Connection) -> None:
    connection.execute("SELECT no_such_column FROM blocked_user")


async def test_reads_of_an_open_turn_see_one_moment(reader: Reader, turn: Turn, tmp_path: Path) -> None:
    turn.receive(is_one_request=True)
    before = reader.read(_size)

    _remove_all(tmp_path)

    assert (before, reader.read(_size)) == (1, 1)


async def test_a_read_outside_of_a_turn_sees_every_commit(reader: Reader, tmp_path: Path) -> None:
    reader.read(_size)

    _remove_all(tmp_path)

    assert reader.read(_size) == 0


async def test_a_turn_that_opens_after_a_read_sees_the_commits_between_them(
    reader: Reader, turn: Turn, tmp_path: Path
) -> None:
    reader.read(_size)
    _remove_all(tmp_path)

    turn.receive(is_one_request=True)

    assert reader.read(_size) == 0


async def test_the_next_turn_sees_the_commits_of_other_processes(reader: Reader, turn: Turn, tmp_path: Path) -> None:
    turn.receive(is_one_request=True)
    reader.read(_size)
    _remove_all(tmp_path)

    await asyncio.sleep(0)

    assert reader.read(_size) == 0


async def test_a_callback_that_is_scheduled_in_a_turn_sees_later_commits(
    reader: Reader, turn: Turn, tmp_path: Path
) -> None:
    turn.receive(is_one_request=True)
    reader.read(_size)
    sizes: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: sizes.set_result(reader.read(_size)))

    _remove_all(tmp_path)

    assert await sizes == 0


async def test_a_turn_of_many_connections_sees_a_later_moment_at_last(
    reader: Reader, turn: Turn, tmp_path: Path
) -> None:
    turn.receive(is_one_request=True)
    reader.read(_size)
    _remove_all(tmp_path)

    for _ in range(256):
        turn.receive(is_one_request=True)

    assert reader.read(_size) == 0


async def test_a_read_for_a_part_of_a_request_sees_every_commit(reader: Reader, turn: Turn, tmp_path: Path) -> None:
    turn.receive(is_one_request=True)
    reader.read(_size)
    _remove_all(tmp_path)

    turn.receive(is_one_request=False)

    assert reader.read(_size) == 0


async def test_a_commit_of_this_process_is_seen_when_it_is_acknowledged(store: SqliteStore, turn: Turn) -> None:
    for number in range(2, 20):
        turn.receive(is_one_request=True)
        size = len(await listed(store))

        await store.apply(block(person(number)))

        assert len(await listed(store)) == size + 1


async def test_no_transaction_outlasts_its_turn(store: SqliteStore, turn: Turn, tmp_path: Path) -> None:
    turn.receive(is_one_request=True)
    await listed(store)
    await asyncio.sleep(0)

    with closing(connect(tmp_path / "wablock.db")) as other:
        other.execute(_REMOVE_ALL)
        _, frames_left = other.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    assert frames_left == 0


async def test_a_read_after_an_error_sees_the_newest_commit(reader: Reader, turn: Turn, tmp_path: Path) -> None:
    turn.receive(is_one_request=True)
    reader.read(_size)
    _remove_all(tmp_path)

    with pytest.raises(BlocklistInternalError):
        reader.read(_fails)

    assert reader.read(_size) == 0


async def test_a_reader_can_be_closed_within_a_turn(reader: Reader, turn: Turn) -> None:
    turn.receive(is_one_request=True)
    reader.read(_size)

    reader.close()

    await asyncio.sleep(0)
