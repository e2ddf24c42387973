"""The peer on PostgreSQL: the same store with nothing grouped, as it is without another thought.

A transaction for each change (BEGIN, lock the list, read, write, COMMIT) and a query for each check, whoever else asks.
"""

import secrets
from collections.abc import Sequence
from itertools import count
from typing import Any

from wablock.block_list.ports import InForce, Outcome
from wablock.storage.postgres import PostgresStore, checks
from wablock.storage.postgres.checks import Question
from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.lists import Batch
from wablock.storage.postgres.working_list import ListChange


class _Changes:
    """In place of `ListCommits`."""

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
        """Nothing waits here."""


class _Checks:
    """In place of `RoundTrips`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def ask(self, question: Question) -> Sequence[InForce | None]:
        (answer,) = await self._connections.run(lambda connection: checks.blocked(connection, [question]))
        return answer


def make(store: Any, url: str, connections: int) -> None:
    """Let `store` group nothing any more, with a pool of so many connections for changes and one for checks."""
    assert isinstance(store, PostgresStore)
    changing: Any = _Changes(Connections(url, connections))
    asking: Any = _Checks(Connections(url, connections))
    store._lists = changing  # noqa: SLF001 - the same store, other insides
    store._checks = asking  # noqa: SLF001
