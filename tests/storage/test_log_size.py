"""SQLite's log is copied into the database file when it is full, and then begins again at its start."""

import logging
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from tests.storage.changes import NOON, block, listed
from tests.storage.people import people, person

from wablock.server.metrics import Metrics
from wablock.storage.sqlite import SqliteStore
from wablock.storage.sqlite.connection import connect, prepare
from wablock.storage.sqlite.writes import BatchWriter

_PAGE = 4_096  # bytes
_FULL = 4_000  # pages
_SIZE = "SELECT count(*) FROM blocked_user"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "wablock.db", Metrics())
    yield store
    await store.close()


async def _commit(store: SqliteStore, times: int) -> None:
    """Commit many times. Each commit changes at least one page."""
    for number in range(times):
        await store.apply(block(person(number % 1_000), at=NOON + number))
        await store.apply(block(person(number % 1_000, f"reason {number}"), at=NOON + number))


def _log_pages(folder: Path) -> int:
    return (folder / "wablock.db-wal").stat().st_size // _PAGE


async def test_the_log_does_not_grow_beyond_its_limit(store: SqliteStore, tmp_path: Path) -> None:
    await _commit(store, 3_000)

    assert _FULL <= _log_pages(tmp_path) < 1.2 * _FULL


async def test_a_reader_that_stays_prevents_no_commit_and_afterwards_the_log_begins_again(
    store: SqliteStore, tmp_path: Path
) -> None:
    await store.apply(block(*people(10)))
    with closing(connect(tmp_path / "wablock.db")) as reader:
        reader.execute("BEGIN")
        size = reader.execute(_SIZE).get

        await _commit(store, 2_500)

        assert reader.execute(_SIZE).get == size
        reader.execute("COMMIT")
    grown = _log_pages(tmp_path)
    await _commit(store, 3_000)
    assert grown > 1.2 * _FULL
    assert _log_pages(tmp_path) < grown + 1.2 * _FULL


async def test_nothing_is_lost_when_the_log_begins_again(store: SqliteStore) -> None:
    await _commit(store, 2_500)

    assert len(await listed(store)) == 1_000


def test_a_log_that_cannot_be_copied_is_a_warning_and_the_next_batch_is_applied(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "wablock.db"
    prepare(path)
    may_open = True

    def connect_if_possible() -> apsw.Connection:
        if not may_open:
            raise apsw.CantOpenError("too many open files")
        return connect(path)

    with closing(BatchWriter(connect_if_possible)) as writer, caplog.at_level(logging.WARNING):
        may_open = False
        writer.restart_log()
        may_open = True

        outcomes = writer.apply([block(person(1))])

    assert "too many open files" in caplog.text
    assert not any(isinstance(outcome, Exception) for outcome in outcomes)
