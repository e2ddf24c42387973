"""`Checkpoints`: the log is copied into the database file beside the writer, so that commits do not wait for it.

SQLite's own checkpoint is a part of the commit that fills the log, and syncs the database file: one in thirty changes
of a busy server waited for 40 syncs. Here a second connection copies the log in its own thread, while commits continue.
They make the log longer, and SQLite begins again at its start only when all of it is copied and nobody reads it. So the
writer then copies the short rest between two commits, and waits a moment for the readers.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import apsw

from wablock.contract.errors import BlocklistInternalError
from wablock.storage.sqlite.writes import BatchWriter
from wablock.storage.writer_thread import WriterThread

_log = logging.getLogger("wablock.storage")

# Users' numbers lie all over the index, so the pages of several commits are often the same.
_FULL_AFTER: Final = 4_000  # pages, 16 MB
_FAR_BEHIND: Final = 10  # times as many pages: the copy is slower than the commits, which must wait for it


class Checkpoints:
    """The checkpoints of one writer, whose thread is `writing`. The log is full after `full_after` pages."""

    def __init__(
        self,
        connect: Callable[[], apsw.Connection],
        writer: BatchWriter,
        writing: WriterThread,
        full_after: int = _FULL_AFTER,
    ) -> None:
        self._connect = connect
        self._writer = writer
        self._writing = writing
        self._copying = WriterThread("wablock-checkpoints")
        self._full_after = full_after
        self._due_at = full_after
        """The number of pages in the log at which the next checkpoint starts. It grows while readers keep the log."""
        self._running: asyncio.Task[None] | None = None

    async def after_commit(self) -> None:
        """Start a checkpoint if the log is full. Returns when the next commit may begin."""
        pages = self._writer.log_pages
        if pages < self._full_after:
            self._due_at = self._full_after
        if pages < self._due_at:
            return
        if self._running is None:
            self._running = asyncio.create_task(self._checkpoint())
        if pages >= self._due_at + _FAR_BEHIND * self._full_after:
            await asyncio.wait([self._running])

    async def close(self) -> None:
        if self._running is not None:
            await asyncio.wait([self._running])
        self._copying.close()

    async def _checkpoint(self) -> None:
        try:
            await self._copying.run(self._copy)
            await self._writing.run(self._writer.restart_log)
        except (BlocklistInternalError, apsw.Error) as error:
            _log.warning("the log was not copied into the database file; wablock will try again: %s", error)
        finally:
            self._due_at = self._writer.log_pages + self._full_after
            self._running = None

    def _copy(self) -> None:
        connection = self._connect()
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        finally:
            connection.close()
