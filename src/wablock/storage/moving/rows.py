"""Going through a table of either side, some rows at a time, in the order of its key."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from wablock.storage.moving.tables import Key, Row, Table

_AT_A_TIME: Final = 10_000  # rows in memory, and in a transaction; a row has some kilobytes at most

ReadRows = Callable[[Table, Key | None, int], Awaitable[list[Row]]]
"""The next rows after a key, so many at most."""


class Watcher(Protocol):
    """Who is told how far a move is."""

    def began(self, doing: str, rows: int, done: int) -> None:
        """Of `rows` rows `done` are done already, by an attempt that was broken off."""

    def advanced(self, rows: int) -> None:
        """So many more are done."""


async def chunks(read: ReadRows, table: Table, after: Key | None = None) -> AsyncIterator[list[Row]]:
    """All rows after the one with this key, or all."""
    while rows := await read(table, after, _AT_A_TIME):
        yield rows
        after = table.key_of(rows[-1])
