"""How PostgreSQL goes through its tables when both sides are compared: in the order of an index, from where it was."""

from pathlib import Path

import pytest
from tests.postgres import fresh_database

from wablock.storage.moving import target
from wablock.storage.moving.tables import TABLES, Table
from wablock.storage.moving.target import Target
from wablock.storage.postgres.schema import prepare

_VALUES = {"list_id": "'1'::text", "seq": "'1'::bigint", "token_sha256": "'x'::bytea"}


def _queries(table: Table) -> list[str]:
    after = target._AFTER[table.name]
    for place, column in enumerate(table.key, 1):
        after = after.replace(f"${place}", _VALUES.get(column, "'1'::text"))
    limit = f"${len(table.key) + 1}"
    return [after.replace(limit, "1000"), target._FIRST[table.name].replace("$1", "1000"), target._LAST[table.name]]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_rows_are_read_in_the_order_of_an_index_from_where_it_was(table: Table, tmp_path: Path) -> None:
    url = fresh_database(tmp_path)
    prepare(url)
    opened = await Target.opened(url)

    plans = [
        "\n".join(line for (line,) in await opened._connection.fetch(f"EXPLAIN {query}")) for query in _queries(table)
    ]

    await opened.close()
    for plan in plans:
        assert "Sort" not in plan, plan
        assert "Seq Scan" not in plan, plan
    assert "Index Cond: (" in plans[0]
    assert "Filter" not in plans[0]
