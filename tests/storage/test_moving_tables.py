"""A move is complete: a new table or column fails these tests until the move copies it."""

from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.postgres import bare_database, connected

from wablock.storage.moving.tables import TABLES, Table
from wablock.storage.postgres.schema import prepare as prepare_postgres
from wablock.storage.sqlite import moves
from wablock.storage.sqlite.connection import prepare

_NEW_COLUMNS = """
SELECT table_name, array_agg(column_name) FROM information_schema.columns WHERE table_schema = current_schema()
GROUP BY table_name
"""


@pytest.fixture
def old(tmp_path: Path) -> dict[str, set[str]]:
    """The columns of each table on SQLite."""
    prepare(tmp_path / "wablock.db")
    with closing(apsw.Connection(str(tmp_path / "wablock.db"))) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            table: {name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}
            for table in tables
        }


@pytest.fixture
def new(tmp_path: Path) -> dict[str, set[str]]:
    """The columns of each table on PostgreSQL."""

    async def columns(connection: Any) -> dict[str, set[str]]:
        return {table: set(names) for table, names in await connection.fetch(_NEW_COLUMNS)}

    url = bare_database(tmp_path)
    prepare_postgres(url)
    return connected(url, columns)


def test_every_table_is_moved_or_is_about_the_database_itself(
    old: dict[str, set[str]], new: dict[str, set[str]]
) -> None:
    moved = {table.name for table in TABLES}

    assert old.keys() - {"move", "sqlite_stat1", "sqlite_stat4"} == moved
    assert new.keys() - {"wablock_schema", "wablock_rekeying", "account_list"} == moved


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_is_moved_or_filled_in(table: Table, old: dict[str, set[str]], new: dict[str, set[str]]) -> None:
    computed, added = {name for name, _ in table.computed}, {name for name, _ in table.added}

    assert old[table.name] == set(table.columns) - computed
    assert new[table.name] == {*table.columns, *added}
    assert table.columns[: len(table.key)] == table.key


def test_every_table_is_closed_for_writes(old: dict[str, set[str]]) -> None:
    assert set(moves._TABLES) == old.keys() - {"move"}
