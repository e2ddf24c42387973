"""No statement scans a list: PostgreSQL uses an index, also for a new list.

The measure is the number of pages that a statement reads: few for an index, all of them for a scan. Before the first
statistics the planner assumes that every list is small.
"""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.postgres import bare_database
from tests.storage.changes import LIST

from wablock.storage.postgres import (
    checks,
    linked_checks,
    lists,
    reads,
    rekeying,
    settling,
    shared_lists,
    sweeping,
    together,
)
from wablock.storage.postgres.schema import prepare
from wablock.storage.postgres.sessions import prepare_connection

_ROWS = 30_000
_MIDDLING = "106540352242999"
_OTHERS = [f"10654035224{number:04}" for number in range(100)]
_SOME = [str(number * 7) for number in range(64)]
_USER_IDS = [f"US.{name}" for name in _SOME]
_PARENTS = [f"US.ENT.{name}" for name in _SOME]
_MANY = [str(number * 7) for number in range(200)]

_FILL = """
INSERT INTO blocked_user (list_id, identity, seq, input, blocked_at, blocked_by, expires_at)
SELECT $1, number::text, number, '', 1, '', CASE WHEN number % 2 = 0 THEN 1000000 + number END
FROM generate_series(1, $2::int) AS number
"""
_FILL_LIST = """
INSERT INTO block_list (list_id, account_id, version, size, revision, writers) VALUES ($1, 'a', 1, $2, 1, '{}')
"""
_FILL_INBOUND = """
INSERT INTO last_inbound (phone_number_id, identity, at)
SELECT $1, number::text, number FROM generate_series(1, $2::int) AS number
"""
_FILL_ALIASES = """
INSERT INTO identity_alias (account_id, alias, identity, wa_id, settled)
SELECT $1, 'US.' || number, number::text, number::text, true FROM generate_series(1, $2::int) AS number
UNION ALL
SELECT $1, 'US.ENT.' || number, 'US.' || number, NULL, true FROM generate_series(1, $2::int) AS number
"""
_LOOK = "ANALYZE blocked_user, block_list, last_inbound, identity_alias"

_LOOKS: dict[str, tuple[str, Sequence[Any], int]] = {
    "check one": (checks._ROWS, ([LIST], [LIST], ["1000"], [LIST], [LIST]), 2),
    "check many of one list": (checks._ROWS, ([LIST] * 64, [LIST] * 64, _SOME, [LIST], [LIST]), 65),
    "check many of a middling list": (
        checks._ROWS,
        ([_MIDDLING] * 64, [_MIDDLING] * 64, _SOME, [_MIDDLING], [_MIDDLING]),
        65,
    ),
    "check one of many lists": (checks._ROWS, (_OTHERS, _OTHERS, ["7"] * 100, _OTHERS, _OTHERS), 200),
    "check one by all ids": (checks._ROWS_BY_ALL_IDS, ([LIST], [LIST], ["1000"], ["US.7"], [LIST], [LIST]), 4),
    "check many by all ids": (
        checks._ROWS_BY_ALL_IDS,
        ([LIST] * 64, [LIST] * 64, _SOME, _USER_IDS, [LIST], [LIST]),
        193,
    ),
    "check one of many lists by all ids": (
        checks._ROWS_BY_ALL_IDS,
        (_OTHERS, _OTHERS, ["7"] * 100, ["US.9"] * 100, _OTHERS, _OTHERS),
        400,
    ),
    "check one by a parent id": (checks._ROWS_BY_PARENT_IDS, ([LIST], [LIST], [""], ["US.ENT.7"], [LIST], [LIST]), 5),
    "check many by parent ids": (
        checks._ROWS_BY_PARENT_IDS,
        ([LIST] * 64, [LIST] * 64, [""] * 64, _PARENTS, [LIST], [LIST]),
        257,
    ),
    "check one of many lists by parent ids": (
        checks._ROWS_BY_PARENT_IDS,
        (_OTHERS, _OTHERS, [""] * 100, ["US.ENT.9"] * 100, _OTHERS, _OTHERS),
        500,
    ),
    "check many on all lists of a number": (checks._ALL_ROWS, ([LIST] * 64, [LIST] * 64, _SOME), 128),
    "check one on all lists of many numbers": (checks._ALL_ROWS, (_OTHERS, _OTHERS, ["7"] * 100), 200),
    "check many by all ids on all lists": (
        checks._ALL_ROWS_BY_ALL_IDS,
        ([LIST] * 64, [LIST] * 64, _SOME, _USER_IDS),
        384,
    ),
    "check many by parent ids on all lists": (
        checks._ALL_ROWS_BY_PARENT_IDS,
        ([LIST] * 64, [LIST] * 64, [""] * 64, _PARENTS),
        512,
    ),
    "what points to user_ids": (settling._POINTING, (LIST, _USER_IDS), 64),
    "point what means a user_id on": (settling._REPOINT, (LIST, "US.7", "7", "7"), 2),
    "unsettled links to some users": (settling._UNSETTLED_OF, ([LIST] * 64, _SOME), 64),
    "a slice of the unsettled links": (settling._UNSETTLED, (LIST, "", "", 64), 64),
    "check one of many lists in a cluster": (linked_checks._ROWS, (_OTHERS, ["7"] * 100, _OTHERS), 100),
    "allow lists of a number": (lists._ALLOW_LISTS, (LIST, LIST), 1),
    "users on allow lists": (lists._ALLOWED, ([LIST, *_OTHERS[:2]], _SOME, 5), 192),
    "lists of numbers": (shared_lists._ATTACHED_TO, ([LIST] * 64, _SOME), 64),
    "heads of lists": (together._HEADS, (_OTHERS,), 100),
    "links of some users": (linked_checks._LINKS, ([LIST] * 64, _SOME), 128),
    "what user_ids of one account mean": (lists._MEANINGS, (LIST, _USER_IDS), 64),
    "which user_ids they have": (lists._ALIASES, (LIST, _SOME), 64),
    "rows of some of many lists": (
        together._ROWS,
        ([LIST, *_OTHERS[:15]] * 4, _SOME, [LIST, *_OTHERS[:15]]),
        64,
    ),
    "rows of one": (lists._ROWS, (LIST, ["1000"]), 1),
    "rows of many": (lists._ROWS, (LIST, _MANY), 200),
    "remove many": (lists._REMOVE, (LIST, _SOME), 64),
    "when many wrote": (lists._WROTE_AT, (LIST, _SOME), 64),
    "first page": (reads._PAGES[False, True], (LIST, 5, 2**63 - 1, 26), 26),
    "page in the middle": (reads._PAGES[False, True], (LIST, 5, 15_000, 26), 26),
    "page before": (reads._PAGES[True, False], (LIST, 5, 15_000, 26), 26),
    "next expiry": (lists._NEXT_EXPIRY, (LIST,), 1),
    "none expired": (lists._EXPIRED, (LIST, 1, 10_000), 1),
    "some of the expired": (lists._DROP_THESE, (LIST, 2_000_000, _SOME), 64),
    "a slice of the expired": (sweeping._THESE, (LIST, 2_000_000, 10), 10),
    "old messages": (sweeping._OLD_INBOUND, ([LIST, *_OTHERS], 1, 10_000), 100),
    "a slice of the old messages": (sweeping._FORGET_INBOUND, (LIST, 2_000_000, _SOME), 64),
    "rows under former keys": (rekeying._FORMER, ([LIST, *_OTHERS], "54", "55", 14, 10_000), 200),
    "last messages under former keys": (rekeying._FORMER_INBOUND, ([LIST, *_OTHERS], "54", "55", 14, 10_000), 200),
    "links to former keys": (rekeying._FORMER_ALIASES, ("54", "55", 14, 10_000), 200),
    "the list": (lists._LOCK, (LIST,), 1),
}


