"""The PostgreSQL databases for tests."""

from pathlib import Path
from typing import Any

from tests.postgres import bare_database, connected, execute, fresh_database, give_back
from tests.storage.meters import CountingMeter

from wablock.storage import open_store

TABLE = "CREATE TABLE account (account_id TEXT NOT NULL)"
ROW = "INSERT INTO account (account_id, created_at) VALUES ('102290129340398', 0)"


def rows(url: str) -> int:
    async def counted(connection: Any) -> int:
        return int(await connection.fetchval("SELECT count(*) FROM account"))

    return connected(url, counted)


def tables(url: str) -> int:
    async def counted(connection: Any) -> int:
        return int(await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema"))

    return connected(url, counted)


def test_a_folder_has_one_database_and_another_folder_another(tmp_path: Path) -> None:
    assert fresh_database(tmp_path / "a") == fresh_database(tmp_path / "a") != fresh_database(tmp_path / "b")


def test_a_database_that_was_given_back_is_empty_for_the_next(tmp_path: Path) -> None:
    first = fresh_database(tmp_path / "a")
    open_store(first, CountingMeter())  # this creates its tables
    execute(first, ROW)
    give_back(tmp_path / "a")

    second = fresh_database(tmp_path / "b")

    assert second == first
    assert rows(second) == 0


async def test_a_database_can_be_used_while_an_event_loop_runs(tmp_path: Path) -> None:
    assert fresh_database(tmp_path)


def test_a_bare_database_has_no_table_even_if_it_is_a_second_one(tmp_path: Path) -> None:
    counts = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        url = bare_database(folder)
        counts.append(tables(url))
        execute(url, TABLE)
        give_back(folder)

    assert counts == [0, 0]
