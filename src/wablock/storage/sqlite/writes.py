"""The one writer of a process, on SQLite: a batch of changes is one transaction. See `BlockStore.apply`."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import apsw

from wablock.block_list.changes import Change
from wablock.block_list.ports import Outcome
from wablock.block_list.transaction import Transaction
from wablock.contract.errors import BlocklistInternalError
from wablock.storage.sqlite.connection import BUSY_TIMEOUT_MS
from wablock.storage.sqlite.moves import TakesNoWrites, current
from wablock.storage.sqlite.tables import SqliteTables

_log = logging.getLogger("wablock.storage")

# Users' numbers lie all over the index, so several commits often change the same pages: a longer log is copied in less
# time for each commit. But while it is copied, commits wait.
_FULL_LOG: Final = 4_000  # pages, 16 MB
_READERS_END_WITHIN_MS: Final = 100  # a server's own reads take a few milliseconds
# Failures of the database itself: each change of the batch would fail as well, so none is retried.
_DATABASE_ERRORS = (
    apsw.FullError,
    apsw.IOError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.NoMemError,
    apsw.ProtocolError,
)


class BatchWriter:
    """Applies batches on its own connection, which it reopens after an error. Only one thread may use it."""

    def __init__(self, connect: Callable[[], apsw.Connection]) -> None:
        self._connect = connect
        self._connection: apsw.Connection | None = None
        self._log_pages = 0
        """The pages in the log after the last commit."""
        self._log_is_full_at = _FULL_LOG

    def apply(self, changes: Sequence[Change]) -> list[Outcome | Exception]:
        """Apply `changes` in one transaction, durable on return. Return an outcome for each, in order.

        If one change fails, the changes are applied one by one. If the database itself fails, none is.
        """
        try:
            with self.transaction() as connection:
                outcomes = Transaction(SqliteTables(connection), changes).apply()
        except TakesNoWrites as refusal:
            return [TakesNoWrites(refusal.move) for _ in changes]  # one for each: `raise` changes an exception
        except Exception as error:
            if not isinstance(error.__cause__, apsw.Error):  # a bug; other errors are logged already
                _log.exception("a batch of %s changes failed", len(changes))
            if len(changes) == 1 or isinstance(error.__cause__, _DATABASE_ERRORS):
                return [error] * len(changes)
            return [self.apply([change])[0] for change in changes]
        return outcomes

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """A transaction: durable when the block ends, rolled back if the block or the commit raises.

        Raises `TakesNoWrites` if the database was moved, or is being moved.
        """
        try:
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            move = current(connection)
            if move is not None:
                raise TakesNoWrites(move)
            yield connection
            connection.execute("COMMIT")
        except BaseException as error:
            # After a failed write or sync, this connection's cache of the file may be wrong.
            self.close()
            if isinstance(error, apsw.Error):
                raise _internal_error(error) from error
            raise

    def is_ready(self) -> bool:
        """Whether a transaction can be made durable now. It writes: a transaction can begin on a full disk.

        A database that was moved, or is being moved, is ready: it can be read.
        """
        try:
            with self.transaction() as connection:
                connection.pragma("user_version", connection.pragma("user_version"))
        except TakesNoWrites:
            pass
        return True

    @property
    def log_is_full(self) -> bool:
        return self._log_pages >= self._log_is_full_at

    def restart_log(self) -> None:
        """Copy the log into the database file, so that the next commit begins at its start.

        This waits for the readers of the log, but not long. If they do not end, the next attempt is after more commits.
        """
        try:
            connection = self._opened()
            connection.set_busy_timeout(_READERS_END_WITHIN_MS)
            with suppress(apsw.BusyError):  # a backup, for example, reads for a long time
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
            connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        except apsw.Error as error:
            _log.warning("the log was not copied into the database file; wablock will try again: %s", error)
            self.close()
        self._log_is_full_at = self._log_pages + _FULL_LOG

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(force=True)

    def _opened(self) -> apsw.Connection:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._connect()
            connection.set_wal_hook(self._note_log)
        if connection.in_transaction:  # a thread died in it
            connection.execute("ROLLBACK")
        return connection

    def _note_log(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        """SQLite calls this after each commit, instead of its own checkpoint."""
        self._log_pages = pages
        if pages < _FULL_LOG:
            self._log_is_full_at = _FULL_LOG
        return apsw.SQLITE_OK


def _internal_error(cause: Exception) -> BlocklistInternalError:
    _log.error("a write failed: %s: %s", type(cause).__name__, cause)
    error = BlocklistInternalError()
    error.__cause__ = cause
    return error
