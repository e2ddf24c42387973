"""Two server processes on one database behave as one."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.end_to_end.databases import DATABASES
from tests.end_to_end.deployment import BLOCK_USERS, Deployment, at_once
from tests.end_to_end.graph import blocked, body

LIST_SIZE = 50


@pytest.fixture(params=DATABASES)
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Deployment:
    return Deployment(tmp_path, DATABASES[request.param](tmp_path))


@pytest.fixture
def urls(deployment: Deployment) -> Iterator[tuple[str, str]]:
    limit = str(LIST_SIZE)
    with at_once([deployment.server(WABLOCK_OPEN_LIST_SIZE=limit) for _ in range(2)]) as (one, other):
        yield one.url, other.url


def test_a_change_acknowledged_by_one_server_is_in_the_next_answer_of_the_other(
    deployment: Deployment, urls: tuple[str, str]
) -> None:
    with (
        httpx2.Client(base_url=urls[0], headers=deployment.headers, timeout=60) as one,
        httpx2.Client(base_url=urls[1], headers=deployment.headers, timeout=60) as other,
    ):
        for turn in range(100):
            writer, reader = (one, other) if turn % 2 else (other, one)
            user = str(16505550100 + turn)

            assert writer.post(BLOCK_USERS, json=body([user])).status_code == 200
            assert user in blocked(reader)
            assert writer.request("DELETE", BLOCK_USERS, json=body([user])).status_code == 200
            assert user not in blocked(reader)


async def test_writers_through_two_servers_never_exceed_the_limit_of_a_list(
    deployment: Deployment, urls: tuple[str, str]
) -> None:
    users = iter(range(16505550000, 16505550400))
    sizes: list[int] = []
    accepted: list[str] = []

    async def write(client: httpx2.AsyncClient) -> None:
        for user in users:  # shared: every user is blocked once
            answer = await client.post(BLOCK_USERS, json=body([str(user)]))
            assert answer.status_code == 200, answer.text
            accepted.extend(done["wa_id"] for done in answer.json()["block_users"].get("added_users", ()))

    async def read(client: httpx2.AsyncClient) -> None:
        while True:
            sizes.append(len((await client.get(f"{BLOCK_USERS}?limit=1000")).json()["data"]))

    async with (
        httpx2.AsyncClient(base_url=urls[0], headers=deployment.headers, timeout=60) as one,
        httpx2.AsyncClient(base_url=urls[1], headers=deployment.headers, timeout=60) as other,
    ):
        reading = asyncio.create_task(read(one))
        await asyncio.gather(*(write(client) for client in (one, other) for _ in range(8)))
        reading.cancel()
        last = (await other.get(f"{BLOCK_USERS}?limit=1000")).json()["data"]

    assert max(sizes) <= LIST_SIZE
    assert len(last) == LIST_SIZE
    assert {user["wa_id"] for user in last} == set(accepted)
