"""Three nodes and a pair of databases with active clients, while one part after the other fails."""

import asyncio
import itertools
import random
import signal
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
from tests.cli.command import Server
from tests.end_to_end.cable import Cable, cable_to
from tests.end_to_end.deployment import PHONE_NUMBER_ID, Deployment, at_once
from tests.end_to_end.pair import Pair, running_pair
from tests.end_to_end.witness import CHANGES, QUESTIONS, Chronicle, Entry, Witness
from tests.postgres import connected

LISTS: Final = [str(int(PHONE_NUMBER_ID) + number) for number in range(6)]
SHARED: Final = LISTS[:2]
"""Changed through all nodes at once; each of the others through one node, as long as that lives."""

_AT_A_SHARED: Final = (0, 1, 2, 0)  # the nodes of its writers, 16 in all
_AT_ANOTHER: Final = (0, 0)

_ACTIVITY: Final = """
SELECT pid, client_port, state, wait_event, pg_blocking_pids(pid), now() - xact_start AS begun, left(query, 90) AS sql
FROM pg_stat_activity WHERE backend_type = 'client backend'
"""
_MEANWHILE: Final = (0.5, 1.5)  # seconds between two failures


class Plan(msgspec.Struct, frozen=True):
    """What a drill leaves to no chance. `promote_after`: seconds without a primary. `cut_before`: which words
    between the node and its database meet the cut first; `cut_for`: the seconds, at least.
    """

    seed: int
    promote_after: float
    cut_before: tuple[bytes, ...]
    cut_for: float


class Moments(msgspec.Struct):
    """When what happened, in nanoseconds."""

    primary_killed: int = 0
    standby_promoted: int = 0
    node_killed: int = 0
    cut: int = 0
    repaired: int = 0
    torn: int = 0


class Drill(msgspec.Struct, frozen=True):
    """What was done and seen. `nodes` are the URLs of the one that is killed, the one left alone, and the cut one;
    `ready_while_cut` their answers at `/readyz` meanwhile.
    """

    nodes: tuple[str, str, str]
    moments: Moments
    chronicle: Chronicle
    ready_while_cut: dict[str, int]

    def acknowledged_between(self, beginning: int, end: int, url: str) -> list[Entry]:
        """The changes requested in this time that this node acknowledged."""
        return [one for one in self.chronicle.acknowledged(beginning, [url]) if one.operation.invoked < end]

    def recovery(self, since: int, urls: Sequence[str]) -> float:
        """Seconds until the first change requested after `since` was acknowledged."""
        return (self.chronicle.acknowledged(since, urls)[0].operation.returned - since) / 1e9

    def longest_silence(self, beginning: int, end: int) -> float:
        """The longest part of this time, in seconds, in which no change of a shared list was acknowledged."""
        longest = 0
        for phone_number_id in SHARED:
            returned = [
                entry.operation.returned
                for entry in self.chronicle.acknowledged(0, self.nodes)
                if entry.phone_number_id == phone_number_id and beginning < entry.operation.returned < end
            ]
            moments = [beginning, *returned, end]
            longest = max(longest, *(later - earlier for earlier, later in itertools.pairwise(moments)))
        return longest / 1e9


async def drilled(folder: Path, plan: Plan) -> Drill:
    """Kill the primary, then a node; then cut the network between the database and another node, and repair it."""
    chance = random.Random(plan.seed)
    moments, chronicle = Moments(), Chronicle()
    async with AsyncExitStack() as stack:
        pair = stack.enter_context(running_pair())
        cables = [await stack.enter_async_context(cable_to(db.port)) for db in (pair.primary, pair.standby)]
        deployment = await asyncio.to_thread(_deployed, folder, pair)
        servers = await stack.enter_async_context(_nodes(deployment, pair.url([cable.port for cable in cables])))
        killed, alone, cut = (server.url for server in servers)
        clients = _Clients(deployment.headers, (killed, alone, cut), chronicle, chance)
        async with _explained(pair, servers, chronicle), clients.at_work():
            await asyncio.sleep(chance.uniform(*_MEANWHILE))
            await _lose_primary(plan, pair, moments)
            for url in (killed, alone, cut):
                await chronicle.every_list_goes_on(moments.standby_promoted, [url], SHARED)

            await asyncio.sleep(chance.uniform(*_MEANWHILE))
            moments.node_killed = time.monotonic_ns()
            servers[0].signal(signal.SIGKILL)
            await chronicle.every_list_goes_on(moments.node_killed, [alone, cut], LISTS)

            await asyncio.sleep(chance.uniform(*_MEANWHILE))
            ready = await _cut_and_repair(plan, cables, moments, chronicle, alone, cut)
            await asyncio.sleep(chance.uniform(*_MEANWHILE))
        await clients.look([alone, cut])
    return Drill((killed, alone, cut), moments, chronicle, ready)


