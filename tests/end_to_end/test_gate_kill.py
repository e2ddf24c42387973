"""A gate that is killed at any moment, and a receiver that fails, lose no message and forward no blocked one."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.end_to_end.databases import DATABASES
from tests.end_to_end.deployment import BLOCK_USERS
from tests.end_to_end.gate import GateDeployment, Lives
from tests.end_to_end.graph import body
from tests.end_to_end.meta_sender import Ledger, MetaSender
from tests.end_to_end.moody_receiver import moody_receiver
from tests.gate.webhook.payloads import Json
from tests.receiver import Delivery, receiving
from tests.server.test_webhooks import signed

CONNECTIONS: Final = 16
KILLS: Final = 40 if os.environ.get("TORTURE") else 5
PATIENCE: Final = 30 + 10 * KILLS  # seconds until a sender without a 200 is a failure

_NUMBERS: Final = [str(16505550100 + number) for number in range(100)]
BLOCKED_BEFORE: Final = _NUMBERS[50:60]
BLOCKED_MEANWHILE: Final = _NUMBERS[60:]  # the first 50 stay free


class Traffic:
    """Webhooks of all users over several connections, while users are blocked and the gate is killed."""

    def __init__(self, deployment: GateDeployment, gate: Lives, seed: int) -> None:
        self.ledger = Ledger()
        self._gate = gate
        self._random = random.Random(seed)
        limits = httpx2.Limits(max_connections=CONNECTIONS)
        self._meta = httpx2.AsyncClient(base_url=gate.url, limits=limits, timeout=20)
        self._business = httpx2.AsyncClient(base_url=gate.url, headers=deployment.headers, timeout=20)
        self.sender = MetaSender(self._meta, self.ledger, seed)
        self._is_over = False

    async def run(self, kills: int) -> None:
        """Run until every user has written once more and every webhook has got 200."""
        async with self._meta, self._business, asyncio.timeout(PATIENCE):
            await self._gate.begin()
            await self._block(BLOCKED_BEFORE)
            async with asyncio.TaskGroup() as tasks:
                for _ in range(CONNECTIONS):
                    tasks.create_task(self._write())
                await asyncio.gather(self._kill(kills), self._block_meanwhile())
                self._is_over = True
            await self.sender.send(*_NUMBERS)

    async def _write(self) -> None:
        while not self._is_over:
            count = self._random.choice((1, 1, 1, self._random.randint(2, 40)))
            await self.sender.send(*self._random.choices(_NUMBERS, k=count))

    async def _kill(self, times: int) -> None:
        for _ in range(times):
            await self.sender.progress(self._random.randint(10, 100))
            await asyncio.sleep(self._random.uniform(0, 0.02))  # at any moment
            await self._gate.kill()
            await self._gate.begin()

    async def _block_meanwhile(self) -> None:
        for user in BLOCKED_MEANWHILE:
            await self.sender.progress(self._random.randint(1, 15))
            await self._block([user])

    async def _block(self, users: Sequence[str]) -> None:
        """Repeat the request until it gets 200: a business, too, cannot know what a killed server has stored."""
        self.ledger.block_begins(users)
        while True:
            try:
                answer = await self._business.post(BLOCK_USERS, json=body(users))
            except httpx2.TransportError:
                await asyncio.sleep(self._random.uniform(0.01, 0.05))  # a client's pause between two tries
                continue
            assert answer.status_code == 200, answer.text
            self.ledger.block_holds(users)
            return


@pytest.mark.torture
@pytest.mark.parametrize("database", DATABASES)
async def test_a_gate_that_is_killed_under_load_loses_nothing_and_forwards_no_blocked_message(
    tmp_path: Path, database: str
) -> None:
    url = DATABASES[database](tmp_path)
    with receiving() as receiver:
        deployment = await asyncio.to_thread(GateDeployment, tmp_path, receiver.url, database=url)
        async with _traffic(deployment) as traffic:
            await traffic.run(KILLS)

    # The gate may have been killed in the middle of a body; such a request does not count.
    whole = [it for it in receiver.deliveries if len(it.body) == int(it.headers["content-length"])]
    _judge(traffic, accepted=whole, received=whole)


@pytest.mark.torture
async def test_a_receiver_that_fails_sometimes_gets_every_message_and_no_blocked_one(tmp_path: Path) -> None:
    async with moody_receiver(random.Random(_seed())) as receiver:
        deployment = await asyncio.to_thread(GateDeployment, tmp_path, receiver.url, 0.3)
        async with _traffic(deployment) as traffic:
            await traffic.run(kills=1)

    _judge(traffic, receiver.taken, receiver.seen)
    assert traffic.sender.failures["502"] > 0
    assert {it.path for it in receiver.seen} == {"/hook"}  # a redirect is not followed


@asynccontextmanager
async def _traffic(deployment: GateDeployment) -> AsyncIterator[Traffic]:
    gate = Lives(deployment)
    try:
        yield Traffic(deployment, gate, _seed())
    finally:
        await gate.end()


def _seed() -> int:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure
    return seed


def _judge(traffic: Traffic, accepted: Sequence[Delivery], received: Sequence[Delivery]) -> None:
    """`accepted`: the deliveries that the receiver answered with 200, of all that it `received`."""
    ledger = traffic.ledger
    print(  # noqa: T201 - the figures of this test
        f"{len(ledger.sent)} messages in {traffic.sender.delivered} webhooks, {len(ledger.due)} due, "
        f"{len(ledger.forbidden)} forbidden, {len(received)} deliveries, not 200: {traffic.sender.failures}"
    )
    assert _ids(accepted) >= ledger.due
    assert _ids(received).isdisjoint(ledger.forbidden)
    assert all(item == ledger.sent.get(item["id"]) for it in received for item in _messages(it))
    assert all(it.headers["x-hub-signature-256"] == signed(it.body) for it in received)
    assert len(ledger.forbidden) > len(BLOCKED_MEANWHILE)


def _messages(it: Delivery) -> list[Json]:
    return [item for entry in it.json()["entry"] for one in entry["changes"] for item in one["value"]["messages"]]


def _ids(deliveries: Sequence[Delivery]) -> set[str]:
    return {item["id"] for it in deliveries for item in _messages(it)}
