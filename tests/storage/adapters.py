"""Every adapter that the suite is run against, by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tests.storage.meters import CountingMeter

from wablock.access import Directory
from wablock.block_list.ports import BlockStore
from wablock.gate.ports import RouteStore
from wablock.storage import SqliteStore


class Store(BlockStore, Directory, RouteStore, Protocol):
    """What an adapter is."""

    async def close(self) -> None: ...


Opener = Callable[[Path], Store]
"""Opens a store on the one database that belongs to a test's folder; called twice, it opens that database twice."""


def _open_sqlite(folder: Path) -> Store:
    return SqliteStore(folder / "wablock.db", CountingMeter())


ADAPTERS: dict[str, Opener] = {"sqlite": _open_sqlite}
