"""Sessions on PostgreSQL: how one is opened, its settings, and the errors that end it."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg

_CONNECT_WITHIN: Final = 3.0  # seconds, for each host

PLANNER: Final = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_bitmapscan", "jit")
"""The settings that are off: all look-ups are by key, and the plan of a small table stays when the table grows."""

# The settings of a session; those that the server does not have are left out.
_SETTINGS: Final = {
    "default_transaction_isolation": "read committed",
    # A commit that is interrupted while it waits for the standby counts as done, although the standby does not have it.
    "statement_timeout": "0",
    "lock_timeout": "0",
    # A node that dies in a transaction must not lock a list for longer than others wait.
    "idle_in_transaction_session_timeout": "2000",
    "client_connection_check_interval": "2000",
    "tcp_user_timeout": "10000",
    **dict.fromkeys(PLANNER, "off"),
}
_SET = """
SELECT set_config(name, wanted, false)
FROM unnest($1::text[], $2::text[]) AS ours (known, wanted) JOIN pg_settings ON name = known
"""
# Must be set before asyncpg's first look-up of an array's type, which takes a quarter of a second if Citus hides its
# shards in pg_class. Without Citus this setting has no meaning, and PostgreSQL accepts it.
_FIRST: Final = "SET client_min_messages = error; SET citus.override_table_visibility = off"
_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"

# The connection is lost, or its server is no longer the primary; the result of a commit is unknown.
LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.StatementCompletionUnknownError,
    OSError,  # TimeoutError among them
)
# There is no connection, so nothing was begun.
REFUSED: Final = (
    *LOST,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.TargetServerAttributeNotMatched,
)

NAMED: Final = "wablock schema"
"""The prefix of session names, from this version on. The previous version has no session names."""
_SCHEMA: Final = 12  # the newest schema that this version supports


class Connection(Protocol):
    """The part of asyncpg's connection that is used here."""

    async def fetch(self, query: str, *args: object) -> Sequence[Any]: ...
    async def fetchrow(self, query: str, *args: object) -> Any: ...
    async def fetchval(self, query: str, *args: object) -> Any: ...
    async def execute(self, query: str, *args: object) -> str: ...
    async def executemany(self, command: str, args: Iterable[Sequence[object]]) -> None: ...
    def transaction(self, *, isolation: str | None = None) -> contextlib.AbstractAsyncContextManager[None]: ...
    def terminate(self) -> None: ...
    def is_closed(self) -> bool: ...


def open_pool(dsn: str, most: int) -> asyncpg.Pool:
    """A pool of at most `most` connections, which are opened when they are needed."""
    return asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=most,
        timeout=_CONNECT_WITHIN,
        connect=connect,
        target_session_attrs=role(dsn),
        init=prepare_connection,
        reset=_leave_unchanged,
    )


def role(dsn: str) -> str | None:
    """The server to choose among those of a URL: the primary, unless the URL has another role."""
    return None if "target_session_attrs=" in dsn else "primary"


async def connect(dsn: str, *, timeout: float, **settings: Any) -> Any:  # noqa: ASYNC109 - as asyncpg has it
    """A connection to the first of the URL's servers that responds and has the role. Each server has its own time-out.

    asyncpg has one time-out for all of them, and a dead server would use all of it.
    """
    settings = {"server_settings": {"application_name": _application_name(dsn)}, **settings}
    *firsts, last = _one_by_one(dsn)
    for url in firsts:
        with contextlib.suppress(*REFUSED):
            return await asyncpg.connect(url, timeout=timeout, **settings)
    return await asyncpg.connect(last, timeout=timeout, **settings)


def _application_name(dsn: str) -> str:
    """Our name, and after it the one in the URL."""
    names = parse_qs(urlsplit(dsn).query).get("application_name", [])
    return " ".join([NAMED, str(_SCHEMA), *names])


def _one_by_one(dsn: str) -> list[str]:
    """A URL for each server of `dsn`; `dsn` itself if its parameters name them."""
    parts = urlsplit(dsn)
    user, at, hosts = parts.netloc.rpartition("@")
    if "prefer-standby" in parts.query:  # this depends on all of them
        return [dsn]
    return [urlunsplit(parts._replace(netloc=f"{user}{at}{host}")) for host in hosts.split(",")]


async def prepare_connection(connection: Connection) -> None:
    await connection.execute(_FIRST)
    await connection.fetch(_SET, list(_SETTINGS), list(_SETTINGS.values()))
    await connection.fetch(_DURABLE)


async def _leave_unchanged(_: Connection) -> None:
    """Save the round trip of a reset: no use of a connection changes its settings."""
