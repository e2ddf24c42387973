"""The adapters that the suite tests, by name."""

from functools import cache
from pathlib import Path
from typing import Protocol, cast

from tests.postgres import fresh_cluster, fresh_database
from tests.storage.meters import CountingMeter

from wablock.storage import SqliteStore, Store, open_store
from wablock.storage.memory import MemoryStore
from wablock.storage.meter import StoreMeter


class Opener(Protocol):
    """Opens a store on the database of a test's folder. Each call opens another store on the same database."""

    def __call__(self, folder: Path, meter: StoreMeter | None = None) -> Store: ...


def _open_sqlite(folder: Path, meter: StoreMeter | None = None) -> Store:
    return SqliteStore(folder / "wablock.db", meter or CountingMeter())


def _open_postgres(folder: Path, meter: StoreMeter | None = None) -> Store:
    return open_store(fresh_database(folder), meter or CountingMeter())


def _open_cluster(folder: Path, meter: StoreMeter | None = None) -> Store:
    """PostgreSQL as a node uses a Citus cluster, with a lane for each worker."""
    return open_store(fresh_cluster(folder), meter or CountingMeter())


@cache
def _memory(folder: Path) -> MemoryStore:
    """The store in memory that stands for a folder's database."""
    del folder
    return MemoryStore()


def _open_memory(folder: Path, meter: StoreMeter | None = None) -> Store:
    del meter
    return cast("Store", _memory(folder))  # only lists: tests of tokens and routes do not use it


ADAPTERS: dict[str, Opener] = {"sqlite": _open_sqlite, "postgres": _open_postgres, "cluster": _open_cluster}
BLOCK_STORES: dict[str, Opener] = {"memory": _open_memory, **ADAPTERS}
