"""Lanes: each worker of a Citus cluster has its own connections and round trips.

So a worker that fails, or does not respond, delays only the lists that it has. Without Citus there is one lane.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

import msgspec

from wablock.block_list.list_changes import ListChange
from wablock.block_list.ports import Outcome
from wablock.storage.group_commit import Backlog, CommitMeter
from wablock.storage.list_commits import ListCommits
from wablock.storage.meter import StoreMeter
from wablock.storage.postgres import checks, linked_checks, reads
from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.keys_in_use import KeysInUse
from wablock.storage.postgres.list_writer import ListWriter
from wablock.storage.postgres.workers import Workers
from wablock.storage.round_trips import RoundTrips

T = TypeVar("T")

_STALLED_AFTER: Final = 3.0  # seconds; then new requests are refused immediately, and do not accumulate


class _Size(msgspec.Struct, frozen=True):
    """The most connections of a lane, and the most round trips at the same time."""

    writing: int
    reading: int
    checks_at_once: int
    writes_at_once: int
    """Fewer than `writing`: lists that must be locked need some too."""


_ONLY: Final = _Size(writing=8, reading=4, checks_at_once=2, writes_at_once=6)
_MOST_OF_SEVERAL: Final = 4
_ONE_OF_SEVERAL: Final = _Size(writing=4, reading=3, checks_at_once=1, writes_at_once=3)


class Lane:
    """The connections and round trips for lists of one worker."""

    def __init__(
        self,
        dsn: str,
        size: _Size,
        meter: CommitMeter,
        keys: KeysInUse,
        *,
        failed: Callable[[], None] | None = None,
        several: Connections | None = None,
    ) -> None:
        """In a cluster, `failed` is called when the worker fails, and `several` are the connections for what needs
        several workers.
        """
        # Separate, so that changes that wait for a slow disk do not delay checks.
        self.writing = Connections(dsn, size.writing, worker_failed=failed)
        self.reading = Connections(dsn, size.reading, worker_failed=failed)
        writer = ListWriter(self.writing, keys, size.writes_at_once, several)
        self.lists: ListCommits[ListChange] = ListCommits(writer.apply, meter, Backlog(stalled_after=_STALLED_AFTER))
        is_stuck = self.reading.is_stuck
        blocked = checks.blocked if several is None else linked_checks.blocked
        self.checks = RoundTrips(partial(self.read, blocked), at_once=size.checks_at_once, is_stuck=is_stuck)
        self.stamps = RoundTrips(partial(self.read, reads.stamps), at_once=1, is_stuck=is_stuck)

    async def read(self, read: Callable[..., Awaitable[T]], *args: object) -> T:
        return await self.reading.run(lambda connection: read(connection, *args))

    async def write(self, write: Callable[..., Awaitable[T]], *args: object) -> T:
        """No retry if the first attempt may have succeeded: a second attempt would return another result."""
        return await self.writing.run(lambda connection: write(connection, *args), again=False)

    async def close(self) -> None:
        """Returns when all changes are durable and the connections are closed."""
        await self.lists.drain()
        await self.writing.close()
        await self.reading.close()


class Lanes:
    """A lane for each worker of a cluster; without a cluster, one for all lists."""

    def __init__(self, dsn: str, meter: StoreMeter, keys: KeysInUse, *, has_workers: bool) -> None:
        self._dsn = dsn
        self._meter = meter
        self._keys = keys
        self._lanes: dict[int, Lane] = {}
        self.common = common = Lane(dsn, _ONLY, meter, keys, failed=_nothing if has_workers else None)
        """For what every machine has. In a cluster it needs no worker."""
        self._of_several = Connections(dsn, _MOST_OF_SEVERAL, worker_failed=_nothing) if has_workers else None
        self.several_reading = self._of_several or common.reading
        """For reads that need several workers; they may wait for one that is silent."""
        self.several_writing = self._of_several or common.writing
        """For writes that several workers or all machines must do."""
        self.known = common.reading if has_workers else common.writing
        """For reads of what every machine has, as part of a write."""
        self._workers = Workers(common.reading) if has_workers else None

    @property
    def are_several(self) -> bool:
        """Whether the database is a cluster."""
        return self._workers is not None

    async def of(self, list_id: str) -> Lane:
        """The lane of the worker that has the list."""
        if self._workers is None:
            return self.common
        return self._of(await self._workers.of(list_id))

    async def writing_of(self, list_ids: Sequence[str]) -> Mapping[Connections, Sequence[str]]:
        """The connections of the workers that have these lists, each with its lists."""
        if self._workers is None:
            return {self.common.writing: list_ids}
        by_lane: dict[Connections, list[str]] = {}
        for list_id, lane in zip(list_ids, await asyncio.gather(*map(self.of, list_ids)), strict=True):
            by_lane.setdefault(lane.writing, []).append(list_id)
        return by_lane

    async def submit(self, list_id: str, change: ListChange) -> Outcome:
        """Change the list; durable on return. See `ListCommits.submit`."""
        lane = await self.of(list_id)
        return await lane.lists.submit(list_id, change)

    async def close(self) -> None:
        for lane in (*self._lanes.values(), self.common):
            await lane.close()
        if self._of_several is not None:
            await self._of_several.close()

    def _of(self, worker: int) -> Lane:
        lane = self._lanes.get(worker)
        if lane is None:
            failed, several = partial(self._failed, worker), self._of_several
            lane = Lane(self._dsn, _ONE_OF_SEVERAL, self._meter, self._keys, failed=failed, several=several)
            self._lanes[worker] = lane
        return lane

    def _failed(self, worker: int) -> None:
        self._meter.worker_failed(worker)
        if self._workers is not None:
            self._workers.forget()


def _nothing() -> None:
    """It is not known which worker failed."""
