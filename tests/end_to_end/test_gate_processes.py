"""Server processes on one database are one gate: a block applies to the next webhook at every process.

All users are tested at the same time; each test has its own users.
"""

import asyncio
import itertools
import os
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

import httpx2
import pytest
from tests.end_to_end.databases import DATABASES
from tests.end_to_end.deployment import BLOCK_USERS, at_once
from tests.end_to_end.gate import GateDeployment
from tests.end_to_end.graph import body
from tests.end_to_end.meta_sender import WEBHOOK
from tests.gate.webhook.payloads import Json, change, contact, delivery, encoded, message, status
from tests.postgres import give_back
from tests.receiver import Receiver, receiving
from tests.server.test_webhooks import signed

_NUMBERS: Final = [str(16505550101 + number) for number in range(99)]
FREE: Final = _NUMBERS[0]
TO_BLOCK, TO_UNBLOCK, TO_LINK, TO_CHANGE = (_NUMBERS[start : start + 12] for start in range(1, 49, 12))

ROUNDS: Final = 100 if os.environ.get("TORTURE") else 4


class Gate:
    """All processes, before one receiver."""

    def __init__(self, urls: Sequence[str], headers: dict[str, str], receiver: Receiver) -> None:
        self.urls = urls
        self.headers = headers
        self._receiver = receiver
        self._numbers = itertools.count()

    def new_id(self) -> int:
        return next(self._numbers)

    def delivered_ids(self, ids: Sequence[str]) -> list[str]:
        """The ids of these messages as often as the receiver has them, sorted."""
        wanted = set(ids)
        return sorted(it for it in self._receiver.message_ids() if it in wanted)


class Talk:
    """What one test says to the processes, each time to one as it falls.

    `beside` are the ids of a free user's messages, which came in the same webhooks as the others'.
    """

    def __init__(self, gate: Gate, client: httpx2.AsyncClient) -> None:
        self.beside: list[str] = []
        self._gate = gate
        self._client = client

    async def change_list(self, method: str, user: str) -> None:
        url = self._any() + BLOCK_USERS
        answer = await self._client.request(method, url, json=body([user]), headers=self._gate.headers)
        assert answer.status_code == 200, answer.text

    async def post(self, it: Json, to: str | None = None) -> None:
        body = encoded(delivery(it))
        headers = {"content-type": "application/json", "x-hub-signature-256": signed(body)}
        answer = await self._client.post((to or self._any()) + WEBHOOK, content=body, headers=headers)
        assert answer.status_code == 200, answer.text

    async def write_to_all(self, user: str | None, **ids: str) -> list[str]:
        """Post to each process a webhook with a message of this user and of a free one; return this user's ids."""
        messages = [message(user, self._gate.new_id()) | ids for _ in self._gate.urls]
        beside = [message(FREE, self._gate.new_id()) for _ in self._gate.urls]
        webhooks = zip(messages, beside, self._gate.urls, strict=True)
        await asyncio.gather(*(self.post(change(messages=[one, other]), url) for one, other, url in webhooks))
        self.beside += [it["id"] for it in beside]
        return [it["id"] for it in messages]

    def _any(self) -> str:
        return random.choice(self._gate.urls)


@pytest.fixture(scope="module", params=DATABASES)
def gate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """Two processes on a SQLite file, or three nodes on PostgreSQL."""
    folder = tmp_path_factory.mktemp("gate")
    with receiving() as receiver:
        deployment = GateDeployment(folder, receiver.url, database=DATABASES[request.param](folder))
        count = 2 if request.param == "sqlite" else 3
        with at_once([deployment.server() for _ in range(count)]) as servers:
            yield Gate([server.url for server in servers], deployment.headers, receiver)
    give_back(folder)


async def _all_at_once(
    gate: Gate, users: Sequence[str], talk: Callable[[Talk, str], Awaitable[Sequence[str]]]
) -> tuple[list[str], list[str]]:
    """The ids of the messages that `talk` returns, and of the free users' messages, sorted."""
    async with httpx2.AsyncClient(timeout=60) as client:
        it = Talk(gate, client)
        ids_of_each = await asyncio.gather(*(talk(it, user) for user in users))
    return sorted(one for those in ids_of_each for one in those), sorted(it.beside)


@pytest.mark.torture
async def test_a_block_applies_to_the_next_webhook_at_any_process(gate: Gate) -> None:
    async def talk(it: Talk, user: str) -> list[str]:
        ids: list[str] = []
        for _ in range(ROUNDS):
            await it.write_to_all(user)  # all processes have cached now that this user is free
            await it.change_list("POST", user)
            ids += await it.write_to_all(user)
            await it.change_list("DELETE", user)
        return ids

    ids, beside = await _all_at_once(gate, TO_BLOCK, talk)

    assert gate.delivered_ids(ids) == []
    assert gate.delivered_ids(beside) == beside


@pytest.mark.torture
async def test_an_unblock_applies_to_the_next_webhook_at_any_process(gate: Gate) -> None:
    async def talk(it: Talk, user: str) -> list[str]:
        ids: list[str] = []
        for _ in range(ROUNDS):
            await it.change_list("POST", user)
            await it.write_to_all(user)  # all processes have cached now that this user is blocked
            await it.change_list("DELETE", user)
            ids += await it.write_to_all(user)
        return ids

    ids, _ = await _all_at_once(gate, TO_UNBLOCK, talk)

    assert gate.delivered_ids(ids) == ids


async def test_a_link_that_one_process_saw_applies_to_the_next_webhook_at_any(gate: Gate) -> None:
    async def talk(it: Talk, user: str) -> list[str]:
        user_id = f"US.{user}"
        await it.change_list("POST", user)
        await it.write_to_all(None, from_user_id=user_id)  # an unknown user until now
        await it.post(change(contacts=[contact(user, user_id)], statuses=[status(recipient=user)]))
        return await it.write_to_all(None, from_user_id=user_id)

    message_ids, beside = await _all_at_once(gate, TO_LINK, talk)

    assert gate.delivered_ids(message_ids) == []
    assert gate.delivered_ids(beside) == beside


async def test_a_block_covers_a_new_user_id_at_all_processes_once_one_process_learns_it(gate: Gate) -> None:
    async def talk(it: Talk, user: str) -> list[str]:
        ids = {"previous": f"US.{user}", "current": f"US.{user}0"}
        await it.change_list("POST", user)
        await it.write_to_all(None, from_user_id=ids["current"])  # an unknown user until now
        await it.post(change("user_id_update", user_id_update=[{"wa_id": user, "user_id": ids}]))
        return await it.write_to_all(None, from_user_id=ids["current"])

    message_ids, beside = await _all_at_once(gate, TO_CHANGE, talk)

    assert gate.delivered_ids(message_ids) == []
    assert gate.delivered_ids(beside) == beside
