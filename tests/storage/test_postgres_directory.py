"""Numbers on PostgreSQL, which are added and removed in several transactions."""

import asyncio
from pathlib import Path

import asyncpg
from tests.postgres import fresh_database
from tests.storage.changes import ACCOUNT, LIST, NOON, stored
from tests.storage.meters import CountingMeter

from wablock.block_list.ports import BusinessNumber
from wablock.storage import open_store

_NUMBER = BusinessNumber(LIST, ACCOUNT)
_HOLD = "SELECT 1 FROM account_list WHERE account_id = $1 AND list_id = $2 FOR UPDATE"


async def test_a_number_that_is_added_again_during_its_removal_is_among_all_numbers(tmp_path: Path) -> None:
    dsn = fresh_database(tmp_path)
    node, other = open_store(dsn, CountingMeter()), open_store(dsn, CountingMeter())
    await node.add_number(_NUMBER, NOON)
    slow = await asyncpg.connect(dsn)

    async with slow.transaction():  # delays a removal of the row in account_list
        await slow.fetch(_HOLD, ACCOUNT, LIST)
        removing = asyncio.ensure_future(node.remove_number(LIST))
        while not await other.add_number(_NUMBER, NOON):
            pass
    assert await removing

    assert await node.numbers() == [stored(_NUMBER)]
    for it in (slow, node, other):
        await it.close()
