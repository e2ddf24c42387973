"""The workers of a Citus cluster: which one has a list. Without Citus there is one database, which has all lists."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.sessions import Connection
from wablock.storage.round_trips import RoundTrips

ONE: Final = 0
"""The database, if it is not a cluster."""

# The function is made by the migrations for Citus. It reads only the tables that every node of the cluster has.
_WORKERS = "SELECT list_id, wablock_worker_of(list_id) FROM unnest($1::text[]) AS wanted (list_id)"
_ARE_THERE = "SELECT to_regprocedure('wablock_worker_of(text)') IS NOT NULL"

_KNOWN_FOR: Final = 60.0  # seconds; a list may move to another worker
_BETWEEN_FORGETTING: Final = 1.0  # seconds: while a worker is dead, its failures are many
_MOST_KNOWN: Final = 100_000


class Workers:
    """Knows the worker of a list for a minute. If that is wrong, a list only waits for another worker's lists."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._known: dict[str, tuple[float, int]] = {}
        self._forgot_at = 0.0
        self._questions = RoundTrips(self._ask, at_once=1, is_stuck=connections.is_stuck)

    async def of(self, list_id: str) -> int:
        """The worker that has the list, or will have it."""
        now = asyncio.get_running_loop().time()
        known = self._known.get(list_id)
        if known is not None and now < known[0]:
            return known[1]
        worker = await self._questions.ask(list_id)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[list_id] = now + _KNOWN_FOR, worker
        return worker

    def forget(self) -> None:
        """Forget all, if that is not just done: a worker has failed, and its lists may have moved."""
        now = asyncio.get_running_loop().time()
        if now >= self._forgot_at + _BETWEEN_FORGETTING:
            self._forgot_at = now
            self._known.clear()

    async def _ask(self, list_ids: Sequence[str]) -> Sequence[int]:
        rows = await self._connections.run(partial(_workers, list_ids=list(set(list_ids))))
        by_list = dict(rows)
        return [by_list[list_id] for list_id in list_ids]


async def are_several(connection: Connection) -> bool:
    """Whether the lists are on workers."""
    there: bool = await connection.fetchval(_ARE_THERE)
    return there


async def _workers(connection: Connection, list_ids: Sequence[str]) -> Sequence[tuple[str, int]]:
    return [
        (list_id, ONE if worker is None else worker) for list_id, worker in await connection.fetch(_WORKERS, list_ids)
    ]
