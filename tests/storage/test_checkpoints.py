"""SQLite's log is copied into the database file beside the writer."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from tests.storage.changes import NOON, block
from tests.storage.people import person
from tests.waiting import wait_in_loop_until

from wablock.storage.sqlite.checkpoints import Checkpoints
from wablock.storage.sqlite.connection import connect, prepare
from wablock.storage.sqlite.writes import BatchWriter
from wablock.storage.writer_thread import WriterThread

_FULL_AFTER = 50  # pages
_PAGE = 4_096  # bytes
_SIZE = "SELECT count(*) FROM blocked_user"


class Copies:
    """Opens the connections that copy the log. They wait for `may_copy`; `error` is raised instead of opening one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.may_copy = threading.Event()
        self.may_copy.set()
        self.error: apsw.Error | None = None

    def connect(self) -> apsw.Connection:
        self.may_copy.wait(20)
        if self.error is not None:
            raise self.error
        return connect(self._path)


class Writing:
    """A writer with its checkpoints."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.copies = Copies(path)
        self.writer = BatchWriter(lambda: connect(path))
        self.thread = WriterThread("writer")
        self.checkpoints = Checkpoints(self.copies.connect, self.writer, self.thread, _FULL_AFTER)
        self._users = 0

    async def commit(self, times: int = 1) -> None:
        """Commit one user in each of `times` batches."""
        for _ in range(times):
            self._users += 1
            await self.thread.run(lambda: self.writer.apply([block(person(self._users), at=NOON + self._users)]))
            await self.checkpoints.after_commit()
            await asyncio.sleep(0)

    @property
    def log_size(self) -> int:
        """The pages in the log's file."""
        return Path(f"{self.path}-wal").stat().st_size // _PAGE

    async def close(self) -> None:
        await self.checkpoints.close()
        self.thread.close()
        self.writer.close()


@pytest.fixture
async def writing(tmp_path: Path) -> AsyncIterator[Writing]:
    path = tmp_path / "wablock.db"
    prepare(path)
    writing = Writing(path)
    yield writing
    writing.copies.may_copy.set()
    await writing.close()


async def test_the_log_stays_short(writing: Writing) -> None:
    await writing.commit(1_000)

    assert writing.log_size < 4 * _FULL_AFTER


async def test_commits_do_not_wait_for_a_copy(writing: Writing) -> None:
    writing.copies.may_copy.clear()

    await writing.commit(60)

    assert writing.writer.log_pages > _FULL_AFTER


async def test_a_copy_that_is_too_slow_delays_commits(writing: Writing) -> None:
    writing.copies.may_copy.clear()
    commits = asyncio.ensure_future(writing.commit(1_000))
    await wait_in_loop_until(lambda: writing.writer.log_pages >= 10 * _FULL_AFTER, "the log stays short")
    await asyncio.wait([commits], timeout=0.2)
    pages, was_done = writing.writer.log_pages, commits.done()

    writing.copies.may_copy.set()
    await commits

    assert pages < 12 * _FULL_AFTER
    assert not was_done


async def test_a_reader_of_the_log_delays_no_commit_and_the_log_is_short_again_after_it(writing: Writing) -> None:
    with closing(connect(writing.path)) as reader:
        reader.execute("BEGIN")
        size = reader.execute(_SIZE).get

        await writing.commit(200)

        assert reader.execute(_SIZE).get == size
        reader.execute("COMMIT")
    await writing.commit(400)
    assert writing.writer.log_pages < 4 * _FULL_AFTER


async def test_a_copy_that_fails_is_a_warning_and_the_next_commit_tries_again(
    writing: Writing, caplog: pytest.LogCaptureFixture
) -> None:
    writing.copies.error = apsw.IOError("the disk is gone")
    await writing.commit(100)
    writing.copies.error = None
    await writing.commit(500)

    assert "the disk is gone" in caplog.text
    assert writing.writer.log_pages < 4 * _FULL_AFTER


async def test_closing_waits_for_a_running_copy(writing: Writing) -> None:
    writing.copies.may_copy.clear()
    await writing.commit(60)

    close = asyncio.ensure_future(writing.close())
    await asyncio.wait([close], timeout=0.1)
    was_done = close.done()
    writing.copies.may_copy.set()
    await close

    assert not was_done
