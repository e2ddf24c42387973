"""Transactions on PostgreSQL that are retried: each is applied once, and every caller gets the correct result."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.postgres import connected, fresh_database
from tests.storage.changes import ACCOUNT, LIST, NOON, block, is_blocked, listed, unblock, version, wrote
from tests.storage.meters import CountingMeter
from tests.storage.people import people, person

from wablock.block_list.ports import Effect, Outcome, Refusal
from wablock.contract.errors import BlocklistInternalError
from wablock.failures import Overloaded
from wablock.storage import open_store
from wablock.storage.postgres import PostgresStore
from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.lists import Batch
from wablock.storage.postgres.sessions import Connection
from wablock.storage.unreachable import Unreachable

_DONE = Outcome({}, [Effect.ADDED], [()])

_END_THE_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    return fresh_database(tmp_path)


@pytest.fixture
async def store(dsn: str) -> AsyncIterator[PostgresStore]:
    opened = open_store(dsn, CountingMeter())
    assert isinstance(opened, PostgresStore)
    yield opened
    await opened.close()


@pytest.fixture
async def connections(dsn: str) -> AsyncIterator[Connections]:
    opened = Connections(dsn, 2, give_up_after=0.3)
    yield opened
    await opened.close()


async def _made(store: PostgresStore) -> None:
    """The list has its row."""
    await store.apply(unblock(person(99)))


def _throw_out(dsn: str) -> None:
    """End every other connection to the database, as a restart of the server does."""

    async def end(connection: Any) -> None:
        await connection.fetch(_END_THE_OTHERS)

    connected(dsn, end)


async def test_a_committed_batch_is_not_applied_again(store: PostgresStore, connections: Connections) -> None:
    await _made(store)
    batch = Batch(LIST, [block(person(1))], node=7, numbers=count(1))
    await connections.run(batch)  # committed; assume that the acknowledgement was lost
    await store.apply(unblock(person(1)))

    outcomes = await connections.run(batch)

    assert outcomes == [_DONE]
    assert not await is_blocked(store, person(1))


async def test_the_outcomes_of_a_batch_are_returned_although_its_commit_was_not_acknowledged(
    store: PostgresStore, connections: Connections
) -> None:
    await _made(store)
    batch = Batch(LIST, [block(*people(3), max_size=2)], node=7, numbers=count(1))
    await connections.run(batch)
    await store.apply(unblock(*people(3)))

    outcomes = await connections.run(batch)

    assert outcomes == [Outcome({2: Refusal.LIST_FULL}, [Effect.ADDED, Effect.ADDED, Effect.REFUSED], [()] * 3)]
    assert await listed(store) == []


async def test_a_batch_is_recognized_after_many_batches_of_others(
    store: PostgresStore, connections: Connections
) -> None:
    await _made(store)
    batch = Batch(LIST, [block(person(1))], node=7, numbers=count(1))
    await connections.run(batch)
    for number in range(2, 60):
        await store.apply(block(person(number)))
    await store.apply(unblock(person(1)))

    await connections.run(batch)

    assert not await is_blocked(store, person(1))


async def test_a_rolled_back_batch_is_applied_again(store: PostgresStore, connections: Connections) -> None:
    await _made(store)
    batch = Batch(LIST, [block(person(1))], node=7, numbers=count(1))
    attempts = 0

    async def undone_once(connection: Connection) -> object:
        nonlocal attempts
        attempts += 1
        async with connection.transaction():
            outcomes = await batch(connection)
            if attempts == 1:
                raise asyncpg.SerializationError("could not serialize access")
            return outcomes

    assert await connections.run(undone_once) == [_DONE]
    assert attempts == 2
    assert await is_blocked(store, person(1))


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.apply(block(person(1))),
        lambda store: store.apply(unblock(person(1))),
        lambda store: store.apply(wrote(person(1))),
        lambda store: store.blocked(ACCOUNT, LIST, [person(1)], NOON),
        listed,
        lambda store: store.numbers(),
        lambda store: store.tokens(),
    ],
    ids=["block", "unblock", "message", "check", "page", "numbers", "tokens"],
)
async def test_no_caller_sees_a_restart_of_the_server(
    dsn: str, store: PostgresStore, write: Callable[[PostgresStore], Awaitable[object]]
) -> None:
    await write(store)
    await asyncio.to_thread(_throw_out, dsn)

    await write(store)


async def test_no_change_is_lost_or_applied_twice_when_connections_are_lost_under_load(
    dsn: str, store: PostgresStore
) -> None:
    stop = asyncio.Event()

    async def throw_out() -> None:
        for _ in range(50):  # not for ever: on a busy machine no write would succeed in between
            if not stop.is_set():
                await asyncio.to_thread(_throw_out, dsn)
                await asyncio.sleep(0.02)  # at the pace of the writes

    throwing = asyncio.create_task(throw_out())
    outcomes = await asyncio.gather(
        *(store.apply(block(*people(3, start=3 * number))) for number in range(60)), return_exceptions=True
    )
    stop.set()
    await throwing

    on_list = set(await listed(store))
    for number, outcome in enumerate(outcomes):
        blocked = [member.input in on_list for member in people(3, start=3 * number)]
        assert all(blocked) or not any(blocked)
        assert all(blocked) or not isinstance(outcome, Outcome)
    assert await version(store) >= NOON


async def _lost(_: Connection) -> object:
    raise ConnectionResetError


async def test_a_change_that_may_have_been_made_is_not_reported_as_rolled_back(connections: Connections) -> None:
    with pytest.raises(Unreachable):
        await connections.run(_lost)


async def test_work_that_must_not_be_repeated_is_tried_once(connections: Connections) -> None:
    attempts = 0

    async def lost(connection: Connection) -> object:
        nonlocal attempts
        attempts += 1
        return await _lost(connection)

    with pytest.raises(Unreachable):
        await connections.run(lost, again=False)

    assert attempts == 1


async def test_a_failing_statement_is_not_retried(connections: Connections) -> None:
    attempts = 0

    async def faulty(connection: Connection) -> object:
        nonlocal attempts
        attempts += 1
        return await connection.fetch("SELECT * FROM no_table_of_ours")

    with pytest.raises(BlocklistInternalError) as failure:
        await connections.run(faulty)

    assert isinstance(failure.value.__cause__, asyncpg.UndefinedTableError)
    assert attempts == 1


async def _one(connection: Connection) -> object:
    return await connection.fetchval("SELECT 1")


@pytest.fixture
async def nowhere() -> AsyncIterator[Connections]:
    opened = Connections("postgresql://postgres@127.0.0.1:1/postgres", 2, give_up_after=0.3)
    yield opened
    await opened.close()


async def test_a_request_waits_for_a_missing_database_and_then_fails(nowhere: Connections) -> None:
    with pytest.raises(Overloaded) as refusal:
        await nowhere.run(_one)

    assert refusal.value.details == "The database does not answer. Nothing was changed. Try again."


async def test_a_request_is_refused_immediately_while_others_wait_for_a_missing_database() -> None:
    nowhere = Connections("postgresql://postgres@127.0.0.1:1/postgres", 2, give_up_after=5)
    waiting = [asyncio.ensure_future(nowhere.run(_one)) for _ in range(2)]
    await asyncio.sleep(3.5)  # longer than the time-out of a connection, by the event loop's clock

    with pytest.raises(Overloaded):
        await asyncio.wait_for(nowhere.run(_one), 1)

    assert not any(it.done() for it in waiting)
    for it in waiting:
        it.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await nowhere.close()


async def test_a_statement_that_times_out_loses_its_connection(dsn: str) -> None:
    connections = Connections(dsn, 1, give_up_after=3)

    async def sleep(connection: Connection) -> object:
        return await connection.fetch("SELECT pg_sleep(60)")

    with pytest.raises(Unreachable):
        await connections.run(sleep)

    assert await connections.run(_one) == 1
    await connections.close()


async def test_a_silent_server_is_skipped_for_the_next_one(dsn: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # as a machine that is down: there is no response
        hosts = f"127.0.0.1:{silent.getsockname()[1]}"
        connections = Connections(dsn.replace("@", f"@{hosts},", 1), 1)

        assert await connections.run(_one) == 1

        await connections.close()


async def test_connections_are_durable_with_any_settings_of_the_database(dsn: str) -> None:
    connections = Connections(f"{dsn}&synchronous_commit=off&statement_timeout=1000", 1)

    async def settings(connection: Connection) -> object:
        return [await connection.fetchval(f"SHOW {name}") for name in ("synchronous_commit", "statement_timeout")]

    assert await connections.run(settings) == ["on", "0"]
    await connections.close()


async def test_closed_connections_can_serve_another_event_loop(dsn: str) -> None:
    connections = Connections(dsn, 1)

    async def used() -> object:
        try:
            return await connections.run(_one)
        finally:
            await connections.close()

    assert [await asyncio.to_thread(asyncio.run, used()) for _ in range(2)] == [1, 1]
