"""Clients that continue during failures, and record requests, answers and times."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import httpx2
import msgspec
from tests.end_to_end.graph import body
from tests.end_to_end.historian import USERS, read
from tests.end_to_end.history import NEVER, Blocked, Kind, Operation

CHANGES: Final = (Kind.BLOCK, Kind.UNBLOCK)
QUESTIONS: Final = (Kind.LIST, Kind.IS_BLOCKED)

_MOST_PAUSE: Final = 0.02  # seconds between two requests of a client
_PATIENCE: Final = 30.0  # seconds for an answer
_NOTHING_WAS_CHANGED: Final = "503"
_COMES_WITHIN: Final = 90.0  # seconds until a drill without progress is a failure


class Entry(msgspec.Struct, frozen=True):
    """A request to the node at `url` about one number's list."""

    phone_number_id: str
    url: str
    operation: Operation

    def is_acknowledged(self, since: int, urls: Iterable[str]) -> bool:
        """Whether it is a change requested after `since`, and one of these nodes answered with 200."""
        it = self.operation
        return it.kind in CHANGES and it.invoked > since and it.returned != NEVER and self.url in urls


class Chronicle:
    """What all witnesses saw. `failures`: from which node they heard what instead of an answer, and how often."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.failures: Counter[tuple[str, str]] = Counter()
        self._progress = asyncio.Condition()

    def of(self, phone_number_id: str) -> list[Operation]:
        return [entry.operation for entry in self.entries if entry.phone_number_id == phone_number_id]

    async def write(self, entry: Entry) -> None:
        self.entries.append(entry)
        async with self._progress:
            self._progress.notify_all()

    def acknowledged(self, since: int, urls: Iterable[str]) -> list[Entry]:
        """The changes requested after `since` that these nodes answered with 200, in the order of their answers."""
        entries = [entry for entry in self.entries if entry.is_acknowledged(since, urls)]
        return sorted(entries, key=lambda entry: entry.operation.returned)

    async def every_list_goes_on(self, since: int, urls: Sequence[str], phone_number_ids: Iterable[str]) -> None:
        """Return when every list was changed through one of these nodes by a request after `since`."""
        missing = set(phone_number_ids)
        place = 0
        async with asyncio.timeout(_COMES_WITHIN), self._progress:
            while True:
                new = self.entries[place:]
                place += len(new)
                missing -= {entry.phone_number_id for entry in new if entry.is_acknowledged(since, urls)}
                if not missing:
                    return
                await self._progress.wait()


class Witness:
    """One client of one list, at the first of `urls`; at the next when that one refuses connections."""

    def __init__(
        self, urls: Sequence[str], headers: dict[str, str], phone_number_id: str, chance: random.Random
    ) -> None:
        self._urls = list(urls)
        self._phone_number_id = phone_number_id
        self._random = chance
        self._client = httpx2.AsyncClient(headers=headers, timeout=_PATIENCE)

    async def go_on(self, kinds: Sequence[Kind], chronicle: Chronicle, is_over: asyncio.Event) -> None:
        """Send one request after the other until the drill ends."""
        async with self._client:
            while not is_over.is_set():
                await asyncio.sleep(self._random.uniform(0, _MOST_PAUSE))  # at the pace of a client
                await self.ask(self._random.choice(kinds), chronicle)

    async def look(self, chronicle: Chronicle) -> None:
        """Read the list once."""
        async with self._client:
            await self.ask(Kind.LIST, chronicle)

    async def ask(self, kind: Kind, chronicle: Chronicle) -> None:
        url = self._urls[0]
        users = frozenset(self._random.sample(USERS, self._random.randint(1, 3) if kind in CHANGES else 1))
        invoked = time.monotonic_ns()
        try:
            answer = await self._answer(url, kind, users)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            self._urls.append(self._urls.pop(0))  # as a load balancer does
            return
        except httpx2.TransportError as trouble:
            heard = type(trouble).__name__
        else:
            heard = str(answer.status_code)
            if answer.status_code == 200:
                operation = self._seen(kind, users, invoked, answer)
                await chronicle.write(Entry(self._phone_number_id, url, operation))
                return
            assert answer.status_code >= 500, answer.text
        chronicle.failures[url, heard] += 1
        if kind in CHANGES and heard != _NOTHING_WAS_CHANGED:
            await chronicle.write(Entry(self._phone_number_id, url, Operation(kind, users, invoked, NEVER)))

    async def _answer(self, url: str, kind: Kind, users: Blocked) -> httpx2.Response:
        block_users = f"{url}/v25.0/{self._phone_number_id}/block_users"
        if kind is Kind.LIST:
            return await self._client.get(block_users)
        if kind in CHANGES:
            method = "POST" if kind is Kind.BLOCK else "DELETE"
            return await self._client.request(method, block_users, json=body(users))
        (user,) = users
        return await self._client.get(f"{url}/v1/numbers/{self._phone_number_id}/check/{user}")

    def _seen(self, kind: Kind, users: Blocked, invoked: int, answer: httpx2.Response) -> Operation:
        returned = time.monotonic_ns()
        if kind is Kind.LIST:
            wa_ids, version = read(answer, self._phone_number_id)
            return Operation(kind, wa_ids, invoked, returned, version)
        if kind not in CHANGES:
            kind = Kind.IS_BLOCKED if answer.json()["blocked"] else Kind.IS_FREE
        return Operation(kind, users, invoked, returned)
