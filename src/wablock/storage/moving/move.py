"""A whole move: what may be moved where, the rows, the comparison, and which side counts in the end.

`docs/decisions/0016-moving-to-postgresql.md` says why in this order.
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
from wablock.storage.moving.target import TROUBLE, Half, Target, told
from wablock.storage.opening import CannotOpen, named
from wablock.storage.sqlite import moves


class BrokenOff(Exception):
    """The move stopped in the middle; the message says why, in one line. The same move goes on where it was."""


class TableMoved(msgspec.Struct, frozen=True):
    """A table's rows and checksum on both sides."""

    table: str
    old: Sum
    new: Sum


class Moved(msgspec.Struct, frozen=True):
    """What a move came to. `went_on`: whether with what another attempt had done."""

    tables: Sequence[TableMoved]
    old_sha256: str
    new_sha256: str
    went_on: bool

    @property
    def is_equal(self) -> bool:
        return self.old_sha256 == self.new_sha256


async def move(path: Path, url: str, watcher: Watcher, at: Microseconds, *, rehearse: bool = False) -> Moved:
    """All that the SQLite database at `path` has is in the PostgreSQL database at `url`, where the sums are equal.

    From the beginning on the old one takes no writes, for good; where the sums differ it takes them again. With
    `rehearse` it takes them all the time, and what is written to it meanwhile is not moved.

    Raises `CannotOpen`, nothing written, where this cannot be; `BrokenOff` where it cannot go on.
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
        try:
            half = await self._target.half()
        except TROUBLE as trouble:
            raise CannotOpen(f"Cannot read the database {named(self._url)}: {told(trouble)}") from trouble
        went_on = self._goes_on(half)
        try:
            move_id = half.move_id if half is not None and went_on else await self._begin(at, half)
            return await self._go_on(move_id, went_on=went_on)
        except (*TROUBLE, CannotOpen) as trouble:
            raise BrokenOff(told(trouble)) from trouble

    def _goes_on(self, half: Half | None) -> bool:
        """Whether the target's half is this move's; raises `CannotOpen` where it is somebody else's."""
        move = self._source.move
        if half is not None and move is not None and half.move_id == move.move_id and not self._rehearse:
            return True
        if move is not None and move.state == moves.MOVED:
            raise CannotOpen(f"{self._path} was moved to {move.target} already; there is nothing to do")
        if half is None or half.is_rehearsal or (self._source.knows(half.move_id) and not self._rehearse):
            return False
        raise CannotOpen("The target holds half of another move; make a database anew, or end that move first")

    async def _begin(self, at: Microseconds, half: Half | None) -> str:
        """The new move's id."""
        move_id = secrets.token_hex(16)
        if not self._rehearse:
            moves.begin(self._path, move_id, named(self._url), at, self._source.move)
        try:
            await self._target.begin(move_id, half, is_rehearsal=self._rehearse)
        except (*TROUBLE, CannotOpen):
            if not self._rehearse:  # such as a role that may not make tables: nothing is there to go on with
                moves.give_up(self._path)
            raise
        return move_id

    async def _go_on(self, move_id: str, *, went_on: bool) -> Moved:
        self._source.renew()
        counted = self._source.counted()
        await self._copy(counted)
        tables = await self._compared(counted)
        old, new = total([(it.table, it.old) for it in tables]), total([(it.table, it.new) for it in tables])
        moved = Moved(tables, old, new, went_on)
        if not moved.is_equal:
            if not self._rehearse:
                moves.give_up(self._path)
            return moved
        if not self._rehearse:  # in this order: in between, neither is written, and the same move ends it
            moves.finish(self._path, move_id)
        await self._target.finish(move_id)
        return moved

    async def _copy(self, counted: int) -> None:
        self._watcher.began("Moving", counted, sum([await self._target.counted(table) for table in TABLES]))
        for table in TABLES:
            async for chunk in chunks(self._source.rows, table, await self._target.last(table)):
                await self._target.add(table, chunk)
                self._watcher.advanced(len(chunk))
        await self._target.filled()

    async def _compared(self, counted: int) -> list[TableMoved]:
        self._watcher.began("Comparing", 2 * counted, 0)
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
