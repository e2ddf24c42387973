"""A request with an idempotency key, repeated after its server was killed, is answered as the first time."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
import pytest
from tests.cli.command import Server
from tests.end_to_end.databases import DATABASES
from tests.end_to_end.deployment import BLOCK_USERS, PHONE_NUMBER_ID, Deployment
from tests.end_to_end.graph import body
from tests.storage.meters import CountingMeter

from wablock.storage import open_store

WRITERS: Final = 16
ROUNDS: Final = 30 if os.environ.get("TORTURE") else 3
# It ends between the commit and the answer.
_BLOCK_AND_DIE = """
import asyncio, os, sys
from tests.storage.meters import CountingMeter
from wablock.block_list.ports import BusinessNumber, Rules
from wablock.block_list.results import ChangeOptions
from wablock.block_list.rules import RuleBook
from wablock.block_list.service import BlockList
from wablock.contract.wire import User
from wablock.storage import open_store
from wablock.wiring import system_clock

class DyingStore:
    def __init__(self, store):
        self._store = store

    async def apply(self, change):
        await self._store.apply(change)
        os._exit(9)

async def main(database, number, account, user, key):
    store = open_store(database, CountingMeter())
    block_list = BlockList(DyingStore(store), RuleBook(Rules.OPEN, None), system_clock)
    await block_list.block(BusinessNumber(number, account), [User(f"+{user}")], "default", ChangeOptions(key=key))

asyncio.run(main(*sys.argv[1:]))
"""


class Request(msgspec.Struct, frozen=True):
    """A block of a user who is in no other request, under a key of its own."""

    user: str
    key: str

    async def send(self, client: httpx2.AsyncClient) -> httpx2.Response:
        return await client.post(BLOCK_USERS, json=body([self.user]), headers={"Idempotency-Key": self.key})


def effects(response: httpx2.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [user["effect"] for user in response.json()["block_users"]["added_users"]]


def client_of(server: Server, deployment: Deployment) -> httpx2.AsyncClient:
    headers = deployment.headers | {"X-Wablock-Effects": "1"}
    limits = httpx2.Limits(max_connections=WRITERS)
    return httpx2.AsyncClient(base_url=server.url, headers=headers, limits=limits, timeout=60)


async def events_of(client: httpx2.AsyncClient, user: str) -> list[Any]:
    response = await client.get("/v1/events", params={"user": user})
    events: list[Any] = response.json()["data"]
    return events


@pytest.mark.parametrize("database", DATABASES)
async def test_a_block_whose_server_died_after_the_commit_is_answered_by_the_next_server(
    tmp_path: Path, database: str
) -> None:
    deployment = Deployment(tmp_path, DATABASES[database](tmp_path))
    account = await _account_of(deployment)
    request = Request("16505550101", str(uuid.uuid4()))

    assert _block_and_die(deployment.database, PHONE_NUMBER_ID, account, request.user, request.key) == 9

    with deployment.server() as server:
        async with client_of(server, deployment) as client:
            repeated = await request.send(client)
            assert effects(repeated) == ["added"]
            assert repeated.headers["idempotent-replayed"] == "true"
            assert len(await events_of(client, request.user)) == 1


def _block_and_die(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-c", _BLOCK_AND_DIE, *arguments], check=False).returncode


async def _account_of(deployment: Deployment) -> str:
    store = open_store(deployment.database, CountingMeter())
    number = await store.find_number(PHONE_NUMBER_ID)
    await store.close()
    assert number is not None
    return number.account_id


async def _write(client: httpx2.AsyncClient, users: list[str], pending: list[Request]) -> int:
    """Send one request after the other until the server is gone. The last one is left in `pending`."""
    answered = 0
    while True:
        request = Request(users.pop(), str(uuid.uuid4()))
        pending.append(request)
        try:
            assert effects(await request.send(client)) == ["added"]
        except httpx2.TransportError:
            return answered
        pending.remove(request)
        answered += 1


@pytest.mark.torture
@pytest.mark.parametrize("database", DATABASES)
async def test_after_kill_9_each_repeat_has_the_first_effects_and_there_is_one_event(
    tmp_path: Path, database: str
) -> None:
    deployment = Deployment(tmp_path, DATABASES[database](tmp_path))
    users = [str(16_505_500_000 + number) for number in range(60_000)]
    seconds = random.Random()
    answered = 0

    for _ in range(ROUNDS):
        pending: list[Request] = []
        with deployment.server() as server:
            async with client_of(server, deployment) as client:
                writing = [asyncio.create_task(_write(client, users, pending)) for _ in range(WRITERS)]
                await asyncio.sleep(seconds.uniform(0.3, 0.8))  # a kill at any moment is the point
                server.signal(signal.SIGKILL)
                answered += sum(await asyncio.gather(*writing))
            assert server.ended() == -signal.SIGKILL

        assert len(pending) == WRITERS
        with deployment.server() as restarted:
            async with client_of(restarted, deployment) as client:
                repeats = await asyncio.gather(*(request.send(client) for request in pending for _ in range(2)))
                assert [effects(it) for it in repeats] == [["added"]] * len(repeats)
                for request in pending:
                    assert len(await events_of(client, request.user)) == 1
    assert answered > ROUNDS
