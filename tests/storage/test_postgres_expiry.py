"""Many expired blocks and old messages on PostgreSQL: deleted in slices, because long transactions time out."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.postgres import connected, fresh_database
from tests.storage.changes import LIST, NOON, SECOND, block, listed, unblock
from tests.storage.meters import CountingMeter
from tests.storage.people import person

from wablock.block_list.changes import Sweep
from wablock.block_list.ports import Effect, Outcome
from wablock.storage import open_store
from wablock.storage.postgres import PostgresStore
from wablock.storage.postgres.lists import Batch

_EXPIRED = """
INSERT INTO blocked_user (list_id, identity, seq, input, blocked_at, blocked_by, expires_at)
SELECT $1, 'x' || number, number, '', 1, '', 1000 FROM generate_series(1, $2::int) AS number
"""
_COUNTED = "UPDATE block_list SET size = size + $2, next_expiry = 1000, revision = revision + 1 WHERE list_id = $1"
_WROTE = """
INSERT INTO last_inbound (phone_number_id, identity, at)
SELECT $1, 'x' || number, 1 FROM generate_series(1, $2::int) AS number
"""
_LEFT = "SELECT count(*) FROM last_inbound WHERE phone_number_id = $1"


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    return fresh_database(tmp_path)


@pytest.fixture
async def store(dsn: str) -> AsyncIterator[PostgresStore]:
    opened = open_store(dsn, CountingMeter())
    assert isinstance(opened, PostgresStore)
    await opened.apply(unblock(person(99)))
    yield opened
    await opened.close()


def _fill(dsn: str, *statements: str, rows: int = 25_000) -> None:
    async def fill(connection: Any) -> None:
        for statement in statements:
            await connection.execute(statement, LIST, rows)

    connected(dsn, fill)


async def test_many_expired_blocks_take_no_place(dsn: str, store: PostgresStore) -> None:
    _fill(dsn, _EXPIRED, _COUNTED)

    outcome = await store.apply(block(person(1), max_size=1))

    assert not outcome.refused
    assert await listed(store) == ["+16505550001"]
    assert (await store.apply(block(person(2), max_size=1))).refused


async def test_a_transaction_deletes_only_some_of_many_expired_blocks(dsn: str, store: PostgresStore) -> None:
    _fill(dsn, _EXPIRED, _COUNTED)
    batch = Batch(LIST, [block(person(1))], node=7, numbers=count(1))

    outcomes = [await store._common.writing.run(batch) for _ in range(3)]

    assert outcomes == [None, None, [Outcome({}, [Effect.ADDED], [()])]]


async def test_many_old_messages_are_deleted_in_one_sweep(dsn: str, store: PostgresStore) -> None:
    _fill(dsn, _WROTE)

    await store.apply(Sweep(NOON, NOON - 25 * 3_600 * SECOND))

    assert connected(dsn, lambda connection: connection.fetchval(_LEFT, LIST)) == 0
