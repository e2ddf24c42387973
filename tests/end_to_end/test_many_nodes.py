"""Three nodes on one PostgreSQL behave as one server."""

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import httpx2
import pytest
from tests.cli.command import run, started
from tests.cluster import Cluster, running_cluster
from tests.end_to_end.cable import Cable, cable_to
from tests.end_to_end.deployment import BLOCK_USERS, PHONE_NUMBER_ID, Deployment, at_once
from tests.end_to_end.graph import body
from tests.end_to_end.wire_words import COMMITTED, written
from tests.postgres import bare_database, fresh_database, give_back
from tests.storage.meters import CountingMeter

from wablock.storage import Store, open_store

NODES: Final = 3
TURNS: Final = 3_000 if os.environ.get("TORTURE") else 150

UNTIL_A_QUERY_WAITS: Final = """
DO $$ BEGIN
    WHILE NOT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted) LOOP PERFORM pg_sleep(0.01); END LOOP;
END $$
"""
_WAITS_WITHIN: Final = 60  # seconds

ANNA: Final = "16505550101"
BEN: Final = "16505550102"


class Nodes:
    """A client for each node. `deployment` is the one database of all."""

    def __init__(self, deployment: Deployment, clients: list[httpx2.Client]) -> None:
        self.deployment = deployment
        self.clients = clients


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("nodes")
    deployment = Deployment(folder, fresh_database(folder))
    with at_once([deployment.server() for _ in range(NODES)]) as servers, ExitStack() as ends:
        clients = [httpx2.Client(base_url=it.url, headers=deployment.headers, timeout=60) for it in servers]
        for client in clients:
            ends.enter_context(client)
        yield Nodes(deployment, clients)
    give_back(folder)


def _is_blocked(client: httpx2.Client, user: str) -> bool:
    answer = client.get(f"/v1/numbers/{PHONE_NUMBER_ID}/check/{user}")
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["blocked"])


@pytest.mark.torture
def test_a_block_acknowledged_by_one_node_applies_to_the_next_request_at_every_other(nodes: Nodes) -> None:
    for turn in range(TURNS):
        user = str(16505550100 + turn % 100)
        writer, *readers = nodes.clients[turn % NODES :] + nodes.clients[: turn % NODES]

        assert writer.post(BLOCK_USERS, json=body([user])).status_code == 200
        assert [_is_blocked(reader, user) for reader in readers] == [True, True]
        assert writer.request("DELETE", BLOCK_USERS, json=body([user])).status_code == 200
        assert [_is_blocked(reader, user) for reader in readers] == [False, False]


def test_a_token_that_one_node_revoked_is_soon_refused_by_all(nodes: Nodes) -> None:
    made = run(
        "token", "create", "--json", "--scope", "manage", "--scope", "read", WABLOCK_DATABASE=nodes.deployment.database
    )
    manager = {"Authorization": f"Bearer {json.loads(made.stdout)['token']}"}
    token = nodes.clients[0].post("/v1/tokens", json={"label": "shop", "scopes": ["read"]}, headers=manager).json()
    holder = {"Authorization": f"Bearer {token['token']}"}
    known = [client.get(BLOCK_USERS, headers=holder).status_code for client in nodes.clients]

    nodes.clients[0].delete(f"/v1/tokens/{token['token_id']}", headers=manager)

    time.sleep(1)  # the documented delay, between real processes
    refused = [client.get(BLOCK_USERS, headers=holder).json()["error"]["code"] for client in nodes.clients]
    assert (known, refused) == ([200] * NODES, [190] * NODES)


def test_nodes_that_start_together_on_an_empty_database_all_serve_it(tmp_path: Path) -> None:
    database = bare_database(tmp_path)
    beginnings = [started("serve", "--port", "0", WABLOCK_DATABASE=database) for _ in range(NODES)]

    with at_once(beginnings) as servers:
        deployment = Deployment(tmp_path, database)
        answers = [httpx2.get(it.url + BLOCK_USERS, headers=deployment.headers, timeout=60) for it in servers]

    assert [answer.json() for answer in answers] == [{"data": []}] * NODES


