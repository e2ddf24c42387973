"""Servers that are killed at any moment deliver every acknowledged change to its subscriber, in order."""

import asyncio
import json
import os
import random
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.cli.command import run
from tests.end_to_end.databases import DATABASES
from tests.end_to_end.deployment import BLOCK_USERS, PHONE_NUMBER_ID, at_once
from tests.end_to_end.gate import GateDeployment, Lives
from tests.end_to_end.graph import body
from tests.receiver import Delivery, Receiver, receiving
from tests.server.test_webhooks import KEY, signed
from tests.waiting import wait_in_loop_until

KILLS: Final = 20 if os.environ.get("TORTURE") else 3
SECRET: Final = "a secret of the subscriber"

pytestmark = pytest.mark.torture


class SubscribedDeployment(GateDeployment):
    """One database, whose account has a subscription to all lists."""

    def __init__(self, folder: Path, url: str, database: str) -> None:
        super().__init__(folder, url, database=database)
        settings = {"WABLOCK_DATABASE": database, "WABLOCK_SECRET_KEY": KEY.secret_key or ""}
        done = run("subscription", "add", url, "--secret=-", "--json", stdin=SECRET, **settings)
        assert done.returncode == 0, done.stderr
        assert SECRET not in done.stdout
        self.subscription_id: str = json.loads(done.stdout)["subscription_id"]


class Writer:
    """Blocks one user after the other. `acknowledged`: those whose block got 200."""

    def __init__(self, urls: Sequence[str], deployment: SubscribedDeployment) -> None:
        self.acknowledged: list[str] = []
        self._clients = [httpx2.AsyncClient(base_url=url, headers=deployment.headers, timeout=20) for url in urls]

    async def block(self, user: str) -> None:
        """Repeat the request until it gets 200."""
        while True:
            for client in self._clients:
                try:
                    answer = await client.post(BLOCK_USERS, json=body([user]))
                except httpx2.TransportError:
                    await asyncio.sleep(0.02)  # a client's pause between two tries
                    continue
                if answer.status_code == 200:
                    self.acknowledged.append(user)
                    return

    async def events(self) -> list[str]:
        """The ids of all events that the API shows, oldest first."""
        found: list[str] = []
        place = "0"
        while True:
            path = f"/v1/events?list_id={PHONE_NUMBER_ID}&limit=100&since={place}"
            page = (await self._clients[-1].get(path)).json()
            found += [event["event_id"] for event in page["data"]]
            if "next" not in page:
                return found
            place = page["next"]

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


def _events(receiver: Receiver) -> list[Any]:
    """All events of whole requests that the receiver accepted, in the order of their arrival."""
    return [event for it in receiver.taken if _is_whole(it) for event in it.json()["data"]]


def _is_whole(it: Delivery) -> bool:
    """Whether the server was not killed in the middle of the body."""
    return len(it.body) == int(it.headers["content-length"])


def _users(receiver: Receiver) -> set[str]:
    return {user["wa_id"] for event in _events(receiver) for user in event["users"]}


def _firsts(receiver: Receiver) -> list[str]:
    """The ids of the events, each where it arrived first."""
    return list(dict.fromkeys(event["event_id"] for event in _events(receiver)))


@pytest.mark.parametrize("database", DATABASES)
async def test_a_server_that_is_killed_again_and_again_delivers_every_acknowledged_change(
    tmp_path: Path, database: str
) -> None:
    url = DATABASES[database](tmp_path)
    chance = random.Random()
    with receiving() as receiver:
        deployment = await asyncio.to_thread(SubscribedDeployment, tmp_path, receiver.url, url)
        lives = Lives(deployment)
        writer = Writer([lives.url], deployment)
        try:
            await lives.begin()
            writing = asyncio.create_task(_write(writer))
            for _ in range(KILLS):
                before = len(receiver.deliveries)
                await wait_in_loop_until(lambda: len(receiver.deliveries) > before, "nothing is delivered")  # noqa: B023
                await asyncio.sleep(chance.uniform(0, 0.2))  # at any moment
                await lives.kill()
                await lives.begin()
            writing.cancel()
            await asyncio.wait([writing])
            event_ids = await writer.events()
            await wait_in_loop_until(lambda: set(_firsts(receiver)) >= set(event_ids), "an event was not delivered")
        finally:
            await writer.close()
            await lives.end()

    assert _users(receiver) >= set(writer.acknowledged)
    assert _firsts(receiver) == event_ids
    assert all(it.headers["x-hub-signature-256"] == signed(it.body, SECRET) for it in receiver.taken if _is_whole(it))


async def _write(writer: Writer) -> None:
    for number in range(100_000):
        await writer.block(str(16505550101 + number))


@pytest.mark.parametrize("database", DATABASES)
async def test_of_two_servers_one_delivers_and_the_other_takes_over_when_it_is_killed(
    tmp_path: Path, database: str
) -> None:
    url = DATABASES[database](tmp_path)
    with receiving() as receiver:
        deployment = await asyncio.to_thread(SubscribedDeployment, tmp_path, receiver.url, url)
        with at_once([deployment.server() for _ in range(2)]) as servers:
            writer = Writer([server.url for server in servers], deployment)
            for number in range(50):
                await writer.block(str(16505550101 + number))
            await wait_in_loop_until(lambda: len(_users(receiver)) == 50, "an event was not delivered")
            once = len(_events(receiver))

            servers[0].signal(signal.SIGKILL)
            for number in range(50, 100):
                await writer.block(str(16505550101 + number))
            await wait_in_loop_until(lambda: len(_users(receiver)) == 100, "an event was not delivered")
            event_ids = await writer.events()
            await writer.close()

    assert once == 50
    assert _firsts(receiver) == event_ids
