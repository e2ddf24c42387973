"""Connections to the primary, and the one place where a transaction is repeated."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import chain, repeat
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg

from wablock.contract.errors import BlocklistInternalError, GraphError
from wablock.failures import Overloaded
from wablock.storage.unreachable import Unreachable

T = TypeVar("T")

_log = logging.getLogger("wablock.storage")

_GIVE_UP_AFTER: Final = 10.0  # seconds: a standby that takes over is met within, mostly
_STUCK_AFTER: Final = 3.0  # seconds without an answer
_ANSWER_WITHIN: Final = 5.0  # seconds for one attempt; a network that swallows everything says nothing
_CONNECT_WITHIN: Final = 3.0  # seconds, for each host
_PAUSES: Final = (0.02, 0.05, 0.1, 0.2)  # seconds between attempts; the last one again and again

_AWAY: Final = "The database does not answer. Nothing was changed; try again."

# What a connection of ours is to be like; a server that does not know one of these goes without.
_SETTINGS: Final = {
    "default_transaction_isolation": "read committed",
    # A commit that waits for the standby and is cut short counts as done, though the standby does not have it.
    "statement_timeout": "0",
    "lock_timeout": "0",
    # A node that went away in the middle must not hold a list for long: less than what others wait for it.
    "idle_in_transaction_session_timeout": "2000",
    "client_connection_check_interval": "2000",
    "tcp_user_timeout": "10000",
    # All is looked up by key, and a plan that was made while a table was small is kept.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
}
_SET = """
SELECT set_config(name, wanted, false)
FROM unnest($1::text[], $2::text[]) AS ours (known, wanted) JOIN pg_settings ON name = known
"""
_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"

# The transaction was undone, for no fault of its own.
_UNDONE: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)
# The connection is lost, or its server is no primary any more; what became of a commit is not known.
_LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.StatementCompletionUnknownError,
    OSError,  # TimeoutError among them
)
# There is no connection; nothing was begun.
_REFUSED: Final = (
    *_LOST,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.TargetServerAttributeNotMatched,
)


NAMED: Final = "wablock schema"
"""How the names of sessions of this version begin, and of those after it. The version before gave its own no name."""
_SCHEMA: Final = 3  # which it knows


class Connection(Protocol):
    """As much of asyncpg's connection as is used here."""

    async def fetch(self, query: str, *args: object) -> Sequence[Any]: ...
    async def fetchrow(self, query: str, *args: object) -> Any: ...
    async def fetchval(self, query: str, *args: object) -> Any: ...
    async def execute(self, query: str, *args: object) -> str: ...
    async def executemany(self, command: str, args: Iterable[Sequence[object]]) -> None: ...
    def transaction(self, *, isolation: str | None = None) -> contextlib.AbstractAsyncContextManager[None]: ...
    def terminate(self) -> None: ...
    def is_closed(self) -> bool: ...


class Connections:
    """At most `most` connections, made where they are needed and kept.

    They belong to the event loop that uses them; after `close` another may.
    """

    def __init__(self, dsn: str, most: int, *, give_up_after: float = _GIVE_UP_AFTER) -> None:
        self._dsn = dsn
        self._most = most
        self._give_up_after = give_up_after
        self._pool: asyncpg.Pool | None = None
        self._at_work = 0
        self._is_away = False
        self._answered_at = 0.0

    async def run(
        self,
        work: Callable[[Connection], Awaitable[T]],
        *,
        again: bool = True,
        whole: bool = True,
        within: float = _ANSWER_WITHIN,
    ) -> T:
        """What `work` gives on a connection, in a transaction of its own making, or as one statement.

        It is repeated where it was undone or the connection was lost, so it must be idempotent; with `again` False it
        is not repeated where it may have been done. `whole` False: it is several transactions, of which some may be
        done when another is undone. An attempt is taken for lost when it has no end `within` so many seconds.

        Raises `Overloaded` where the database does not answer and nothing was done, at once when that is known;
        `Unreachable` where something may have been; `BlocklistInternalError` where the database cannot do it.
        """
        if self.is_stuck():
            raise Overloaded(_AWAY)
        if not self._at_work and not self._is_away:
            self._answered_at = asyncio.get_running_loop().time()
        self._at_work += 1
        try:
            if asyncio.current_task() is None:
                await asyncio.sleep(
                    0
                )  # asyncpg's time-outs need a task; the server takes a request's first step without
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
            except _Again as trouble:
                nothing_done = nothing_done and trouble.nothing_done
                self._is_away = True
                if loop.time() > give_up_at or not (again or nothing_done):
                    raise _given_up(trouble, nothing_done=nothing_done) from trouble.__cause__
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as trouble:
                failure = BlocklistInternalError() if nothing_done else Unreachable()
                raise _failure(failure, trouble) from trouble
            else:
                self._is_away, self._answered_at = False, loop.time()
                return result
            await asyncio.sleep(pause)
        raise AssertionError("the pauses never end")

    def is_stuck(self) -> bool:
        """Whether the database has not answered anybody for a while, and somebody waits for it already."""
        return self._at_work > 0 and asyncio.get_running_loop().time() - self._answered_at > _STUCK_AFTER

    async def close(self) -> None:
        """Returns once every connection is closed; waits for nobody who still uses one."""
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
        except _REFUSED as trouble:
            raise _Again(nothing_done=True) from trouble
        except (asyncpg.InterfaceError, asyncpg.InternalClientError) as trouble:
            if pool.is_closing():
                raise
            raise _Again(nothing_done=True) from trouble  # it was lost again while it was made ready
        # Not asyncpg's own timeout: that cancels, and a COMMIT that is cancelled while it waits for a standby is done.
        watch = loop.call_later(within, _cut_off, connection)
        try:
            return await work(connection)
        except _UNDONE as trouble:
            raise _Again(nothing_done=whole) from trouble
        except _LOST as trouble:
            _cut_off(connection)
            raise _Again(nothing_done=isinstance(trouble, asyncpg.ReadOnlySQLTransactionError)) from trouble
        except asyncpg.InternalClientError as trouble:
            # It was told of its end, which has not come yet: in between it refuses whatever it is asked.
            _cut_off(connection)
            raise _Again(nothing_done=False) from trouble
        except asyncpg.InterfaceError as trouble:
            if _is_lost(connection):
                raise _Again(nothing_done=False) from trouble
            raise
        finally:
            watch.cancel()
            with contextlib.suppress(Exception):  # a connection that cannot be given back is not used again
                await pool.release(connection)

    async def _opened(self) -> asyncpg.Pool:
        if self._pool is None:
            self._pool = asyncpg.create_pool(
                self._dsn,
                min_size=0,
                max_size=self._most,
                timeout=_CONNECT_WITHIN,
                connect=connect,
                target_session_attrs=role(self._dsn),
                init=prepare_connection,
                reset=_leave_as_it_is,
            )
        return await self._pool


