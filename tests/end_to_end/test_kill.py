"""A server that is killed at any moment keeps what it acknowledged, and has no half-done request or undo."""

import asyncio
import contextlib
import os
import random
import signal
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.cli.command import Server, run
from tests.end_to_end.databases import DATABASES
from tests.end_to_end.deployment import BLOCK_USERS, Deployment
from tests.end_to_end.graph import blocked, body

WRITERS: Final = 32
USERS_OF_A_WRITER: Final = 300
ROUNDS: Final = 30 if os.environ.get("TORTURE") else 3


class Writer:
    """Blocks and unblocks users of its own, undoes what it did, and keeps a ledger of what was acknowledged."""

    def __init__(self, index: int, seed: int) -> None:
        first = 16505550000 + index * USERS_OF_A_WRITER
        self._users = [str(first + number) for number in range(USERS_OF_A_WRITER)]
        self._random = random.Random(seed * 1_000 + index)
        self._changed: frozenset[str] = frozenset()
        """The users that the last request changed, if they were not changed since."""
        self.acknowledged: frozenset[str] = frozenset()
        self.pending: frozenset[str] | None = None
        """The blocked users after the request that was not answered."""
        self.requests = 0
        self.undos = 0

    async def write(self, client: httpx2.AsyncClient) -> None:
        """Send one request after the other until the server is gone."""
        with contextlib.suppress(httpx2.TransportError):
            while True:
                if self._changed and self._random.random() < 0.3:
                    await self._undo(client)
                else:
                    await self._change(client, self._random.choice(("POST", "POST", "DELETE")))

    def reconcile(self, wa_ids: set[str]) -> None:
        """Check this writer's users on a restarted server, and continue from there."""
        own = frozenset(wa_ids.intersection(self._users))
        assert own in (self.acknowledged, self.pending), "lost or half done"
        self.acknowledged, self.pending, self._changed = own, None, frozenset()

    async def _change(self, client: httpx2.AsyncClient, method: str) -> None:
        users = frozenset(self._random.sample(self._users, self._random.randint(1, 40)))
        after = self.acknowledged | users if method == "POST" else self.acknowledged - users
        await self._request(client, method, BLOCK_USERS, body(users), after)

    async def _undo(self, client: httpx2.AsyncClient) -> None:
        """Undo the last request; or redo it, if that was an undo."""
        user = min(self._changed)
        found = await client.get("/v1/events", params={"user": f"+{user}", "limit": 1})
        assert found.status_code == 200, found.text
        [event] = found.json()["data"]
        await self._request(
            client, "POST", f"/v1/events/{event['event_id']}/undo", {}, self.acknowledged ^ self._changed
        )
        self.undos += 1

    async def _request(
        self, client: httpx2.AsyncClient, method: str, path: str, content: Any, after: frozenset[str]
    ) -> None:
        self.pending = after
        answer = await client.request(method, path, json=content)
        assert answer.status_code == 200, answer.text
        self._changed = self.acknowledged ^ after
        self.acknowledged, self.pending = after, None
        self.requests += 1


async def _write_and_kill(server: Server, headers: dict[str, str], writers: list[Writer], seconds: float) -> None:
    limits = httpx2.Limits(max_connections=WRITERS)
    async with httpx2.AsyncClient(base_url=server.url, headers=headers, limits=limits, timeout=60) as client:
        writing = [asyncio.create_task(writer.write(client)) for writer in writers]
        await asyncio.sleep(seconds)  # a kill at any moment is the point
        server.signal(signal.SIGKILL)
        await asyncio.gather(*writing)


@pytest.mark.torture
@pytest.mark.parametrize("database", DATABASES)
async def test_after_kill_9_every_acknowledged_change_is_stored_and_no_request_is_half_done(
    tmp_path: Path, database: str
) -> None:
    deployment = Deployment(tmp_path, DATABASES[database](tmp_path))
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure
    moments = random.Random(seed)
    writers = [Writer(index, seed) for index in range(WRITERS)]

    for _ in range(ROUNDS):
        with deployment.server() as server:
            await _write_and_kill(server, deployment.headers, writers, moments.uniform(0.5, 1.5))
            assert server.ended() == -signal.SIGKILL

        with (
            deployment.server() as restarted,
            httpx2.Client(base_url=restarted.url, headers=deployment.headers, timeout=60) as client,
        ):
            wa_ids = blocked(client)
        assert len(wa_ids) == len(set(wa_ids))
        for writer in writers:
            writer.reconcile(set(wa_ids))

    audit = run("audit", "verify", WABLOCK_DATABASE=deployment.database)
    assert audit.returncode == 0, audit.stdout
    requests, undos = (sum(it.requests for it in writers), sum(it.undos for it in writers))
    print(f"{requests} requests, {undos} of them undos, before {ROUNDS} kills")  # noqa: T201 - the figure of this test
    assert undos > ROUNDS
