"""Callers stop waiting for a worker of a Citus cluster that is silent, and the work goes on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.postgres import bare_database, execute
from tests.storage.changes import NOON, block, stored
from tests.storage.meters import CountingMeter
from tests.storage.people import by_user_id, user_of
from tests.workers import DEAD, SILENT, Workers

from wablock.block_list.changes import Link, Sweep
from wablock.block_list.ports import BusinessNumber
from wablock.contract.errors import GraphError
from wablock.failures import Overloaded
from wablock.storage.postgres import PostgresStore

_NUMBER = BusinessNumber("106540352242921", "102290129340398")
_COMPLETE = BusinessNumber("106540352242921", "102290129340398", "16505550100", "US")
_BEFORE_ANY_IS_CUT_OFF = 4.0  # seconds; after 5, a connection that waits for the silent worker is closed
_LONG = 30.0  # seconds; only a test that fails waits for so long
_USER_ID = "US.13491208655302741918"


@pytest.fixture
def workers(tmp_path: Path) -> Workers:
    return Workers(bare_database(tmp_path))


@pytest.fixture
async def store(workers: Workers) -> AsyncIterator[PostgresStore]:
    opened = PostgresStore(workers.url, CountingMeter())
    await opened.add_number(_NUMBER, NOON)
    yield opened
    await opened.close()


@pytest.mark.parametrize("how", [DEAD, SILENT])
async def test_webhooks_do_not_wait_until_every_machine_has_the_business_number(
    store: PostgresStore, workers: Workers, how: str
) -> None:
    async def complete() -> None:
        with pytest.raises(Overloaded):
            await asyncio.wait_for(store.complete_number(_COMPLETE), _BEFORE_ANY_IS_CUT_OFF)

    with workers.broken(2, how):
        await asyncio.gather(*(complete() for _ in range(20)))
        await complete()


async def test_a_business_number_is_completed_when_the_worker_is_back(store: PostgresStore, workers: Workers) -> None:
    with workers.broken(2, SILENT), pytest.raises(Overloaded):
        await store.complete_number(_COMPLETE)

    async with asyncio.timeout(_LONG):
        while await store.find_number(_NUMBER.phone_number_id) != stored(_COMPLETE):  # noqa: ASYNC110 - the database changes
            await asyncio.sleep(0.01)


async def test_a_sweep_settles_other_accounts_while_one_waits_for_a_worker(
    store: PostgresStore, workers: Workers
) -> None:
    waiting = {f"10229012934039{place}": f"10654035224293{place}1" for place in range(8)}
    last, its_list = "102290129340399", "106540352242930"  # on the other worker
    link = [user_of("+16505550103", _USER_ID)]
    for account_id, list_id in [*waiting.items(), (last, its_list)]:
        await store.add_number(BusinessNumber(list_id, account_id), NOON)
        await store.apply(block(by_user_id(_USER_ID), list_id=list_id, account_id=account_id))
        await store.apply(Link(account_id, NOON, link))
    execute(workers.url, "UPDATE identity_alias SET settled = false")

    with workers.broken(2, SILENT):
        sweep = asyncio.create_task(store.apply(Sweep(NOON, NOON)))
        async with asyncio.timeout(_LONG):
            while await store.unlinked(last, link):  # noqa: ASYNC110 - the database changes
                await asyncio.sleep(0.01)
    with contextlib.suppress(GraphError):
        await sweep