class _Again(Exception):
    """The attempt failed for no fault of its own. `nothing_done`: for certain."""

    def __init__(self, *, nothing_done: bool) -> None:
        self.nothing_done = nothing_done


# The pool takes a connection back by itself when it is lost; what is held then raises at every word.
def _is_lost(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


def _cut_off(connection: Connection) -> None:
    with contextlib.suppress(asyncpg.InterfaceError):
        connection.terminate()


def role(dsn: str) -> str | None:
    """Which of the servers that a URL names is meant: the one that takes changes, where the URL does not say."""
    return None if "target_session_attrs=" in dsn else "primary"


async def connect(dsn: str, *, timeout: float, **settings: Any) -> Any:  # noqa: ASYNC109 - as asyncpg has it
    """A connection to the first of the servers that the URL names which answers, each in its time, and has the role.

    asyncpg gives all of them one time together: a machine that is gone and says nothing would use it up.
    """
    settings = {"server_settings": {"application_name": _application_name(dsn)}, **settings}
    *firsts, last = _one_by_one(dsn)
    for url in firsts:
        with contextlib.suppress(*_REFUSED):
            return await asyncpg.connect(url, timeout=timeout, **settings)
    return await asyncpg.connect(last, timeout=timeout, **settings)


def _application_name(dsn: str) -> str:
    """Ours, and behind it the one that the URL gives."""
    names = parse_qs(urlsplit(dsn).query).get("application_name", [])
    return " ".join([NAMED, str(_SCHEMA), *names])


def _one_by_one(dsn: str) -> list[str]:
    """A URL for each of its servers; the URL itself where it says elsewhere which they are."""
    parts = urlsplit(dsn)
    user, at, hosts = parts.netloc.rpartition("@")
    if "prefer-standby" in parts.query:  # which is a word about all of them
        return [dsn]
    return [urlunsplit(parts._replace(netloc=f"{user}{at}{host}")) for host in hosts.split(",")]


async def prepare_connection(connection: Connection) -> None:
    await connection.execute("SET client_min_messages = error")
    await connection.fetch(_SET, list(_SETTINGS), list(_SETTINGS.values()))
    await connection.fetch(_DURABLE)


async def _leave_as_it_is(_: Connection) -> None:
    """Between two uses nothing is changed on a connection, so there is nothing to reset: a round trip less."""


def _given_up(trouble: "_Again", *, nothing_done: bool) -> GraphError:
    cause = trouble.__cause__ or trouble
    _log.error("the database does not answer: %s: %s", type(cause).__name__, cause)
    return Overloaded(_AWAY) if nothing_done else Unreachable()


def _failure(failure: BlocklistInternalError, trouble: BaseException) -> BlocklistInternalError:
    # What a value is wrong for is said with the value: phone numbers are not for logs.
    said = "" if isinstance(trouble, asyncpg.DataError) else f": {trouble}"
    _log.error("the database failed: %s%s", type(trouble).__name__, said)
    return failure
