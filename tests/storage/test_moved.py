"""A SQLite database that was moved, or is being moved: it can be read, and refuses writes."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from tests.storage.changes import ACCOUNT, NOON, block, is_blocked, listed, unblock
from tests.storage.meters import CountingMeter
from tests.storage.people import person

from wablock.block_list.changes import Change
from wablock.block_list.ports import BusinessNumber
from wablock.failures import Overloaded
from wablock.storage import CannotOpen, SqliteStore
from wablock.storage.sqlite import moves

TARGET = "postgresql://wablock@db.example/wablock"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wablock.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    """A store on a database with one user, which is being moved."""
    store = SqliteStore(path, CountingMeter())
    await store.apply(block(person(1)))
    moves.begin(path, "0123", TARGET, NOON)
    yield store
    await store.close()


async def test_it_can_be_read(store: SqliteStore) -> None:
    assert await listed(store) == ["+16505550001"]
    assert await is_blocked(store, person(1))


@pytest.mark.parametrize(
    "change", [block(person(2)), unblock(person(1)), unblock(person(9))], ids=["block", "unblock", "not-listed"]
)
async def test_a_change_is_refused_even_one_that_would_change_nothing(store: SqliteStore, change: Change) -> None:
    with pytest.raises(Overloaded, match="is being moved") as refusal:
        await store.apply(change)

    assert refusal.value.retry_after == 10
    assert await listed(store) == ["+16505550001"]


async def test_every_other_write_is_refused(store: SqliteStore) -> None:
    with pytest.raises(Overloaded):
        await store.add_number(BusinessNumber("106540352242923", ACCOUNT), NOON)


async def test_a_refused_change_does_not_delay_the_end_of_the_move(store: SqliteStore, path: Path) -> None:
    with pytest.raises(Overloaded):
        await store.apply(block(person(2)))

    moves.finish(path, "0123")

    with pytest.raises(Overloaded, match="was moved"):
        await store.apply(block(person(2)))


async def test_it_is_ready_for_reads(store: SqliteStore, path: Path) -> None:
    while_it_is_moved = await store.is_ready()
    moves.finish(path, "0123")

    assert while_it_is_moved
    assert await store.is_ready()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE blocked_user SET note = 'x'",
        "DELETE FROM blocked_user",
        "INSERT INTO block_list (list_id, account_id, version, size) VALUES ('1', '', 0, 0) ON CONFLICT DO NOTHING",
        "INSERT OR REPLACE INTO account (account_id, created_at) VALUES ('1', 1)",
    ],
)
@pytest.mark.usefixtures("store")
async def test_a_writer_that_does_not_check_for_moves_is_refused_too(path: Path, statement: str) -> None:
    with closing(apsw.Connection(str(path))) as connection, pytest.raises(apsw.ConstraintError, match="moved"):
        connection.execute(statement)


async def test_a_store_that_is_opened_during_a_move_can_read(store: SqliteStore, path: Path) -> None:
    another = SqliteStore(path, CountingMeter())

    assert await listed(another) == await listed(store)
    await another.close()


@pytest.mark.usefixtures("store")
async def test_a_moved_database_is_not_opened_and_the_error_names_the_new_one(path: Path) -> None:
    moves.finish(path, "0123")

    with pytest.raises(CannotOpen) as refusal:
        SqliteStore(path, CountingMeter())

    assert f"was moved to {TARGET}" in str(refusal.value)
    assert f"wablock migrate --give-up --from sqlite:///{path}" in str(refusal.value)
    assert "\n" not in str(refusal.value)


async def test_a_running_server_can_write_after_the_move_is_cancelled(store: SqliteStore, path: Path) -> None:
    moves.give_up(path)

    await store.apply(block(person(2), at=NOON + 1))

    assert await listed(store) == ["+16505550002", "+16505550001"]


async def test_a_replaced_move_stays_on_record(store: SqliteStore, path: Path) -> None:
    moves.begin(path, "4567", TARGET, NOON, moves.of_file(path))

    with closing(apsw.Connection(str(path))) as connection:
        assert [moves.is_known(connection, move_id) for move_id in ("0123", "4567", "89ab")] == [True, True, False]
        assert moves.current(connection) == moves.Move("4567", moves.MOVING, TARGET)
    assert await listed(store) == ["+16505550001"]


@pytest.mark.usefixtures("store")
async def test_only_the_current_move_can_be_finished(path: Path) -> None:
    moves.begin(path, "4567", TARGET, NOON, moves.of_file(path))

    with pytest.raises(CannotOpen, match="cancelled"):
        moves.finish(path, "0123")

    assert moves.of_file(path) == moves.Move("4567", moves.MOVING, TARGET)


@pytest.mark.usefixtures("store")
async def test_one_of_two_concurrent_moves_is_refused(path: Path) -> None:
    with pytest.raises(CannotOpen, match="Another wablock migrate"):
        moves.begin(path, "4567", TARGET, NOON, None)
