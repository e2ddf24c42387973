"""Reads of a file that keeps an older schema: it was moved, or is being moved, and accepts no writes.

Temporary tables and views have what this version reads and the file lacks, as a migration would make it. So the same
statements read every file.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Final

import apsw

from wablock.storage.sqlite import rekeying

_TABLES = "SELECT name FROM main.sqlite_schema WHERE type = 'table'"
_COLUMNS = "SELECT name, coalesce(dflt_value, 'NULL') FROM pragma_table_info(?, 'main')"
_INDEX: Final = "INDEXED BY blocked_user_identity"

Columns = Mapping[str, str]
"""The columns of a table, each with its default as SQL."""


def stand_in(connection: apsw.Connection, migrations: Sequence[tuple[int, str]]) -> None:
    """Let `connection`, which only reads, find every table and column of the newest schema."""
    newest, ours = _schema_of(migrations), _schema(connection)
    for table, columns in newest.items():
        if table not in ours:
            connection.execute(f"CREATE TEMP TABLE {table} ({', '.join(columns)})")
        elif missing := {name: default for name, default in columns.items() if name not in ours[table]}:
            added = ", ".join(f"{default} AS {name}" for name, default in missing.items())
            connection.execute(f"CREATE TEMP VIEW {table} AS SELECT *, {added} FROM main.{table}")
            connection.cursor_factory = _CursorWithoutIndex


class _CursorWithoutIndex(apsw.Cursor):
    """SQLite refuses to use a named index of a view, and finds it without its name."""

    def execute(self, statements: str, *args: Any, **kwargs: Any) -> apsw.Cursor:
        return super().execute(statements.replace(_INDEX, ""), *args, **kwargs)


def _schema_of(migrations: Sequence[tuple[int, str]]) -> Mapping[str, Columns]:
    with closing(apsw.Connection(":memory:")) as connection:
        rekeying.add_functions(connection)
        for _, sql in migrations:
            connection.execute(sql)
        return _schema(connection)


def _schema(connection: apsw.Connection) -> Mapping[str, Columns]:
    tables: list[tuple[Any, ...]] = connection.execute(_TABLES).fetchall()
    columns: dict[str, list[tuple[Any, ...]]] = {
        table: connection.execute(_COLUMNS, (table,)).fetchall() for (table,) in tables
    }
    return {table: dict(of_table) for table, of_table in columns.items()}
