"""Opening a PostgreSQL database: new, ours, newer, beside other nodes, or missing."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.cluster import running_cluster
from tests.postgres import bare_database, connected, execute, fresh_database
from tests.storage.changes import ACCOUNT, NOON, block, is_blocked, listed
from tests.storage.meters import CountingMeter
from tests.storage.people import person
from tests.waiting import wait_in_loop_until

from wablock.access import ALL_SCOPES, AccessToken
from wablock.storage import CannotOpen, Store, open_store
from wablock.storage.postgres import schema
from wablock.storage.postgres.schema import WORKS_WITH, Migrations, migrate, migrations, prepare
from wablock.storage.postgres.sessions import PLANNER


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A database without any table."""
    return bare_database(tmp_path)


def _open(dsn: str) -> Store:
    return open_store(dsn, CountingMeter())


def _refusal(dsn: str) -> str:
    with pytest.raises(CannotOpen) as refusal:
        _open(dsn)
    return str(refusal.value)


def _schema(dsn: str) -> tuple[int, int]:
    async def read(connection: Any) -> tuple[int, int]:
        return tuple(await connection.fetchrow("SELECT version, works_with FROM wablock_schema"))

    return connected(dsn, read)


def _tables(dsn: str) -> int:
    async def count(connection: Any) -> int:
        return int(await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"))

    return connected(dsn, count)


def test_a_new_database_gets_the_newest_schema(bare: str) -> None:
    prepare(bare)

    assert _schema(bare) == (max(migrations()), WORKS_WITH)


def test_preparing_twice_changes_nothing(bare: str) -> None:
    prepare(bare)
    before = _tables(bare)

    prepare(bare)

    assert (_tables(bare), _schema(bare)) == (before, (max(migrations()), WORKS_WITH))


def test_many_nodes_can_open_one_new_database_at_once(bare: str) -> None:
    with ThreadPoolExecutor(8) as nodes:
        list(nodes.map(prepare, [bare] * 8))

    assert _schema(bare) == (max(migrations()), WORKS_WITH)


def test_migrations_are_numbered_without_a_gap() -> None:
    assert list(migrations()) == list(range(1, len(migrations()) + 1))
    assert set(migrations("citus")) <= set(migrations())


_NEXT: Migrations = {
    **migrations(),
    max(migrations()) + 1: """
    ALTER TABLE blocked_user ADD COLUMN origin TEXT;
    ALTER TABLE block_list ADD COLUMN name TEXT NOT NULL DEFAULT '';
    CREATE TABLE something_new (list_id TEXT COLLATE "C" NOT NULL PRIMARY KEY);
    """,
}


def _upgrade(dsn: str, works_with: int = WORKS_WITH) -> None:
    """Migrate as a node of the next version does when it starts."""

    async def upgraded(connection: Any) -> None:
        await migrate(connection, _NEXT, {}, works_with)

    connected(dsn, upgraded)


async def test_a_node_writes_while_one_of_the_next_version_migrates_the_database(bare: str) -> None:
    node = _open(bare)
    written = 0

    async def write() -> None:
        nonlocal written
        while written < 2_000:
            await node.apply(block(person(written % 1_000)))
            written += 1

    writing = [asyncio.create_task(write()) for _ in range(4)]
    await wait_in_loop_until(lambda: written > 0, "nothing is written")
    await asyncio.to_thread(_upgrade, bare)
    await asyncio.gather(*writing)

    assert len(await listed(node)) == 1_000
    await node.close()


async def test_a_node_is_ready_while_one_of_the_next_version_migrates_the_database(bare: str) -> None:
    node = _open(bare)
    locked, done = asyncio.Event(), asyncio.Event()

    async def migrate_slowly() -> None:
        connection = await asyncpg.connect(bare)
        async with connection.transaction():
            await connection.fetchrow(schema._LOCK)
            locked.set()
            await done.wait()
            await connection.execute(schema._DONE, max(migrations()), WORKS_WITH)
        await connection.close()

    migrating = asyncio.create_task(migrate_slowly())
    await locked.wait()

    assert await asyncio.wait_for(node.is_ready(), 3)

    done.set()
    await migrating
    await node.close()


def test_an_upgrade_does_not_wait_behind_a_backup_while_every_check_waits_behind_it(bare: str) -> None:
    async def read_while_a_node_starts(connection: Any) -> str:
        await migrate(connection, {number: migrations()[number] for number in (1, 2)}, {}, WORKS_WITH)
        async with connection.transaction():
            await connection.fetch("SELECT 1 FROM identity_alias")
            return await asyncio.wait_for(asyncio.to_thread(_refusal, bare), 20)

    refusal = connected(bare, read_while_a_node_starts)

    assert "another session, such as a backup" in refusal
    assert _schema(bare)[0] == 2


def test_an_upgrade_admits_no_node_that_could_not_start_before(bare: str) -> None:
    async def made_by_schema_2(connection: Any) -> None:
        await migrate(connection, {number: migrations()[number] for number in (1, 2)}, {}, WORKS_WITH)

    connected(bare, made_by_schema_2)
    before = _schema(bare)

    prepare(bare)

    assert (before, _schema(bare)) == ((2, 2), (max(migrations()), 2))


async def test_a_node_that_starts_on_the_next_versions_database_works_with_it(bare: str) -> None:
    prepare(bare)
    _upgrade(bare)

    node = _open(bare)

    await node.apply(block(person(1)))
    assert await is_blocked(node, person(1))
    assert _schema(bare)[0] == max(_NEXT)
    await node.close()


def test_a_database_that_no_longer_supports_this_version_is_refused_and_not_changed(bare: str) -> None:
    prepare(bare)
    _upgrade(bare, works_with=99)

    assert _refusal(bare) == f"The database was written by a newer wablock (schema {max(_NEXT)}); upgrade wablock"
    assert _schema(bare) == (max(_NEXT), 99)


def test_a_migration_that_fails_leaves_nothing(bare: str) -> None:
    async def fail(connection: Any) -> None:
        await migrate(connection, {1: migrations()[1] + "; SELECT no_such_function()"}, {}, 1)

    with pytest.raises(asyncpg.UndefinedFunctionError):
        connected(bare, fail)

    assert _schema(bare) == (0, 0)
    assert _tables(bare) == 1


@pytest.fixture
def stranger(bare: str) -> Iterator[str]:
    """The database for a role that may read and write, but not create tables."""
    prepare(bare)
    schema = bare.rpartition("=")[2]
    role = f"{schema}_node"
    execute(bare, f"CREATE ROLE {role} LOGIN")
    execute(bare, f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    execute(bare, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}")
    yield bare.replace("postgres@", f"{role}@", 1)
    execute(bare, f"DROP OWNED BY {role}")
    execute(bare, f"DROP ROLE {role}")


async def test_a_role_without_the_right_to_create_tables_serves_a_database_that_is_up_to_date(stranger: str) -> None:
    node = _open(stranger)

    await node.apply(block(person(1)))
    await node.add_token(AccessToken(b"1" * 32, ACCOUNT, "a", ALL_SCOPES, None, NOON))

    assert await is_blocked(node, person(1))
    assert await node.is_ready()
    await node.close()


@pytest.mark.parametrize(
    "dsn, why",
    [
        ("postgresql://me:secret@127.0.0.1:1/wablock", "Connect call failed"),
        ("postgresql://me:secret@127.0.0.1:1,127.0.0.1:2/wablock?target_session_attrs=primary", "127.0.0.1:1,127.0."),
        ("postgresql://me:secret@localhost:port/wablock", "postgresql://user@host:5432/database"),
        ("postgresql://me:secret@127.0.0.1:1/wablock?sslmode=perhaps", "sslmode"),
    ],
)
def test_the_error_of_an_unreachable_database_is_one_line_without_the_password(dsn: str, why: str) -> None:
    refusal = _refusal(dsn)

    assert why in refusal
    assert "\n" not in refusal
    assert "secret" not in refusal


def test_a_database_with_fsync_off_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dsn = fresh_database(tmp_path)

    async def fsync(connection: Any) -> str:
        return str(await connection.fetchval("SHOW fsync"))

    with caplog.at_level(logging.WARNING, "wablock.storage"):
        prepare(dsn)

    assert ("fsync off" in caplog.text) == (connected(dsn, fsync) == "off")


_LOCAL_GROUP = (
    "CREATE TABLE pg_dist_local_group (groupid INTEGER NOT NULL); INSERT INTO pg_dist_local_group VALUES ({})"
)


def test_a_worker_of_a_cluster_is_not_upgraded_and_the_error_names_the_coordinator(bare: str) -> None:
    execute(bare, _LOCAL_GROUP.format(2))

    with pytest.raises(CannotOpen, match="names a worker of a Citus cluster first"):
        prepare(bare)


def test_the_coordinator_is_upgraded(bare: str) -> None:
    execute(bare, _LOCAL_GROUP.format(0))

    prepare(bare)

    assert _schema(bare) == (max(migrations()), WORKS_WITH)


def test_a_worker_serves_a_cluster_that_is_up_to_date(bare: str) -> None:
    prepare(bare)
    execute(bare, _LOCAL_GROUP.format(2))

    prepare(bare)


@pytest.mark.parametrize("stray", ["DROP TABLE wablock_schema", "UPDATE wablock_schema SET version = 0"])
def test_tables_whose_version_is_at_another_machine_are_refused_and_not_changed(bare: str, stray: str) -> None:
    prepare(bare)
    execute(bare, stray)
    before = _tables(bare)

    with pytest.raises(CannotOpen, match="names the coordinator"):
        prepare(bare)

    assert _tables(bare) == before


@pytest.mark.parametrize(
    "groups, result",
    [
        ([1, 2], pytest.raises(asyncpg.RaiseError, match="citus_set_coordinator_host")),
        ([0, 1], contextlib.nullcontext()),
        ([], contextlib.nullcontext()),
    ],
    ids=["workers", "coordinator", "none"],
)
def test_a_cluster_that_does_not_know_its_coordinator_is_refused(
    bare: str, groups: list[int], result: contextlib.AbstractContextManager[Any]
) -> None:
    execute(bare, f"CREATE TABLE pg_dist_node AS SELECT unnest(ARRAY{groups}::integer[]) AS groupid")
    (check,) = re.findall(r"^DO \$\$.*?^\$\$;", migrations("citus")[6], re.DOTALL | re.MULTILINE)

    with result:
        execute(bare, check)


def _settings_for_workers() -> str:
    """The statement of the migration that gives a cluster's workers the planner's settings."""
    (block,) = re.findall(r"^DO \$\$.*?^\$\$;", migrations("citus")[5], re.DOTALL | re.MULTILINE)
    return str(block)


@pytest.fixture
def cluster() -> Iterator[str]:
    """A database of its own, with the function of a cluster."""
    with running_cluster() as own:
        prepare(own.url)
        execute(own.url, "CREATE FUNCTION wablock_worker_of(TEXT) RETURNS INTEGER LANGUAGE sql AS 'SELECT 1'")
        yield own.url


def test_workers_without_the_planners_settings_are_warned_of(cluster: str, caplog: pytest.LogCaptureFixture) -> None:
    prepare(cluster)

    assert "ALTER DATABASE … SET enable_seqscan = off;" in caplog.text


def test_the_migration_gives_all_sessions_the_planners_settings(cluster: str, caplog: pytest.LogCaptureFixture) -> None:
    execute(cluster, _settings_for_workers())

    prepare(cluster)

    assert "ALTER DATABASE" not in caplog.text
    assert {connected(cluster, lambda it: it.fetchval(f"SHOW {name}")) for name in PLANNER} == {"off"}  # noqa: B023


def test_a_role_that_does_not_own_the_database_can_migrate_it(cluster: str) -> None:
    execute(cluster, "CREATE ROLE node LOGIN")

    execute(cluster.replace("postgres@", "node@"), _settings_for_workers())

    assert connected(cluster, lambda it: it.fetchval("SHOW enable_seqscan")) == "on"
