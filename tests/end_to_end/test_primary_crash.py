"""A primary that crashes and restarts while its standby is down acknowledges no change that the standby lacks."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg
import httpx2
import pytest
from tests.cluster import Cluster
from tests.end_to_end.deployment import BLOCK_USERS, Deployment
from tests.end_to_end.graph import body
from tests.end_to_end.pair import Pair, running_pair

ANNA: Final = "16505550101"
UNTIL_A_COMMIT_WAITS: Final = """
DO $$ BEGIN
    WHILE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep') LOOP
        PERFORM pg_sleep(0.01);
        PERFORM pg_stat_clear_snapshot();
    END LOOP;
END $$
"""
_WAITS_WITHIN: Final = 60  # seconds


@pytest.fixture
def pair() -> Iterator[Pair]:
    with running_pair() as pair:
        yield pair


async def test_a_change_that_the_standby_does_not_have_is_acknowledged_when_it_does(tmp_path: Path, pair: Pair) -> None:
    deployment = await asyncio.to_thread(Deployment, tmp_path, pair.url())
    with deployment.server() as server:
        async with httpx2.AsyncClient(base_url=server.url, headers=deployment.headers, timeout=60) as client:
            pair.standby.stop()
            blocking = asyncio.create_task(client.post(BLOCK_USERS, json=body([ANNA])))
            await _until_a_commit_waits(pair.primary)

            pair.primary.kill()
            await asyncio.to_thread(pair.primary.start)

            is_answered = await _first_of(blocking, asyncio.create_task(_until_a_commit_waits(pair.primary)))
            assert not is_answered, f"{(await blocking).text}, although the standby does not have the change"
            await asyncio.to_thread(pair.standby.start)
            assert (await blocking).status_code == 200


async def _first_of(wanted: "asyncio.Task[httpx2.Response]", other: "asyncio.Task[None]") -> bool:
    """Whether `wanted` ended first."""
    await asyncio.wait([wanted, other], return_when=asyncio.FIRST_COMPLETED)
    other.cancel()
    return wanted.done()


async def _until_a_commit_waits(cluster: Cluster) -> None:
    connection = await asyncpg.connect(cluster.url)
    try:
        await connection.execute(UNTIL_A_COMMIT_WAITS, timeout=_WAITS_WITHIN)
    finally:
        await connection.close()