@pytest.fixture(params=["before the first statistics", "after those of few rows", "after those of all"])
async def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A connection to a database with one long list and many short ones. Plans do not depend on the arguments."""
    dsn = bare_database(tmp_path)
    await asyncio.to_thread(prepare, dsn)
    opened = await asyncpg.connect(dsn)
    await prepare_connection(opened)
    await opened.execute("SET plan_cache_mode = force_generic_plan")
    if request.param == "after those of few rows":
        for list_id in ("1", "2"):
            await _fill(opened, list_id, 60)
        await opened.execute(_LOOK)
    transaction = opened.transaction()  # autovacuum adds no statistics in it
    await transaction.start()
    for list_id, rows in [(LIST, _ROWS), (_MIDDLING, 500), *((other, 50) for other in _OTHERS)]:
        await _fill(opened, list_id, rows)
    if request.param == "after those of all":
        await opened.execute(_LOOK)
    yield opened
    await transaction.rollback()
    await opened.close()


async def _fill(connection: Any, list_id: str, rows: int) -> None:
    await connection.execute(_FILL, list_id, rows)
    await connection.execute(_FILL_LIST, list_id, rows)
    await connection.execute(_FILL_INBOUND, list_id, rows)
    await connection.execute(_FILL_ALIASES, list_id, rows)


async def test_no_statement_reads_more_rows_than_it_needs(connection: Any) -> None:
    scans = {}
    for name, (statement, args, looks) in _LOOKS.items():
        async with connection.transaction():
            ((plan,),) = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *args)
        (explained,) = json.loads(plan)
        pages, rows = _pages(explained["Plan"]), _rows(explained["Plan"])
        if pages > 40 + 8 * looks or rows > 40 + 8 * looks:
            scans[name] = pages, rows

    assert scans == {}


def _pages(node: dict[str, Any]) -> int:
    return int(node["Shared Hit Blocks"] + node["Shared Read Blocks"])


def _rows(node: dict[str, Any]) -> int:
    """The rows that the node returned, and the rows that it read and removed."""
    kinds = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter")
    return int(sum(node.get(kind, 0) for kind in kinds) * node["Actual Loops"]) + sum(map(_rows, node.get("Plans", ())))
