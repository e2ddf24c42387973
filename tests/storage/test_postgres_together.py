"""Changes of several lists in a few round trips on PostgreSQL. A locked list does not affect the others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from tests.postgres import fresh_database
from tests.storage.changes import LIST, NOON, SECOND, block, is_blocked, listed, page, unblock
from tests.storage.meters import CountingMeter
from tests.storage.people import by_user_id, linked, people, person

from wablock.block_list.list_changes import ListChange
from wablock.block_list.ports import Effect, Outcome, Refusal
from wablock.failures import Overloaded
from wablock.storage import Store, open_store
from wablock.storage.postgres import together
from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.keys_in_use import KeysInUse
from wablock.storage.postgres.list_writer import ListWriter
from wablock.storage.postgres.lists import Batch
from wablock.storage.postgres.sessions import Connection
from wablock.storage.unreachable import Unreachable

T = TypeVar("T")

_DONE = Outcome({}, [Effect.ADDED], [()])
_LISTS = [f"1065403522429{number:02}" for number in range(10)]
_HOLD = "SELECT 1 FROM block_list WHERE list_id = $1 FOR UPDATE"


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    return fresh_database(tmp_path)


@pytest.fixture
async def store(dsn: str) -> AsyncIterator[Store]:
    opened = open_store(dsn, CountingMeter())
    for list_id in [LIST, *_LISTS]:
        await opened.apply(unblock(person(99), list_id=list_id))
    yield opened
    await opened.close()


@pytest.fixture
async def connection(dsn: str, store: Store) -> AsyncIterator["Watched"]:
    del store  # it has made the tables and the lists
    opened = await asyncpg.connect(dsn)
    yield Watched(opened)
    await opened.close()


class Watched:
    """A connection that counts its queries. `before` and `after` run just before and after a write."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.queries = 0
        self.before: Callable[[], Awaitable[object]] | None = None
        self.after: Callable[[], Awaitable[object]] | None = None

    async def fetch(self, query: str, *args: object) -> Sequence[Any]:
        self.queries += 1
        rows: Sequence[Any] = await self._connection.fetch(query, *args)
        return rows

    async def fetchval(self, query: str, *args: object) -> Any:
        self.queries += 1
        if self.before is not None:
            await self.before()
        value = await self._connection.fetchval(query, *args)
        if self.after is not None:
            await self.after()
        return value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _batch(list_id: str, *changes: ListChange) -> Batch:
    return Batch(list_id, changes, node=7, numbers=count(1))


async def test_many_lists_are_written_in_three_round_trips(connection: Watched, store: Store) -> None:
    batches = [_batch(list_id, block(person(1), list_id=list_id)) for list_id in _LISTS]

    outcomes = await together.write(connection, batches)

    assert outcomes == [[_DONE]] * len(_LISTS)
    assert connection.queries == 3
    assert [await listed(store, list_id=list_id) for list_id in _LISTS] == [["+16505550001"]] * len(_LISTS)


async def test_a_list_that_another_node_writes_to_is_skipped_and_the_others_are_written(
    connection: Watched, store: Store
) -> None:
    batches = [_batch(list_id, block(person(1), max_size=1, list_id=list_id)) for list_id in _LISTS[:3]]
    connection.before = lambda: store.apply(block(person(2), list_id=_LISTS[1]))

    outcomes = await together.write(connection, batches)

    assert outcomes == [[_DONE], None, [_DONE]]
    assert await listed(store, list_id=_LISTS[1]) == ["+16505550002"]


async def test_a_locked_list_is_skipped_and_does_not_delay_the_others(
    dsn: str, connection: Watched, store: Store
) -> None:
    del store
    holder = await asyncpg.connect(dsn)
    async with holder.transaction():
        await holder.fetch(_HOLD, _LISTS[1])

        outcomes = await together.write(
            connection, [_batch(list_id, block(person(1), list_id=list_id)) for list_id in _LISTS[:3]]
        )

    assert outcomes == [[_DONE], None, [_DONE]]
    await holder.close()


async def test_a_skipped_list_is_written_when_its_lock_is_free(dsn: str, store: Store) -> None:
    holder = await asyncpg.connect(dsn)
    async with holder.transaction():
        await holder.fetch(_HOLD, LIST)
        waiting = asyncio.ensure_future(store.apply(block(person(1))))

        await asyncio.gather(*(store.apply(block(person(1), list_id=list_id)) for list_id in _LISTS))

        assert not waiting.done()
    assert await waiting == _DONE
    assert await is_blocked(store, person(1))
    await holder.close()


async def test_lists_written_before_the_connection_was_lost_are_not_written_again(
    connection: Watched, store: Store
) -> None:
    batches = [_batch(list_id, block(*people(3), max_size=2, list_id=list_id)) for list_id in _LISTS[:2]]

    async def lose() -> None:
        raise ConnectionResetError

    connection.after = lose
    with pytest.raises(ConnectionResetError):
        await together.write(connection, batches)
    await store.apply(unblock(*people(3), list_id=_LISTS[0]))
    connection.after = None

    results = await together.write(connection, batches)
    outcomes = [await batch(connection) for batch in batches]  # each list locked, so that a standby has it as well

    assert results == [None] * 2
    assert outcomes == [[Outcome({2: Refusal.LIST_FULL}, [Effect.ADDED, Effect.ADDED, Effect.REFUSED], [()] * 3)]] * 2
    assert await listed(store, list_id=_LISTS[0]) == []
    assert len(await listed(store, list_id=_LISTS[1])) == 2


