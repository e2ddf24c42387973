"""A database that does not answer: new requests fail fast, and all work again when it answers."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.cluster import Cluster, running_cluster
from tests.end_to_end.deployment import BLOCK_USERS, PHONE_NUMBER_ID, Deployment
from tests.end_to_end.graph import body

CHECK = f"/v1/numbers/{PHONE_NUMBER_ID}/check/16505550101"
OVERDUE = 3.5  # seconds: after three, new requests no longer wait


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster
        cluster.thaw()


async def test_new_requests_fail_fast_and_waiting_ones_are_served_while_the_database_does_not_answer(
    tmp_path: Path, cluster: Cluster
) -> None:
    deployment = await asyncio.to_thread(Deployment, tmp_path, cluster.url)
    with deployment.server() as server:
        async with httpx2.AsyncClient(base_url=server.url, headers=deployment.headers, timeout=60) as client:
            assert (await client.get(CHECK)).status_code == 200
            cluster.freeze()
            waiting = [
                asyncio.create_task(client.post(BLOCK_USERS, json=body(["16505550101"]))),
                asyncio.create_task(client.get(CHECK)),
            ]
            await asyncio.sleep(OVERDUE)  # the server is a real process whose database is frozen

            late = [await client.post(BLOCK_USERS, json=body(["16505550102"])), await client.get(CHECK)]
            assert [it.done() for it in waiting] == [False, False]
            ready = await client.get("/readyz")
            cluster.thaw()

            assert [it.status_code for it in late] == [503, 503]
            assert [it.headers["Retry-After"] for it in late] == ["1", "1"]
            assert ready.status_code == 503
            assert [it.status_code for it in await asyncio.gather(*waiting)] == [200, 200]
            assert (await client.post(BLOCK_USERS, json=body(["16505550102"]))).status_code == 200
