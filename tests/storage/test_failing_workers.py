"""A worker of a Citus cluster that fails: only the numbers on it fail with it, and nothing is lost or half done."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.postgres import bare_database
from tests.storage.changes import ACCOUNT, NOON, block, listed, page, unblock
from tests.storage.meters import CountingMeter
from tests.storage.people import by_user_id, people, person, user_of
from tests.workers import ASKS_EACH_WORKER, DEAD, SILENT, Workers

from wablock.block_list.changes import Carry, Link, NoteInbound, Sweep
from wablock.block_list.ports import BusinessNumber, Member
from wablock.contract.errors import BlocklistInternalError, GraphError
from wablock.failures import Overloaded
from wablock.gate.ports import SealedDownstream
from wablock.storage.postgres import PostgresStore, settling

_ON_ONE = "106540352242920"
_ON_TWO = "106540352242921"
_LINKED = user_of("+16505550103", "US.13491208655302741918")
_BY_NUMBER = user_of("+16505550103")
_BY_USER_ID = by_user_id("US.13491208655302741918")
_BEFORE_ANY_IS_CUT_OFF = 4.0  # seconds; after 5, a connection that waits for the silent worker is closed
_LONG = 30.0  # seconds; only a test that fails waits for so long

Operation = Callable[[PostgresStore, str], Awaitable[Any]]

_OPERATIONS: dict[str, Operation] = {
    "block": lambda store, list_id: store.apply(block(person(7), list_id=list_id)),
    "unblock": lambda store, list_id: store.apply(unblock(person(7), list_id=list_id)),
    "check": lambda store, list_id: store.blocked(ACCOUNT, list_id, [person(1)], NOON),
    "page": lambda store, list_id: page(store, list_id=list_id),
    "stamp": lambda store, list_id: store.stamp(list_id),
    "receivers": lambda store, list_id: store.downstreams(list_id),
}


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workers:
    monkeypatch.setattr(settling, "_LISTED", ASKS_EACH_WORKER)
    return Workers(bare_database(tmp_path))


@pytest.fixture
def meter() -> CountingMeter:
    return CountingMeter()


@pytest.fixture
async def store(workers: Workers, meter: CountingMeter) -> AsyncIterator[PostgresStore]:
    """A store with a user on a list of each worker."""
    opened = PostgresStore(workers.url, meter)
    for list_id in (_ON_ONE, _ON_TWO):
        await opened.add_number(BusinessNumber(list_id, ACCOUNT), NOON)
        await opened.apply(block(person(1), list_id=list_id))
        await opened.add_downstream(_receiver(list_id))
    yield opened
    await opened.close()


def _receiver(list_id: str) -> SealedDownstream:
    return SealedDownstream("d1", list_id, ACCOUNT, "http://127.0.0.1:1/", None, None, 1_000, True, True, NOON)


async def _link(store: PostgresStore, list_id: str) -> None:
    del list_id
    await store.apply(Link(ACCOUNT, NOON, [_LINKED]))


async def _block_both(store: PostgresStore, list_id: str) -> None:
    await store.apply(block(_LINKED, list_id=list_id))


async def _write(store: PostgresStore, list_id: str) -> None:
    await store.apply(NoteInbound(list_id, ACCOUNT, NOON, [_LINKED]))


async def _holds(store: PostgresStore, user: Member, list_id: str) -> bool:
    (answer,) = await store.blocked(ACCOUNT, list_id, [user], NOON)
    return answer is not None


async def _is_blocked(store: PostgresStore, number: int, list_id: str) -> bool:
    return await _holds(store, person(number), list_id)


@pytest.mark.parametrize("operation", _OPERATIONS.values(), ids=_OPERATIONS)
async def test_a_dead_worker_refuses_what_concerns_its_lists(
    store: PostgresStore, workers: Workers, operation: Operation
) -> None:
    with workers.broken(2, DEAD), pytest.raises(Overloaded):
        await operation(store, _ON_TWO)


@pytest.mark.parametrize("how", [DEAD, SILENT])
@pytest.mark.parametrize("operation", _OPERATIONS.values(), ids=_OPERATIONS)
async def test_another_worker_answers_while_one_does_not(
    store: PostgresStore, workers: Workers, operation: Operation, how: str
) -> None:
    with workers.broken(2, how):
        waiting = [asyncio.create_task(_tried(each, store, _ON_TWO)) for each in _OPERATIONS.values() for _ in range(9)]
        await asyncio.sleep(0.1)

        await asyncio.wait_for(operation(store, _ON_ONE), _LONG)

        assert how == DEAD or not any(task.done() for task in waiting)
    await asyncio.wait_for(asyncio.gather(*waiting), _LONG)


async def _tried(operation: Operation, store: PostgresStore, list_id: str) -> None:
    with contextlib.suppress(Overloaded):
        await operation(store, list_id)


@pytest.mark.parametrize("how", [DEAD, SILENT])
async def test_a_node_is_ready_and_can_start_while_a_worker_does_not_answer(
    store: PostgresStore, workers: Workers, how: str
) -> None:
    with workers.broken(2, how):
        assert await store.is_ready()
        await PostgresStore(workers.url, CountingMeter()).close()


async def test_what_waits_for_all_machines_does_not_delay_the_rest(store: PostgresStore, workers: Workers) -> None:
    await store.apply(Link(ACCOUNT, NOON, [_LINKED]))
    with workers.broken(2, SILENT):
        waiting = [asyncio.create_task(_done(store.account_downstreams(ACCOUNT))) for _ in range(9)]
        waiting += [asyncio.create_task(_done(store.apply(block(person(1), list_id=f"{n}0")))) for n in range(9)]
        await asyncio.sleep(0.1)

        await asyncio.wait_for(_work_on_worker_1(store), _BEFORE_ANY_IS_CUT_OFF)

        assert not any(task.done() for task in waiting[:9])
    await asyncio.wait_for(asyncio.gather(*waiting), _LONG)


async def _work_on_worker_1(store: PostgresStore) -> None:
    assert await store.is_ready()
    assert await store.find_token(b"unknown") is None
    assert await store.find_number(_ON_ONE) is not None
    assert await store.unlinked(ACCOUNT, [_LINKED]) == []
    for operation in _OPERATIONS.values():
        await operation(store, _ON_ONE)


async def _done(work: Coroutine[Any, Any, object]) -> None:
    """Wait for `work`, whatever its result is."""
    with contextlib.suppress(GraphError):
        await work


@pytest.mark.parametrize("how", [DEAD, SILENT])
@pytest.mark.parametrize("learn", [_link, _block_both, _write], ids=["webhook", "block", "message"])
async def test_new_links_are_learned_while_another_worker_does_not_answer(
    store: PostgresStore, workers: Workers, learn: Operation, how: str
) -> None:
    with workers.broken(2, how):
        await asyncio.wait_for(learn(store, _ON_ONE), _BEFORE_ANY_IS_CUT_OFF)
        await store.apply(block(_BY_NUMBER, list_id=_ON_ONE))

        assert await _holds(store, _BY_USER_ID, _ON_ONE)


@pytest.mark.parametrize("how", [DEAD, SILENT])
async def test_a_webhook_with_many_new_links_waits_once_for_a_worker(
    store: PostgresStore, workers: Workers, how: str
) -> None:
    users = [user_of(f"+1650555{number:04}", f"US.{number:020}") for number in range(300)]
    with workers.broken(2, how):
        await asyncio.wait_for(store.apply(Link(ACCOUNT, NOON, users)), _BEFORE_ANY_IS_CUT_OFF)


@pytest.fixture
async def back(store: PostgresStore, workers: Workers) -> PostgresStore:
    """Worker 2 is back. While it was dead, a user on its list, known there by the user_id, was linked to the number."""
    await store.apply(block(_BY_USER_ID, list_id=_ON_TWO))
    await store.apply(block(_BY_USER_ID, list_id=_ON_ONE))
    with workers.broken(2, DEAD):
        await store.apply(Link(ACCOUNT, NOON, [_LINKED]))
    return store


@pytest.mark.parametrize("list_id", [_ON_ONE, _ON_TWO])
@pytest.mark.parametrize("user", [_BY_NUMBER, _BY_USER_ID, _LINKED], ids=["number", "user_id", "both"])
async def test_a_block_holds_by_every_id_before_the_link_is_settled(
    back: PostgresStore, list_id: str, user: Member
) -> None:
    assert await _holds(back, user, list_id)


@pytest.mark.parametrize("user", [_BY_NUMBER, _BY_USER_ID, _LINKED], ids=["number", "user_id", "both"])
async def test_an_unblocked_user_is_free_by_every_id_before_the_link_is_settled(
    back: PostgresStore, user: Member
) -> None:
    await back.apply(unblock(user, list_id=_ON_TWO))

    assert not await _holds(back, _BY_NUMBER, _ON_TWO)
    assert not await _holds(back, _BY_USER_ID, _ON_TWO)
    await back.apply(Sweep(NOON, NOON))
    assert not await _holds(back, _BY_NUMBER, _ON_TWO)


async def test_a_new_number_gets_the_block_whose_link_is_not_settled(back: PostgresStore) -> None:
    await back.apply(Carry(ACCOUNT, NOON, _BY_NUMBER, user_of("+16505550104")))

    assert await _holds(back, user_of("+16505550104"), _ON_TWO)


async def test_the_next_sweep_settles_the_link(back: PostgresStore) -> None:
    assert await back.unlinked(ACCOUNT, [_LINKED])

    await back.apply(Sweep(NOON, NOON))

    assert not await back.unlinked(ACCOUNT, [_LINKED])
    (_, row) = (await page(back, list_id=_ON_TWO)).rows[::-1]
    assert (row.wa_id, row.user_id) == (_LINKED.wa_id, _LINKED.user_id)


async def test_the_lists_of_workers_that_answer_are_settled_at_once(back: PostgresStore) -> None:
    (_, row) = (await page(back, list_id=_ON_ONE)).rows[::-1]

    assert (row.wa_id, row.user_id) == (_LINKED.wa_id, _LINKED.user_id)


async def test_a_number_that_a_user_gave_up_is_not_carried_on_before_every_list_has_it(
    store: PostgresStore, workers: Workers
) -> None:
    await store.apply(block(_BY_NUMBER, list_id=_ON_TWO))
    current = user_of("+16505550104")

    with workers.broken(2, DEAD), pytest.raises(GraphError):
        await store.apply(Carry(ACCOUNT, NOON, _BY_NUMBER, current))
    await store.apply(Carry(ACCOUNT, NOON, _BY_NUMBER, current))

    assert await _holds(store, current, _ON_TWO)


async def test_a_store_can_be_closed_while_a_link_waits_for_a_worker(store: PostgresStore, workers: Workers) -> None:
    with workers.broken(2, SILENT):
        await store.apply(Link(ACCOUNT, NOON, [_LINKED]))

        await asyncio.wait_for(store.close(), _LONG)


async def test_a_refused_change_was_not_made(store: PostgresStore, workers: Workers) -> None:
    with workers.broken(2, DEAD), pytest.raises(Overloaded):
        await store.apply(block(*people(3, start=10), list_id=_ON_TWO))

    assert await listed(store, list_id=_ON_TWO) == [person(1).input]


@pytest.mark.parametrize("how", [DEAD, SILENT])
async def test_a_worker_that_is_back_answers_again(store: PostgresStore, workers: Workers, how: str) -> None:
    with workers.broken(2, how):
        waiting = asyncio.create_task(_tried(_OPERATIONS["check"], store, _ON_TWO))
        await asyncio.sleep(0.1)
    await asyncio.wait_for(waiting, _LONG)

    await store.apply(block(person(2), list_id=_ON_TWO))

    assert await _is_blocked(store, 2, _ON_TWO)


async def test_the_failures_of_a_worker_are_counted(
    store: PostgresStore, workers: Workers, meter: CountingMeter
) -> None:
    with workers.broken(2, DEAD):
        await _tried(_OPERATIONS["check"], store, _ON_TWO)

    assert meter.failed_workers == [2]


async def test_nothing_acknowledged_is_lost_while_a_worker_fails(store: PostgresStore, workers: Workers) -> None:
    lists = [f"10654035224{place:04d}" for place in range(64)]
    acknowledged: dict[str, set[str]] = {list_id: set() for list_id in lists}
    refused: dict[str, set[str]] = {list_id: set() for list_id in lists}
    is_over = asyncio.Event()
    for list_id in lists:
        await store.add_number(BusinessNumber(list_id, ACCOUNT), NOON)

    async def write(writer: int) -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            list_id, user = lists[(writer + 32 * number) % 64], person(100 * number + writer)
            try:
                await store.apply(block(user, list_id=list_id))
            except Overloaded:
                refused[list_id].add(user.input)
                await asyncio.sleep(0.01)
            except BlocklistInternalError:  # the worker died while it wrote: it is unknown whether it was done
                pass
            else:
                acknowledged[list_id].add(user.input)

    writing = [asyncio.create_task(write(writer)) for writer in range(32)]
    for how in (DEAD, SILENT):
        await asyncio.sleep(0.2)
        with workers.broken(2, how):
            await asyncio.sleep(0.5)
    await asyncio.sleep(0.2)
    is_over.set()
    await asyncio.wait_for(asyncio.gather(*writing), _LONG)

    found = {list_id: set(await listed(store, list_id=list_id)) for list_id in lists}
    assert {list_id: it for list_id, it in acknowledged.items() if not it <= found[list_id]} == {}
    assert {list_id: it for list_id, it in refused.items() if it & found[list_id]} == {}
    assert any(refused.values())
