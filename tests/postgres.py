"""Empty PostgreSQL databases for tests: schemas of one real database, which are used many times."""

import asyncio
import atexit
import os
import re
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg
from tests.cluster import Cluster

from wablock.storage.postgres.schema import migrations, prepare

T = TypeVar("T")

GIVEN: Final = "WABLOCK_TEST_DATABASE"

_WORKERS: Final = """
CREATE FUNCTION wablock_worker_of(list_id TEXT) RETURNS INTEGER LANGUAGE sql AS
  $$ SELECT 1 + abs(hashtext(list_id)) % 2 $$;
"""


def fresh_database(folder: Path) -> str:
    """The URL of this folder's database: empty at first, and the same until `folder` is given back.

    It may have wablock's tables already, without rows: to empty a schema takes a tenth of the time of a new one.
    """
    return _schemas().of(folder)


def bare_database(folder: Path) -> str:
    """The URL of a database without any table."""
    return _schemas().bare(folder)


def fresh_cluster(folder: Path) -> str:
    """As `fresh_database`, but a node takes the database for a Citus cluster with two workers."""
    return _clusters().of(folder)


def give_back(folder: Path) -> None:
    """From now on other tests may use the databases of this folder and of the folders in it."""
    for schemas in (_schemas, _clusters):
        if schemas.cache_info().currsize:
            schemas().give_back(folder)


class Schemas:
    """Schemas of the database at `url`. A connection finds its own by the `search_path` in the URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = f"wablock_test_{secrets.token_hex(4)}"
        self._made = 0
        self._used: dict[Path, str] = {}
        self._bare: dict[Path, str] = {}
        self._free: list[str] = []

    def of(self, folder: Path) -> str:
        if folder not in self._used:
            self._used[folder] = self._emptied(self._free.pop()) if self._free else self._new()
        return self._at(self._used[folder])

    def bare(self, folder: Path) -> str:
        if folder not in self._bare:
            self._bare[folder] = self._new()
        return self._at(self._bare[folder])

    def give_back(self, folder: Path) -> None:
        for used in [used for used in self._used if used.is_relative_to(folder)]:
            self._free.append(self._used.pop(used))
        for used in [used for used in self._bare if used.is_relative_to(folder)]:
            self._drop(self._bare.pop(used))

    def drop(self) -> None:
        """Drop all of them."""
        for name in (*self._used.values(), *self._bare.values(), *self._free):
            self._drop(name)

    def _at(self, name: str) -> str:
        return f"{self._url}{'&' if '?' in self._url else '?'}search_path={name}"

    def _new(self) -> str:
        self._made += 1
        name = f"{self._name}_{self._made}"
        execute(self._url, f"CREATE SCHEMA {name}")
        return name

    def _emptied(self, name: str) -> str:
        async def empty(connection: Any) -> None:
            there = "SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename = ANY($2)"
            for (table,) in await connection.fetch(there, name, _tables()):
                await connection.execute(f"DELETE FROM {name}.{table}")

        connected(self._url, empty)
        return name

    def _drop(self, name: str) -> None:
        execute(self._url, f"DROP SCHEMA {name} CASCADE")


class _Clusters(Schemas):
    """Schemas that a node takes for clusters."""

    def _new(self) -> str:
        name = super()._new()
        prepare(self._at(name))
        execute(self._at(name), _WORKERS + procedure_of_clusters())
        return name


def procedure_of_clusters() -> str:
    """The procedure as the migrations for Citus replace it. PostgreSQL executes it, too."""
    scripts = "\n".join(migrations("citus").values())
    return str(re.findall(r"CREATE OR REPLACE PROCEDURE.*?^\$\$;", scripts, re.DOTALL | re.MULTILINE)[-1])


def execute(url: str, sql: str) -> None:
    async def executed(connection: Any) -> None:
        await connection.execute(sql)

    connected(url, executed)


def connected(url: str, what: Callable[[Any], Awaitable[T]]) -> T:
    """The result of `what` with a connection. If the caller has an event loop, it runs in a thread."""

    async def done() -> T:
        connection = await asyncpg.connect(url)
        try:
            return await what(connection)
        finally:
            await connection.close()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(done())
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(done())).result()


@cache
def _schemas() -> Schemas:
    return _registered(Schemas(_database()))


@cache
def _clusters() -> Schemas:
    return _registered(_Clusters(_database()))


def _registered(schemas: Schemas) -> Schemas:
    if os.environ.get(GIVEN):
        atexit.register(schemas.drop)
    return schemas


@cache
def _database() -> str:
    """The URL of the database in the environment, or else of a server of this process."""
    if url := os.environ.get(GIVEN):
        return url
    cluster = Cluster()
    cluster.create()
    cluster.start()
    atexit.register(cluster.remove)
    return cluster.url


@cache
def _tables() -> list[str]:
    """The tables that wablock's migrations create."""
    folder = files("wablock.storage").joinpath("migrations/postgres")
    return [name for file in folder.iterdir() for name in re.findall(r"CREATE TABLE (\w+)", file.read_text())]
