"""The rows of a table in either database, read in chunks, in the order of its key."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from wablock.storage.moving.tables import Key, Row, Table

_AT_A_TIME: Final = 10_000  # rows in memory and in one transaction; a row has a few kilobytes at most

ReadRows = Callable[[Table, Key | None, int], Awaitable[list[Row]]]
"""A function that returns the next rows of a table after a key. The third argument is the largest number of rows."""


class Watcher(Protocol):
    """The receiver of a move's progress."""

    def began(self, doing: str, rows: int, done: int) -> None:
        """A step with `rows` rows starts. An interrupted attempt has already processed `done` of them."""

    def advanced(self, rows: int) -> None:
        """`rows` more rows have been processed."""


async def chunks(read: ReadRows, table: Table, after: Key | None = None) -> AsyncIterator[list[Row]]:
    """All rows after the key `after`, or all rows of the table."""
    while rows := await read(table, after, _AT_A_TIME):
        yield rows
        after = table.key_of(rows[-1])
