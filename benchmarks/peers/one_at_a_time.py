"""The peer on PostgreSQL: the same store without grouping, in the simplest way.

It runs a transaction for each change (BEGIN, lock the list, read, write, COMMIT) and a query for each check.
"""

import secrets
from collections.abc import Sequence
from itertools import count
from typing import Any

from wablock.block_list.list_changes import ListChange
from wablock.block_list.ports import InForce, Outcome
from wablock.storage.postgres import PostgresStore, checks
from wablock.storage.postgres.checks import Question
from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.lists import Batch


class _Changes:
    """A replacement for `ListCommits`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._node = secrets.randbits(62)
        self._numbers = count(1)

    async def submit(self, list_id: str, change: ListChange) -> Outcome:
        (outcome,) = await self._connections.run(Batch(list_id, [change], self._node, self._numbers)) or ()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def drain(self) -> None:
        """No change waits here."""


class _Checks:
    """A replacement for `RoundTrips`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def ask(self, question: Question) -> Sequence[InForce | None]:
        (answer,) = await self._connections.run(lambda connection: checks.blocked(connection, [question]))
        return answer


def make(store: Any, url: str, connections: int) -> None:
    """Turn grouping off in `store`. It then has a pool of `connections` for changes, and another for checks."""
    assert isinstance(store, PostgresStore)
    changing: Any = _Changes(Connections(url, connections))
    asking: Any = _Checks(Connections(url, connections))
    store._lanes.common.lists = changing  # noqa: SLF001 - the same store with another implementation
    store._lanes.common.checks = asking  # noqa: SLF001