async def test_the_outcome_of_an_earlier_attempt_is_returned_only_after_the_list_was_locked(
    connection: Watched, store: Store
) -> None:
    """The lock is a write. Its commit waits for the standby, which may lack the earlier attempt."""
    batch = _batch(LIST, block(person(1)))
    await together.write(connection, [batch])

    assert await together.write(connection, [batch]) == [None]

    assert await batch(connection) == [_DONE]
    assert await listed(store) == ["+16505550001"]


async def test_a_batch_is_in_doubt_until_its_commit_is_acknowledged(connection: Watched, store: Store) -> None:
    batch = _batch(LIST, block(person(1)))
    connection.before = lambda: store.apply(block(person(2)))
    await together.write(connection, [batch])
    assert not batch.in_doubt  # its list was skipped

    async def lose() -> None:
        raise ConnectionResetError

    connection.before = lose
    with pytest.raises(ConnectionResetError):
        await together.write(connection, [batch])

    assert batch.in_doubt


async def test_a_sent_change_is_not_reported_as_rolled_back_when_the_database_fails_later(
    dsn: str, store: Store
) -> None:
    connections = _Forgetful(Connections(dsn, 2))
    writer = ListWriter(connections, KeysInUse(beside_older=False), at_once=2)

    with pytest.raises(Unreachable):
        await writer.apply(LIST, [block(person(1))])

    assert await is_blocked(store, person(1))
    await connections.close()


class _Forgetful(Connections):
    """Loses the response of the first write, and then the database permanently."""

    def __init__(self, real: Connections) -> None:
        self._real = real

    async def run(
        self,
        work: Callable[[Connection], Awaitable[T]],
        *,
        again: bool = True,
        whole: bool = True,
        within: float = 5.0,
    ) -> T:
        if isinstance(work, Batch):
            raise Overloaded("")
        await self._real.run(work, again=again, whole=whole, within=within)
        return await self._real.run(work, again=again, whole=whole, within=within)

    def is_stuck(self) -> bool:
        return False

    async def close(self) -> None:
        await self._real.close()


async def test_a_late_attempt_keeps_its_own_outcomes(dsn: str, connection: Watched, store: Store) -> None:
    batch = _batch(LIST, block(*people(2), max_size=1))
    attempt = asyncio.Event()
    late: list[asyncio.Task[object]] = []
    other = Watched(await asyncpg.connect(dsn))

    async def write_first() -> None:  # the first attempt is in flight when the second is decided, on a changed list
        connection.before = None
        attempt.set()

    connection.before = write_first
    late.append(asyncio.ensure_future(together.write(connection, [batch])))
    await attempt.wait()

    again = await together.write(other, [batch])
    (first,) = await asyncio.gather(*late)

    decided: list[object] = [[Outcome({1: Refusal.LIST_FULL}, [Effect.ADDED, Effect.REFUSED], [(), ()])]]
    assert decided in (first, again)
    assert {str(first), str(again)} <= {str(decided), "[None]"}
    assert await batch(other) == decided[0]
    assert await listed(store) == ["+16505550000"]
    await other.close()


async def test_details_links_and_unblocks_are_written_as_they_are(connection: Watched, store: Store) -> None:
    await store.apply(block(person(1), person(2), by_user_id("US.3")))
    await store.apply(block(linked(4, "US.4")))
    later = NOON + 60 * SECOND
    changes: list[ListChange] = [
        unblock(person(1), by_user_id("US.4")),
        block(person(2, reason='"spam" \\ ü', note="é\n", expires_at=later), at=NOON + 1),
        unblock(by_user_id("US.3")),
        block(person(5, reason="new")),
    ]

    (outcomes,) = await together.write(connection, [_batch(LIST, *changes)])

    assert outcomes is not None
    assert [outcome.effects for outcome in outcomes if isinstance(outcome, Outcome)] == [
        [Effect.REMOVED, Effect.REMOVED],
        [Effect.UPDATED],
        [Effect.REMOVED],
        [Effect.ADDED],
    ]
    assert await listed(store) == ["+16505550005", "+16505550002"]
    row = (await page(store)).rows[1]
    assert (row.reason, row.note, row.expires_at) == ('"spam" \\ ü', "é\n", later)


async def test_nodes_that_write_to_the_same_lists_at_once_lose_nothing(dsn: str, store: Store) -> None:
    nodes = [store, *(open_store(dsn, CountingMeter()) for _ in range(2))]

    await asyncio.gather(
        *(
            node.apply(block(person(1_000 * place + number), list_id=list_id))
            for place, node in enumerate(nodes)
            for list_id in _LISTS[:4]
            for number in range(50)
        )
    )

    for list_id in _LISTS[:4]:
        assert len(set(await listed(store, list_id=list_id))) == 150
    for node in nodes[1:]:
        await node.close()
