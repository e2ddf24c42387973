"""Meta's webhooks: it posts each signed delivery until it gets 200; a ledger lists the messages that may arrive."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import httpx2
from tests.gate.webhook.payloads import Json, change, contact, delivery, encoded, message
from tests.server.test_webhooks import signed

WEBHOOK = "/webhooks/whatsapp"


class Ledger:
    """The messages of each user, and who is blocked. A message during a user's block may arrive, or may not."""

    def __init__(self) -> None:
        self.sent: dict[str, Json] = {}
        self.due: set[str] = set()
        self.forbidden: set[str] = set()
        self._block_begun: set[str] = set()
        self._blocked: set[str] = set()

    def message(self, user: str) -> Json:
        """A new message; it must not arrive if a block of its user was acknowledged before."""
        new = message(user, len(self.sent))
        self.sent[new["id"]] = new
        if user in self._blocked:
            self.forbidden.add(new["id"])
        return new

    def taken(self, messages: Sequence[Json]) -> None:
        """The gate answered these with 200: the receiver must have all except those of users whose block has begun."""
        self.due |= {it["id"] for it in messages if it["from"] not in self._block_begun}

    def block_begins(self, users: Sequence[str]) -> None:
        self._block_begun.update(users)

    def block_holds(self, users: Sequence[str]) -> None:
        self._blocked.update(users)


class MetaSender:
    """Sends until it hears 200: a refusal, a reset and silence are all the same to it. `failures` are what it heard."""

    def __init__(self, client: httpx2.AsyncClient, ledger: Ledger, seed: int) -> None:
        self.failures: Counter[str] = Counter()
        self.delivered = 0
        self._client = client
        self._ledger = ledger
        self._random = random.Random(seed)
        self._progress = asyncio.Condition()

    async def send(self, *users: str) -> None:
        """Send a message of each of these users in one webhook; return when it gets 200."""
        messages = [self._ledger.message(user) for user in users]
        body = encoded(delivery(*self._changes(messages)))
        headers = {"content-type": "application/json", "x-hub-signature-256": signed(body)}
        while True:
            if await self._is_taken(body, headers):
                break
            await asyncio.sleep(self._random.uniform(0.01, 0.05))  # Meta's backoff, shortened for a test
        self._ledger.taken(messages)
        async with self._progress:
            self.delivered += 1
            self._progress.notify_all()

    async def progress(self, webhooks: int) -> None:
        """Return when this many more webhooks have got 200."""
        until = self.delivered + webhooks
        async with self._progress:
            await self._progress.wait_for(lambda: self.delivered >= until)

    def _changes(self, messages: Sequence[Json]) -> list[Json]:
        """Up to three changes, so that the gate removes all messages of some and a few of others."""
        size = -(-len(messages) // self._random.randint(1, 3))
        parts = [messages[start : start + size] for start in range(0, len(messages), size)]
        return [change(contacts=[contact(it["from"]) for it in part], messages=list(part)) for part in parts]

    async def _is_taken(self, body: bytes, headers: dict[str, str]) -> bool:
        try:
            answer = await self._client.post(WEBHOOK, content=body, headers=headers)
        except httpx2.TransportError as trouble:
            self.failures[type(trouble).__name__] += 1
            return False
        if answer.status_code != 200:
            self.failures[str(answer.status_code)] += 1
        return answer.status_code == 200
