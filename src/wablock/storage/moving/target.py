"""The new side: a PostgreSQL database that nobody may serve until it is whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from wablock.storage.moving.tables import BLOCK_LIST, TABLES, Key, Row, Table, names
from wablock.storage.postgres import schema
from wablock.storage.sqlite.connection import CannotOpen

_CONNECT_WITHIN: Final = 10.0  # seconds

# A table of the move's own, gone at its end. What it says a program may rely on before it writes: whose half this is.
_MAKE_MOVE = """
CREATE TABLE wablock_move (
    only_row BOOLEAN NOT NULL PRIMARY KEY CHECK (only_row),
    move_id TEXT NOT NULL,
    is_rehearsal BOOLEAN NOT NULL
)
"""
_IS_THERE = "SELECT to_regclass($1) IS NOT NULL"
_MOVE = "SELECT move_id, is_rehearsal FROM wablock_move"
_SET_MOVE = "INSERT INTO wablock_move (only_row, move_id, is_rehearsal) VALUES (true, $1, $2)"
_DROP_MOVE = "DROP TABLE IF EXISTS wablock_move"
_VERSION = "SELECT version FROM wablock_schema"
_CLOSE = "UPDATE wablock_schema SET works_with = $1"

_ALL_LISTS_OF_ACCOUNTS = "account_list"
_EMPTY_ALL: Final = f"TRUNCATE {names([*(table.name for table in TABLES), _ALL_LISTS_OF_ACCOUNTS])}"
_ANY: Final = "SELECT " + " OR ".join(f"EXISTS (SELECT 1 FROM {table.name})" for table in TABLES)


def _select(table: Table, where: str, limit: str) -> str:
    return f"SELECT {names(table.columns)} FROM {table.name} {where} ORDER BY {names(table.key)} LIMIT {limit}"


def _parameters(table: Table) -> str:
    return names([f"${index + 1}" for index in range(len(table.key))])


_FIRST: Final = {table.name: _select(table, "", "$1") for table in TABLES}
_AFTER: Final = {
    table.name: _select(
        table, f"WHERE ({names(table.key)}) > ({_parameters(table)})", f"${len(table.key) + 1}"
    )
    for table in TABLES
}
_NEWEST: Final = {
    table.name: f"SELECT {names(table.key)} FROM {table.name} "
    f"ORDER BY {names([f'{column} DESC' for column in table.key])} LIMIT 1"
    for table in TABLES
}
