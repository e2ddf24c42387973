"""The source of a move: a SQLite database, read in one transaction."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw

from wablock.storage.moving.tables import TABLES, Key, Row, Table, names
from wablock.storage.opening import CannotOpen
from wablock.storage.sqlite import moves
from wablock.storage.sqlite.connection import connect, prepare


def _select(table: Table, where: str = "") -> str:
    computed = dict(table.computed)
    columns = names([computed.get(column, column) for column in table.columns])
    return f"SELECT {columns} FROM {table.name} {where} ORDER BY {names(table.key)} LIMIT ?"


_FIRST: Final = {table.name: _select(table) for table in TABLES}
_AFTER: Final = {
    table.name: _select(table, f"WHERE ({names(table.key)}) > ({names(['?'] * len(table.key))})") for table in TABLES
}
_COUNTS: Final = [f"SELECT count(*) FROM {table.name}" for table in TABLES]


class Source:
    """A snapshot of the database, in one read transaction until `close`. It does not block writers.

    All methods raise `CannotOpen`.
    """

    def __init__(self, path: Path) -> None:
        """Raises `CannotOpen`, also if the file does not exist."""
        if not path.is_file():
            raise CannotOpen(f"There is no database {path}")
        prepare(path)
        self._path = path
        with self._reading():
            self._connection = connect(path)
        self.renew()

    def renew(self) -> None:
        """Take a new snapshot: begin a new read transaction."""
        with self._reading():
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._connection.execute("BEGIN")
            self.move = moves.current(self._connection)

    def knows(self, move_id: str) -> bool:
        return moves.is_known(self._connection, move_id)

    def count(self) -> int:
        """The number of rows in all tables together."""
        with self._reading():
            return sum(int(self._connection.execute(count).get) for count in _COUNTS)

    async def rows(self, table: Table, after: Key | None, most: int) -> list[Row]:
        """The next rows in the order of the key, in the target's format."""
        return await asyncio.to_thread(self._rows, table, after, most)

    def close(self) -> None:
        with contextlib.suppress(apsw.Error):
            self._connection.close()

    def _rows(self, table: Table, after: Key | None, most: int) -> list[Row]:
        with self._reading():
            if after is None:
                rows = self._connection.execute(_FIRST[table.name], (most,))
            else:
                rows = self._connection.execute(_AFTER[table.name], (*after, most))
            return rows.fetchall() if table.from_sqlite is None else [table.from_sqlite(row) for row in rows]

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            raise CannotOpen(f"Cannot read the database {self._path}: {error}") from error
