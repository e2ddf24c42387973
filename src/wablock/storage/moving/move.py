"""The steps of a move: check both databases, copy the rows, compare them, and decide which database to use.

`docs/decisions/0016-moving-to-postgresql.md` gives the reasons for this order.
"""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

import msgspec

from wablock.block_list.ports import Microseconds
from wablock.storage.moving.checksum import Sum, sum_of, total
from wablock.storage.moving.rows import Watcher, chunks
from wablock.storage.moving.source import Source
from wablock.storage.moving.tables import TABLES
from wablock.storage.moving.target import ERRORS, Half, Target, one_line
from wablock.storage.opening import CannotOpen, named
from wablock.storage.sqlite import moves


class BrokenOff(Exception):
    """The move was interrupted. The message gives the reason in one line. The same command continues the move."""


class TableMoved(msgspec.Struct, frozen=True):
    """A table's row count and checksum in both databases."""

    table: str
    old: Sum
    new: Sum


class Moved(msgspec.Struct, frozen=True):
    """The result of a move. `went_on`: whether it continued an earlier attempt."""

    tables: Sequence[TableMoved]
    old_sha256: str
    new_sha256: str
    went_on: bool

    @property
    def is_equal(self) -> bool:
        return self.old_sha256 == self.new_sha256


async def move(path: Path, url: str, watcher: Watcher, at: Microseconds, *, rehearse: bool = False) -> Moved:
    """Copy all rows of the SQLite database at `path` into the PostgreSQL database at `url`, and compare the checksums.

    If the checksums are equal, the PostgreSQL database is complete. The SQLite database refuses writes from the start,
    and permanently; if the checksums differ, it accepts writes again. With `rehearse` it accepts writes all the time,
    and changes during the rehearsal are not copied.

    Raises `CannotOpen` if the move is not possible; then nothing was written. Raises `BrokenOff` if the move is
    interrupted.
    """
    source = Source(path)
    try:
        target = await Target.open(url)
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
        try:
            half = await self._target.half()
        except ERRORS as error:
            raise CannotOpen(f"Cannot read the database {named(self._url)}: {one_line(error)}") from error
        went_on = self._can_continue(half)
        try:
            move_id = half.move_id if half is not None and went_on else await self._begin(at, half)
            return await self._continue(move_id, went_on=went_on)
        except (*ERRORS, CannotOpen) as error:
            raise BrokenOff(one_line(error)) from error

    def _can_continue(self, half: Half | None) -> bool:
        """Whether the target has the first part of this move. Raises `CannotOpen` if it has a part of another move."""
        move = self._source.move
        if half is not None and move is not None and half.move_id == move.move_id and not self._rehearse:
            return True
        if move is not None and move.state == moves.MOVED:
            raise CannotOpen(f"{self._path} was already moved to {move.target}; there is nothing to do")
        if half is None or half.is_rehearsal or (self._source.knows(half.move_id) and not self._rehearse):
            return False
        raise CannotOpen("The target has a part of another move; create a new database, or finish that move first")

    async def _begin(self, at: Microseconds, half: Half | None) -> str:
        """Start a new move in both databases, and return its id."""
        move_id = secrets.token_hex(16)
        if not self._rehearse:
            moves.begin(self._path, move_id, named(self._url), at, self._source.move)
        try:
            await self._target.begin(move_id, half, is_rehearsal=self._rehearse)
        except (*ERRORS, CannotOpen):
            if not self._rehearse:  # for example, the role may not create tables: there is nothing to continue
                moves.give_up(self._path)
            raise
        return move_id

    async def _continue(self, move_id: str, *, went_on: bool) -> Moved:
        self._source.renew()
        count = self._source.count()
        await self._copy(count)
        tables = await self._compare(count)
        old, new = total([(it.table, it.old) for it in tables]), total([(it.table, it.new) for it in tables])
        moved = Moved(tables, old, new, went_on)
        if not moved.is_equal:
            if not self._rehearse:
                moves.give_up(self._path)
            return moved
        # In this order: after a crash in between, neither database accepts writes, and the same command continues.
        if not self._rehearse:
            moves.finish(self._path, move_id)
        await self._target.finish(move_id)
        return moved

    async def _copy(self, count: int) -> None:
        self._watcher.began("Moving", count, sum([await self._target.count(table) for table in TABLES]))
        for table in TABLES:
            async for chunk in chunks(self._source.rows, table, await self._target.last(table)):
                await self._target.add(table, chunk)
                self._watcher.advanced(len(chunk))
        await self._target.analyze()

    async def _compare(self, count: int) -> list[TableMoved]:
        self._watcher.began("Comparing", 2 * count, 0)
        return [
            TableMoved(
                table.name,
                *await asyncio.gather(
                    sum_of(chunks(self._source.rows, table), self._watcher.advanced),
                    sum_of(chunks(self._target.rows, table), self._watcher.advanced),
                ),
            )
            for table in TABLES
        ]
