"""The target of a move: a PostgreSQL database that no wablock server opens before the move is complete."""

from typing import Any, Final

import asyncpg
import msgspec

from wablock.storage.moving.tables import BLOCK_LIST, TABLES, Key, Row, Table, names
from wablock.storage.opening import CannotOpen, check_parts, named
from wablock.storage.postgres import schema
from wablock.storage.postgres.sessions import connect, role

ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""All exceptions of a failed database call; see `one_line`."""

_CONNECT_WITHIN: Final = 10.0  # seconds

# The move's own table says which move has filled the others. The move deletes it at the end.
_MAKE_MOVE = "CREATE TABLE IF NOT EXISTS wablock_move (move_id TEXT NOT NULL, is_rehearsal BOOLEAN NOT NULL)"
_IS_THERE = "SELECT to_regclass($1) IS NOT NULL"
_HALF = "SELECT move_id, is_rehearsal FROM wablock_move"
_IS_OURS = "SELECT EXISTS (SELECT 1 FROM wablock_move WHERE move_id = $1)"
_FORGET_HALF = "DELETE FROM wablock_move"
_SET_HALF = "INSERT INTO wablock_move (move_id, is_rehearsal) VALUES ($1, $2)"
_DROP_MOVE = "DROP TABLE wablock_move"
_VERSION = "SELECT version FROM wablock_schema"
_LET_WORK = "UPDATE wablock_schema SET works_with = $1 WHERE only_row"
# The rows come from a database that already has the current keys.
_ALL_REKEYED = "DELETE FROM wablock_rekeying"
_EMPTY = f"TRUNCATE account_list, {names([table.name for table in TABLES])}"
_ANY: Final = {table.name: f"SELECT 1 FROM {table.name} LIMIT 1" for table in TABLES}
# A commit is on disk before PostgreSQL acknowledges it.
_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"


def _last(table: Table) -> str:
    order = names([f"{column} DESC" for column in table.key])
    return f"SELECT {names(table.key)} FROM {table.name} WHERE {table.every_row} ORDER BY {order} LIMIT 1"


_ALL: Final = {
    table.name: f"SELECT {names(table.columns)} FROM {table.name} WHERE {table.every_row} ORDER BY {names(table.key)}"
    for table in TABLES
}
_LAST: Final = {table.name: _last(table) for table in TABLES}
_COUNT: Final = {table.name: f"SELECT count(*) FROM {table.name}" for table in TABLES}


class Half(msgspec.Struct, frozen=True):
    """An unfinished move in the target. The rows of a rehearsal may be deleted."""

    move_id: str
    is_rehearsal: bool


class Target:
    """One connection to the target. All methods raise the exceptions in `ERRORS`."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._reading: Any = None
        self._cursor: Any = None

    @classmethod
    async def open(cls, url: str) -> "Target":
        """Connect to the target, and change nothing. Raises `CannotOpen`."""
        check_parts(url)
        try:
            connection = await connect(url, timeout=_CONNECT_WITHIN, target_session_attrs=role(url))
            await connection.execute("SET client_min_messages = error")
            await connection.fetch(_DURABLE)
        except (*ERRORS, ValueError) as error:
            raise CannotOpen(f"Cannot open the database {named(url)}: {one_line(error)}") from error
        return cls(connection)

    async def half(self) -> Half | None:
        """The unfinished move in the target; None if the target is empty.

        Raises `CannotOpen` if the target has any other content.
        """
        if await self._has("wablock_move") and (row := await self._connection.fetchrow(_HALF)) is not None:
            if await self._connection.fetchval(_VERSION) != max(schema.migrations()):
                raise CannotOpen("Another version of wablock started the move: continue it with that version")
            return Half(*row)
        is_ours = await self._has("wablock_schema")
        for table in [it.name for it in TABLES if await self._has(it.name)]:
            if not is_ours:
                raise CannotOpen(f"The target has a table {table} that is not wablock's; create a new database")
            if await self._connection.fetchval(_ANY[table]) is not None:
                raise CannotOpen("The target is not empty: it is a wablock database already; create a new database")
        return None

    async def begin(self, move_id: str, instead_of: Half | None, *, is_rehearsal: bool) -> None:
        """Empty the target, and mark it so that no wablock server opens it before `finish`.

        Raises `CannotOpen` if the target's unfinished move is no longer `instead_of`.
        """
        if instead_of is None:
            await schema.migrate(self._connection, schema.migrations(), schema.migrations("citus"), schema.WORKS_WITH)
        async with self._connection.transaction(isolation="read_committed"):
            await self._connection.execute(_LET_WORK, schema.HALF_MOVED)  # locks out other moves
            if await self.half() != instead_of:
                raise CannotOpen("Another wablock migrate is using the target")
            await self._connection.execute(_MAKE_MOVE)
            await self._connection.execute(_FORGET_HALF)
            await self._connection.execute(_SET_HALF, move_id, is_rehearsal)
            await self._connection.execute(_ALL_REKEYED)
            if instead_of is not None:
                await self._connection.execute(_EMPTY)

    async def finish(self, move_id: str) -> None:
        """Mark the target as complete, so that servers open it. Raises `CannotOpen` if another move uses it now."""
        async with self._connection.transaction(isolation="read_committed"):
            await self._connection.execute(_LET_WORK, schema.WORKS_WITH)  # locks out other moves
            if not await self._has("wablock_move"):  # another process has finished the same move
                return
            if not await self._connection.fetchval(_IS_OURS, move_id):
                raise CannotOpen("Another wablock migrate is using the target")
            await self._connection.execute(_DROP_MOVE)

    async def count(self, table: Table) -> int:
        return int(await self._connection.fetchval(_COUNT[table.name]))

    async def last(self, table: Table) -> Key | None:
        """The key of the last row in the target. The rows are copied in the order of this key."""
        row = await self._connection.fetchrow(_LAST[table.name])
        return None if row is None else tuple(row)

    async def add(self, table: Table, rows: list[Row]) -> None:
        """Add `rows` in one transaction."""
        added = tuple(value for _, value in table.added)
        columns = [*table.columns, *(column for column, _ in table.added)]
        async with self._connection.transaction():
            await self._connection.copy_records_to_table(
                table.name, records=[row + added for row in rows] if added else rows, columns=columns
            )
            if table is BLOCK_LIST:  # lists without an account have no row in account_list
                records = [(account_id, list_id) for list_id, account_id, *_ in rows if account_id]
                await self._connection.copy_records_to_table(
                    "account_list", records=records, columns=["account_id", "list_id"]
                )

    async def analyze(self) -> None:
        """Update the statistics of the query planner."""
        for table in TABLES:
            await self._connection.execute(f"ANALYZE {table.name}")

    async def rows(self, table: Table, after: Key | None, most: int) -> list[Row]:
        """The next rows in the order of the key. Call it until there are no more rows.

        Not every key has an index in its order, so the first call sorts the table, and a cursor keeps the result.
        """
        if after is None:
            self._reading = self._connection.transaction()
            await self._reading.start()
            self._cursor = await self._connection.cursor(_ALL[table.name])
        records = await self._cursor.fetch(most)
        if not records:
            await self._reading.rollback()
        return [tuple(record) for record in records]

    async def close(self) -> None:
        try:
            await self._connection.close(timeout=_CONNECT_WITHIN)
        except ERRORS:
            self._connection.terminate()

    async def _has(self, table: str) -> bool:
        return bool(await self._connection.fetchval(_IS_THERE, table))


def one_line(error: Exception) -> str:
    """The error's message, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
