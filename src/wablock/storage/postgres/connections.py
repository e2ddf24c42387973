"""Connections to the primary, and the one place where a transaction is retried."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from itertools import chain, repeat
from typing import Final, TypeVar

import asyncpg

from wablock.contract.errors import BlocklistInternalError, GraphError
from wablock.failures import Overloaded
from wablock.storage.postgres.sessions import LOST, REFUSED, Connection, open_pool
from wablock.storage.unreachable import Unreachable

T = TypeVar("T")

_log = logging.getLogger("wablock.storage")

_GIVE_UP_AFTER: Final = 10.0  # seconds; a standby mostly takes over within this time
_STUCK_AFTER: Final = 3.0  # seconds without an answer
_ANSWER_WITHIN: Final = 5.0  # seconds for one attempt: a broken network reports no error
_PAUSES: Final = (0.02, 0.05, 0.1, 0.2)  # seconds between attempts; the last one repeatedly

_BETWEEN_LOGS: Final = 1.0  # seconds: every request fails while a worker is dead

_NO_RESPONSE: Final = "The database does not answer. Nothing was changed. Try again."
_WORKER_FAILED: Final = (
    "The part of the database with this number's list does not answer. Nothing was changed. Try again."
)

# The transaction was rolled back, and can be retried.
_UNDONE: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)


class Connections:
    """At most `most` connections, which are opened when they are needed.

    Only one event loop may use them; another may after `close`.
    """

    def __init__(
        self,
        dsn: str,
        most: int,
        *,
        give_up_after: float = _GIVE_UP_AFTER,
        worker_failed: Callable[[], None] | None = None,
    ) -> None:
        """`worker_failed` is called when a worker of a Citus cluster fails, or does not respond in time. None: the
        database is not a cluster.
        """
        self._dsn = dsn
        self._worker_failed = worker_failed
        self._most = most
        self._give_up_after = give_up_after
        self._pool: asyncpg.Pool | None = None
        self._at_work = 0
        self._is_down = False
        self._answered_at = 0.0
        self._silent_until = 0.0

    async def run(
        self,
        work: Callable[[Connection], Awaitable[T]],
        *,
        again: bool = True,
        whole: bool = True,
        within: float = _ANSWER_WITHIN,
    ) -> T:
        """Run `work` on a connection. `work` makes its own transaction, or is one statement.

        It is retried if it was rolled back or the connection was lost, so it must be idempotent. `again` False: no
        retry if an attempt may have been done. `whole` False: it has several transactions; if one is rolled back,
        others may be done. An attempt counts as lost if it takes more than `within` seconds.

        Raises `Overloaded` if the database does not respond and nothing was done; `Unreachable` if something may have
        been done; `BlocklistInternalError` if the database reports an error.
        """
        if self.is_stuck():
            raise Overloaded(_NO_RESPONSE)
        if not self._at_work and not self._is_down:
            self._answered_at = asyncio.get_running_loop().time()
        self._at_work += 1
        try:
            if asyncio.current_task() is None:
                await asyncio.sleep(0)  # asyncpg's time-outs need a task, and the server starts requests without one
            return await self._repeated(work, again=again, whole=whole, within=within)
        finally:
            self._at_work -= 1

    async def _repeated(
        self, work: Callable[[Connection], Awaitable[T]], *, again: bool, whole: bool, within: float
    ) -> T:
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._give_up_after
        nothing_done = True
        for pause in chain(_PAUSES, repeat(_PAUSES[-1])):
            try:
                result = await self._attempt(work, give_up_at, whole=whole, within=within)
            except _WorkerFailed as error:  # a repetition would let others wait, whose worker is alive
                self._is_down, self._answered_at = False, loop.time()
                self._count_failure()
                raise self._given_up(error, _WORKER_FAILED, nothing_done=nothing_done and again) from error.__cause__
            except _Again as error:
                nothing_done = nothing_done and error.nothing_done
                self._is_down = True
                if loop.time() > give_up_at or not (again or nothing_done):
                    if not error.nothing_done:  # it was connected
                        self._count_failure()
                    raise self._given_up(error, _NO_RESPONSE, nothing_done=nothing_done) from error.__cause__
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                failure = BlocklistInternalError() if nothing_done else Unreachable()
                raise _failure(failure, error) from error
            else:
                self._is_down, self._answered_at = False, loop.time()
                return result
            await asyncio.sleep(pause)
        raise AssertionError("the pauses never end")

    def _count_failure(self) -> None:
        if self._worker_failed is not None:
            self._worker_failed()

    def _given_up(self, error: Exception, details: str, *, nothing_done: bool) -> GraphError:
        now = asyncio.get_running_loop().time()
        if now >= self._silent_until:
            self._silent_until = now + _BETWEEN_LOGS
            cause = error.__cause__ or error
            _log.error("the database does not answer: %s: %s", type(cause).__name__, cause)
        return Overloaded(details) if nothing_done else Unreachable()

    def is_stuck(self) -> bool:
        """Whether callers wait, and the database has not responded for some time."""
        return self._at_work > 0 and asyncio.get_running_loop().time() - self._answered_at > _STUCK_AFTER

    async def close(self) -> None:
        """Returns when every connection is closed. Does not wait for callers that still use one."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                await asyncio.wait_for(pool.close(), _ANSWER_WITHIN)
            except (TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                pool.terminate()

    async def _attempt(
        self, work: Callable[[Connection], Awaitable[T]], give_up_at: float, *, whole: bool, within: float
    ) -> T:
        loop = asyncio.get_running_loop()
        pool = await self._opened()
        try:
            connection = await pool.acquire(timeout=max(give_up_at - loop.time(), 0.1))
        except REFUSED as error:
            raise _Again(nothing_done=True) from error
        except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            if pool.is_closing():
                raise
            raise _Again(nothing_done=True) from error  # it was lost while it was prepared
        # Not asyncpg's own timeout, which cancels: a COMMIT that is cancelled while it waits for a standby is done.
        watch = loop.call_later(within, _cut_off, connection)
        try:
            return await work(connection)
        except _UNDONE as error:
            raise _Again(nothing_done=whole) from error
        except LOST as error:
            is_cluster = self._worker_failed is not None
            if is_cluster and isinstance(error, asyncpg.PostgresConnectionError) and not _is_lost(connection):
                # Citus reports a dead worker like this, on a connection that is alive.
                raise _WorkerFailed from error
            _cut_off(connection)
            raise _Again(nothing_done=isinstance(error, asyncpg.ReadOnlySQLTransactionError)) from error
        except asyncpg.InternalClientError as error:
            # A connection refuses every request while it is being closed.
            _cut_off(connection)
            raise _Again(nothing_done=False) from error
        except asyncpg.InterfaceError as error:
            if _is_lost(connection):
                raise _Again(nothing_done=False) from error
            raise
        finally:
            watch.cancel()
            with contextlib.suppress(Exception):  # a connection that cannot be released is not used again
                await pool.release(connection)

    async def _opened(self) -> asyncpg.Pool:
        if self._pool is None:
            self._pool = open_pool(self._dsn, self._most)
        return await self._pool


class _Again(Exception):
    """The attempt failed, and can be retried. `nothing_done`: certainly nothing was done."""

    def __init__(self, *, nothing_done: bool) -> None:
        self.nothing_done = nothing_done


class _WorkerFailed(Exception):
    """A worker of a Citus cluster does not answer. The transaction was rolled back, unless it was being committed."""


# The pool releases a lost connection by itself; after that, every method of our reference raises.
def _is_lost(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


def _cut_off(connection: Connection) -> None:
    with contextlib.suppress(asyncpg.InterfaceError):
        connection.terminate()


def _failure(failure: BlocklistInternalError, error: BaseException) -> BlocklistInternalError:
    # The message of a DataError contains the value: logs must not have phone numbers.
    detail = "" if isinstance(error, asyncpg.DataError) else f": {error}"
    _log.error("the database failed: %s%s", type(error).__name__, detail)
    return failure
