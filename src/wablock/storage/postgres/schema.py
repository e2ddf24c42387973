"""The schema of a PostgreSQL database, which is migrated while other nodes use it."""

import asyncio
import logging
import threading
from importlib.resources import files
from typing import Final

import asyncpg
import msgspec

from wablock.storage.opening import CannotOpen, check_parts, named
from wablock.storage.postgres import workers
from wablock.storage.postgres.rekeying import may_be_beside_older
from wablock.storage.postgres.sessions import PLANNER, Connection, connect, role

_log = logging.getLogger("wablock.storage")

_WITHIN: Final = 10.0  # seconds to connect
_ATTEMPTS: Final = 20

# One row: the newest migration, and the oldest schema whose nodes can still use the database.
_MAKE_SCHEMA_TABLE = """
CREATE TABLE IF NOT EXISTS wablock_schema (
    only_row BOOLEAN NOT NULL PRIMARY KEY CHECK (only_row),
    version INTEGER NOT NULL,
    works_with INTEGER NOT NULL
);
INSERT INTO wablock_schema (only_row, version, works_with) VALUES (true, 0, 0) ON CONFLICT DO NOTHING
"""
_IS_THERE = "SELECT to_regclass('wablock_schema')"
_STATE = "SELECT version, works_with FROM wablock_schema WHERE only_row"
# Excludes other nodes that migrate, but not those that check whether they can write. A dead worker would block it.
_LOCK = "SELECT version, works_with FROM wablock_schema WHERE only_row FOR NO KEY UPDATE"
_DONE = "UPDATE wablock_schema SET version = $1, works_with = $2 WHERE only_row"
_HAS_LISTS = "SELECT to_regclass('block_list') IS NOT NULL"
_IS_CLUSTER = "SELECT to_regclass('pg_dist_local_group') IS NOT NULL"
_IS_COORDINATOR = "SELECT groupid = 0 FROM pg_dist_local_group"
_SET_FOR_ALL = """
SELECT unnest(setconfig) FROM pg_db_role_setting
WHERE setrole = 0 AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
# Not if the extension was created after wablock's first start.
_IS_DISTRIBUTED = "SELECT EXISTS (SELECT 1 FROM pg_dist_partition WHERE logicalrelid = 'block_list'::regclass)"
_HAS_CITUS = "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')"

# If two nodes create the same table at the same time, one of them gets one of these errors, and retries.
_RACED: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.DuplicateTableError,
    asyncpg.DuplicateObjectError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InternalServerError,  # "tuple concurrently updated"
)

_BEGUN_ELSEWHERE: Final = (
    "The database has wablock's tables without their version, as a worker of a Citus cluster has them if an earlier "
    "wablock made them. Run wablock number list once with a URL that names the coordinator; if that is not enough, "
    "drop the table wablock_schema on this worker"
)

Migrations = dict[int, str]

# A migration only adds things that older nodes do not use, so nodes of both versions work at the same time. A later
# migration removes what the previous version does not need, and then raises this number.
WORKS_WITH: Final = 2
"""For a new database, which older nodes cannot use."""
UPGRADED_WORKS_WITH: Final = 1
"""For a database of the previous version, whose nodes may be running. See `rekeying`."""
HALF_MOVED: Final = 2**31 - 1
"""While a move fills the database: no node of any version may use it."""


def migrations(folder: str = "postgres") -> Migrations:
    """Every migration: its number and its SQL, in order."""
    scripts = files("wablock.storage").joinpath("migrations", folder)
    texts = sorted((entry.name, entry.read_text()) for entry in scripts.iterdir() if entry.name.endswith(".sql"))
    return {int(name.split("_")[0]): sql for name, sql in texts}


class Prepared(msgspec.Struct, frozen=True):
    """What a node has to know of a database. `beside_older`: nodes of the previous version may be using it.

    `has_workers`: it is a Citus cluster.
    """

    beside_older: bool
    has_workers: bool


def prepare(dsn: str) -> Prepared:
    """Apply the missing migrations; raises `CannotOpen`. Several nodes may call this at once; one migrates.

    Runs in its own thread, because a store is opened inside and outside of event loops.
    """
    errors: list[Exception] = []
    results: list[Prepared] = []

    def work() -> None:
        try:
            results.append(asyncio.run(_prepare(dsn)))
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="wablock-schema")
    thread.start()
    thread.join()
    if not errors:
        return results[0]
    if isinstance(errors[0], CannotOpen):
        raise errors[0]
    if isinstance(errors[0], asyncpg.LockNotAvailableError):
        raise CannotOpen(
            f"Cannot upgrade the database {named(dsn)} now: another session, such as a backup, reads or changes its "
            "tables. Start again when that session has ended."
        ) from errors[0]
    raise CannotOpen(f"Cannot open the database {named(dsn)}: {_one_line(errors[0])}") from errors[0]


async def migrate(connection: Connection, scripts: Migrations, citus: Migrations, works_with: int) -> None:
    """Migrate to the newest of `scripts`, in one transaction that other nodes wait for.

    `works_with`: the oldest schema whose nodes can use an existing database from now on.
    """
    newest = max(scripts)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            if await connection.fetchval(_IS_THERE) is None:  # a role that may not create tables may use existing ones
                if not await connection.fetchval(_HAS_LISTS):
                    await connection.execute(_MAKE_SCHEMA_TABLE)
                elif await connection.fetchval(_IS_THERE) is None:  # or another node has just made all of them
                    raise CannotOpen(_BEGUN_ELSEWHERE)
            version, _ = await _state(connection, _STATE, newest)
            if version >= newest:
                return
            async with connection.transaction(isolation="read_committed"):
                version, oldest = await _state(connection, _LOCK, newest)
                if version < newest:
                    await _check_place(connection, version)
                    await _apply(connection, {n: sql for n, sql in scripts.items() if n > version}, citus)
                    least = max(works_with, oldest) if version else max(works_with, WORKS_WITH)
                    await connection.execute(_DONE, newest, least)
        except _RACED:
            if attempt == _ATTEMPTS:
                raise
            await asyncio.sleep(0.05 * attempt)
        else:
            return


async def _state(connection: Connection, statement: str, newest: int) -> tuple[int, int]:
    """The newest migration, and the oldest schema whose nodes can use the database.

    Raises `CannotOpen` if this node, with the schema `newest`, cannot.
    """
    version, oldest = await connection.fetchrow(statement)
    if oldest == HALF_MOVED:
        raise CannotOpen("The database is half moved: finish the move with wablock migrate, then serve it")
    if oldest > newest:
        raise CannotOpen(f"The database was written by a newer wablock (schema {version}); upgrade wablock")
    return version, oldest


async def _check_place(connection: Connection, version: int) -> None:
    """Raises `CannotOpen` if the schema cannot be changed on this machine."""
    if not version and await connection.fetchval(_HAS_LISTS):
        raise CannotOpen(_BEGUN_ELSEWHERE)
    if await connection.fetchval(_IS_CLUSTER) and not await connection.fetchval(_IS_COORDINATOR):
        raise CannotOpen(
            "The database must be upgraded, and the URL names a worker of a Citus cluster first. Run "
            "wablock number list once with a URL that names the coordinator"
        )


async def _apply(connection: Connection, scripts: Migrations, citus: Migrations) -> None:
    has_citus = await connection.fetchval(_HAS_CITUS)
    for number, sql in scripts.items():
        await connection.execute(sql)
        if has_citus and number in citus and (number == 1 or await connection.fetchval(_IS_DISTRIBUTED)):
            await connection.execute(citus[number])


async def _prepare(dsn: str) -> Prepared:
    check_parts(dsn)
    try:
        connection = await connect(dsn, timeout=_WITHIN, target_session_attrs=role(dsn))
    except (asyncpg.ClientConfigurationError, ValueError) as error:  # ValueError: the port is not a number
        raise CannotOpen(
            f"Cannot read the database URL: {_one_line(error)}; write postgresql://user@host:5432/database"
        ) from error
    try:
        await connection.execute("SET client_min_messages = error")
        await migrate(connection, migrations(), migrations("citus"), UPGRADED_WORKS_WITH)
        if await connection.fetchval("SHOW fsync") == "off":
            _log.warning("this PostgreSQL runs with fsync off: acknowledged changes do not survive a power cut")
        has_workers = await workers.are_several(connection)
        if has_workers:
            await _check_planner(connection)
        return Prepared(await may_be_beside_older(connection), has_workers)
    finally:
        await connection.close()


async def _check_planner(connection: Connection) -> None:
    """Log what to do if the workers of a cluster do not have the settings of `PLANNER`."""
    for_all = {setting for (setting,) in await connection.fetch(_SET_FOR_ALL)}
    missing = [name for name in PLANNER if f"{name}=off" not in for_all]
    if missing:
        statements = " ".join(f"ALTER DATABASE … SET {name} = off;" for name in missing)
        _log.warning("the cluster's workers may read whole lists: let the owner of the database run %s", statements)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
