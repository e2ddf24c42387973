"""Every adapter that the suite is run against, by name."""

from collections.abc import Callable
from pathlib import Path

from tests.postgres import fresh_database
from tests.storage.meters import CountingMeter

from wablock.storage import SqliteStore, Store, open_store

Opener = Callable[[Path], Store]
"""Opens a store on the one database that belongs to a test's folder; called twice, it opens that database twice."""


def _open_sqlite(folder: Path) -> Store:
    return SqliteStore(folder / "wablock.db", CountingMeter())


def _open_postgres(folder: Path) -> Store:
    return open_store(fresh_database(folder), CountingMeter())


ADAPTERS: dict[str, Opener] = {"sqlite": _open_sqlite, "postgres": _open_postgres}