async def _lose_primary(plan: Plan, pair: Pair, moments: Moments) -> None:
    moments.primary_killed = time.monotonic_ns()
    pair.primary.kill()
    await asyncio.sleep(plan.promote_after)
    await asyncio.to_thread(pair.promote)
    moments.standby_promoted = time.monotonic_ns()


async def _cut_and_repair(
    plan: Plan, cables: Sequence[Cable], moments: Moments, chronicle: Chronicle, alone: str, cut: str
) -> dict[str, int]:
    """Cut the network until the other node has changed every list; then repair it and reset its connections.

    Return the readiness of both nodes during the cut.
    """
    to_dead_primary, to_primary = cables
    await to_primary.cut_before(*plan.cut_before)
    to_dead_primary.cut()
    moments.cut = time.monotonic_ns()
    await asyncio.sleep(plan.cut_for)
    await chronicle.every_list_goes_on(moments.cut, [alone], SHARED)
    async with httpx2.AsyncClient(timeout=60) as probe:
        ready = {url: (await probe.get(f"{url}/readyz")).status_code for url in (alone, cut)}
    moments.repaired = time.monotonic_ns()
    for cable in cables:
        cable.repair()
    await chronicle.every_list_goes_on(moments.repaired, [cut], SHARED)
    moments.torn = time.monotonic_ns()
    for cable in cables:
        cable.tear()
    await chronicle.every_list_goes_on(moments.torn, [cut], SHARED)
    return ready


class _Clients:
    """Of every list some that change it and one that asks, elsewhere."""

    def __init__(
        self, headers: dict[str, str], urls: tuple[str, ...], chronicle: Chronicle, chance: random.Random
    ) -> None:
        self._headers = headers
        self._urls = urls
        self._chronicle = chronicle
        self._chance = chance

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        is_over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for place, phone_number_id in enumerate(LISTS):
                for node in _AT_A_SHARED if phone_number_id in SHARED else _AT_ANOTHER:
                    writer = self._new(phone_number_id, at=place + node)
                    tasks.create_task(writer.go_on(CHANGES, self._chronicle, is_over))
                reader = self._new(phone_number_id, at=place + 1)
                tasks.create_task(reader.go_on(QUESTIONS, self._chronicle, is_over))
            try:
                yield
            finally:
                is_over.set()

    async def look(self, urls: Iterable[str]) -> None:
        """Read every list once more through each of these nodes."""
        for url in urls:
            for phone_number_id in LISTS:
                await Witness([url], self._headers, phone_number_id, self._chance).look(self._chronicle)

    def _new(self, phone_number_id: str, *, at: int) -> Witness:
        first = at % len(self._urls)
        urls = self._urls[first:] + self._urls[:first]
        return Witness(urls, self._headers, phone_number_id, self._chance)


@asynccontextmanager
async def _explained(pair: Pair, servers: Sequence[Server], chronicle: Chronicle) -> AsyncIterator[None]:
    """Add the state of the databases and nodes to any failure."""
    try:
        yield
    except BaseException as trouble:
        trouble.add_note(f"heard instead of 200: {chronicle.failures}")
        for server in servers:
            trouble.add_note(f"{server.url}:\n{server.log[-2_000:]}")
        trouble.add_note(await asyncio.to_thread(connected, pair.standby.url, _activity))
        trouble.add_note(pair.standby.log[-2_000:])
        raise


async def _activity(connection: Any) -> str:
    return "\n".join(str(dict(row)) for row in await connection.fetch(_ACTIVITY))


def _deployed(folder: Path, pair: Pair) -> Deployment:
    deployment = Deployment(folder, pair.url())
    for phone_number_id in LISTS[1:]:
        deployment.add_number(phone_number_id)
    return deployment


@asynccontextmanager
async def _nodes(deployment: Deployment, through_cables: str) -> AsyncIterator[list[Server]]:
    """Three nodes; the last one reaches the databases through the cables."""
    beginnings = [deployment.server(), deployment.server(), deployment.server(WABLOCK_DATABASE=through_cables)]
    with ExitStack() as ends:
        servers = await asyncio.to_thread(ends.enter_context, at_once(beginnings))
        try:
            yield servers
        finally:  # in a thread, so that the cables still carry the bytes of the last node's stop
            await asyncio.to_thread(ends.close)
