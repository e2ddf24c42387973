"""A whole move: what may be moved where, the rows, the comparison, and which side counts in the end.

`docs/decisions/0016-moving-to-postgresql.md` says why in this order.
"""

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from wablock.block_list.ports import Microseconds
from wablock.storage.moving.checksum import Checksum, Sum, total
from wablock.storage.moving.source import Source
from wablock.storage.moving.tables import TABLES, Key, Row, Table
from wablock.storage.moving.target import Half, Target
from wablock.storage.opening import CannotOpen
from wablock.storage.postgres.schema import named
from wablock.storage.sqlite import moves

_AT_A_TIME: Final = 10_000  # rows in memory, and in a transaction; a row has up to some kilobytes


class Watcher(Protocol):
    """Who is told how far a move is."""

    def began(self, doing: str, rows: int, done: int) -> None:
        """Of `rows` rows `done` are done already, by an attempt that was broken off."""

    def advanced(self, rows: int) -> None: ...


class TableMoved(msgspec.Struct, frozen=True):
    """A table's rows and checksums on both sides."""

    table: str
    old: Sum
    new: Sum


class Moved(msgspec.Struct, frozen=True):
    """What a move came to."""

    tables: list[TableMoved]
    old_sha256: str
    new_sha256: str
    went_on: bool
    """Whether it went on with what another attempt had done."""

    @property
    def is_equal(self) -> bool:
        return self.old_sha256 == self.new_sha256

    def rows(self, table: str) -> int:
        return next(it.old.rows for it in self.tables if it.table == table)


async def move(path: Path, url: str, watcher: Watcher, at: Microseconds, *, rehearse: bool = False) -> Moved:
    """All that the SQLite database at `path` has is in the PostgreSQL database at `url`, and proven to be.

    From the beginning on the old one takes no writes, for good; where the checksums differ it takes them again. With
    `rehearse` it takes them all the time, and what is written to it meanwhile is not moved. Raises `CannotOpen` before
    anything is written where this cannot be.
    """
    source = Source(path)
    try:
        target = await Target.opened(url)
        try:
            return await _Moving(path, url, source, target, watcher, rehearse=rehearse).run(at)
        finally:
            await target.close()
    finally:
        source.close()


class _Moving:
    def __init__(
        self, path: Path, url: str, source: Source, target: Target, watcher: Watcher, *, rehearse: bool
    ) -> None:
        self._path = path
        self._url = url
        self._source = source
        self._target = target
        self._watcher = watcher
        self._rehearse = rehearse

    async def run(self, at: Microseconds) -> Moved:
        half = await self._target.half()
        went_on = self._goes_on(half)
        if not went_on:
            await self._begin(at)
        self._source.renew()
        rows = self._source.counted()
        await self._copy(rows)
        moved = await self._compare(rows, went_on=went_on)
        if not moved.is_equal:
            if not self._rehearse:
                moves.give_up(self._path)
            return moved
        if self._source.move is not None and not self._rehearse:
            moves.finish(self._path, self._source.move.move_id)
        await self._target.finish()
        return moved

    def _goes_on(self, half: Half | None) -> bool:
        """Whether the target's half is this move's; raises `CannotOpen` where it is somebody else's."""
        move = self._source.move
        if half is not None and move is not None and half.move_id == move.move_id and not self._rehearse:
            return True
        if move is not None and move.state == moves.MOVED:
            raise CannotOpen(f"{self._path} was moved to {move.target} already; there is nothing to do")
        if half is not None and not half.is_rehearsal and not self._source.knows(half.move_id):
            raise CannotOpen("The target holds half of another database, whose move is not done; make a database anew")
        if self._rehearse and half is not None and not half.is_rehearsal:
            raise CannotOpen("The target holds half of a move; rehearse with another database")
        return False

    async def _begin(self, at: Microseconds) -> None:
        move_id = secrets.token_hex(16)
        if not self._rehearse:
            moves.begin(self._path, move_id, named(self._url), at)
        await self._target.begin(move_id, is_rehearsal=self._rehearse)

    async def _copy(self, rows: dict[str, int]) -> None:
        done = [await self._target.counted(table) for table in TABLES]
        self._watcher.began("Moving", sum(rows.values()), sum(done))
        for table in TABLES:

            async def read(after: Key | None, table: Table = table) -> list[Row]:
                return self._source.rows(table, after, _AT_A_TIME)

            async def add(chunk: list[Row], table: Table = table) -> None:
                await self._target.add(table, chunk)

            await self._walk(table, read, add, await self._target.last(table))

    async def _compare(self, rows: dict[str, int], *, went_on: bool) -> Moved:
        self._watcher.began("Comparing", 2 * sum(rows.values()), 0)
        compared = []
        for table in TABLES:
            sums = []
            for side in (self._old_rows(table), self._new_rows(table)):
                checksum = Checksum()

                async def add(chunk: list[Row], checksum: Checksum = checksum) -> None:
                    checksum.add(chunk)

                await self._walk(table, side, add, None)
                sums.append(checksum.sum())
            compared.append(TableMoved(table.name, *sums))
        old, new = (total((it.table, getattr(it, side)) for it in compared) for side in ("old", "new"))
        return Moved(compared, old, new, went_on)