async def _is_ready(store: Store) -> bool:
    try:
        return await store.is_ready()
    finally:
        await store.close()


def test_stores_that_are_opened_at_the_same_moment_make_one_schema(tmp_path: Path) -> None:
    database = bare_database(tmp_path)
    ready = threading.Barrier(8)

    def opened(_: int) -> bool:
        ready.wait()
        return asyncio.run(_is_ready(open_store(database, CountingMeter())))

    with ThreadPoolExecutor(8) as threads:
        readiness = list(threads.map(opened, range(8)))

    assert readiness == [True] * 8


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


async def test_a_change_without_a_seen_result_is_not_repeated(tmp_path: Path, cluster: Cluster) -> None:
    deployment = await asyncio.to_thread(Deployment, tmp_path, cluster.url)
    async with cable_to(cluster.port) as cable, _two_nodes(deployment, cable, cluster) as (cut, other):
        done_unseen = asyncio.create_task(cable.cut_before(written(PHONE_NUMBER_ID)))
        blocking = asyncio.create_task(cut.post(BLOCK_USERS, json=body([ANNA, BEN])))
        await done_unseen
        unblocked = await other.request("DELETE", BLOCK_USERS, json=body([ANNA]))

        cable.repair()
        cable.tear()

        assert ((await blocking).status_code, unblocked.status_code) == (200, 200)
        assert await _listed(other) == [BEN]


async def test_a_change_that_waited_for_another_node_is_not_repeated(tmp_path: Path, cluster: Cluster) -> None:
    deployment = await asyncio.to_thread(Deployment, tmp_path, cluster.url)
    async with cable_to(cluster.port) as cable, _two_nodes(deployment, cable, cluster) as (cut, other):
        async with _locked_list(cluster):
            blocking = asyncio.create_task(cut.post(BLOCK_USERS, json=body([ANNA, BEN])))
            await _until_a_query_waits(cluster)
            done_unseen = asyncio.create_task(cable.cut_before(COMMITTED))
        await done_unseen
        unblocked = await other.request("DELETE", BLOCK_USERS, json=body([ANNA]))

        cable.repair()
        cable.tear()

        assert ((await blocking).status_code, unblocked.status_code) == (200, 200)
        assert await _listed(other) == [BEN]


async def _listed(client: httpx2.AsyncClient) -> list[str]:
    page = (await client.get(BLOCK_USERS)).json()
    return [user["wa_id"] for user in page["data"]]


@asynccontextmanager
async def _locked_list(cluster: Cluster) -> AsyncIterator[None]:
    """Lock the list, as a node does in the middle of a change."""
    connection = await asyncpg.connect(cluster.url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM block_list FOR UPDATE")
            yield
    finally:
        await connection.close()


async def _until_a_query_waits(cluster: Cluster) -> None:
    connection = await asyncpg.connect(cluster.url)
    try:
        await connection.execute(UNTIL_A_QUERY_WAITS, timeout=_WAITS_WITHIN)
    finally:
        await connection.close()


@asynccontextmanager
async def _two_nodes(
    deployment: Deployment, cable: Cable, cluster: Cluster
) -> AsyncIterator[tuple[httpx2.AsyncClient, httpx2.AsyncClient]]:
    """One node behind the cable, and one with a direct connection."""
    through = cluster.url.replace(str(cluster.port), str(cable.port))
    beginnings = at_once([deployment.server(WABLOCK_DATABASE=through), deployment.server()])
    with ExitStack() as ends:
        one, two = await asyncio.to_thread(ends.enter_context, beginnings)
        async with (
            httpx2.AsyncClient(base_url=one.url, headers=deployment.headers, timeout=60) as cut,
            httpx2.AsyncClient(base_url=two.url, headers=deployment.headers, timeout=60) as other,
        ):
            yield cut, other
        await asyncio.to_thread(ends.close)
