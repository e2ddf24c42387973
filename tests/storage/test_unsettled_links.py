"""Links that wait for a worker of a Citus cluster: their ids are one user meanwhile, also in chains of links."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from tests.postgres import bare_database
from tests.storage.changes import ACCOUNT, NOON, SECOND, block, unblock
from tests.storage.meters import CountingMeter
from tests.storage.people import by_user_id, person, user_with
from tests.workers import ASKS_EACH_WORKER, DEAD, SILENT, Workers

from wablock.block_list.changes import Carry, Link, Sweep
from wablock.block_list.ports import BusinessNumber, Effect, Member
from wablock.storage.postgres import PostgresStore, settling

_ON_ONE = "106540352242920"
_ON_TWO = "106540352242921"
_PARENT = "US.ENT.1"
_USER_IDS = "US.1", "US.2"
_IDS = person(1), *map(by_user_id, _USER_IDS), user_with(None, None, _PARENT)
_BEFORE_ANY_IS_CUT_OFF = 4.0  # seconds; after 5, a connection that waits for the silent worker is closed
_LONG = 30.0  # seconds; only a test that fails waits for so long


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workers:
    monkeypatch.setattr(settling, "_LISTED", ASKS_EACH_WORKER)
    return Workers(bare_database(tmp_path))


@pytest.fixture
async def store(workers: Workers) -> AsyncIterator[PostgresStore]:
    opened = PostgresStore(workers.url, CountingMeter())
    for list_id in (_ON_ONE, _ON_TWO):
        await opened.add_number(BusinessNumber(list_id, ACCOUNT), NOON)
    yield opened
    await opened.close()


@pytest.fixture(params=_USER_IDS)
async def chain(request: pytest.FixtureRequest, store: PostgresStore, workers: Workers) -> PostgresStore:
    """A user_id means another one, which means a number. No link is settled, and a list has one of the user_ids."""
    await store.apply(block(by_user_id(request.param), list_id=_ON_TWO))
    with workers.broken(2, DEAD):
        for user in (user_with(None, "US.1", _PARENT), user_with(None, "US.2", _PARENT), user_with(1, "US.1")):
            await _link(store, user)
    return store


async def _link(store: PostgresStore, *users: Member) -> None:
    await store.apply(Link(ACCOUNT, NOON, users))


async def _blocked(store: PostgresStore, list_id: str, users: Sequence[Member] = _IDS) -> list[bool]:
    return [it is not None for it in await store.blocked(ACCOUNT, list_id, users, NOON)]


@pytest.mark.parametrize("user", _IDS[:3], ids=lambda it: it.key)
async def test_a_user_is_unblocked_by_each_of_two_user_ids(
    store: PostgresStore, workers: Workers, user: Member
) -> None:
    await store.apply(block(by_user_id("US.1"), list_id=_ON_TWO))
    with workers.broken(2, DEAD):
        await _link(store, user_with(1, "US.1"))
        await _link(store, user_with(1, "US.2", _PARENT))

    await store.apply(unblock(user, list_id=_ON_TWO))

    assert not any(await _blocked(store, _ON_TWO))
    await store.apply(Sweep(NOON, NOON))
    assert not any(await _blocked(store, _ON_TWO))


@pytest.mark.parametrize("user", _IDS[:3], ids=lambda it: it.key)
async def test_a_user_is_unblocked_by_each_id_of_a_chain(chain: PostgresStore, user: Member) -> None:
    await chain.apply(unblock(user, list_id=_ON_TWO))

    assert not any(await _blocked(chain, _ON_TWO))
    await chain.apply(Sweep(NOON, NOON))
    assert not any(await _blocked(chain, _ON_TWO))


async def test_a_block_replaces_the_expiry_of_a_row_whose_link_is_not_settled(
    store: PostgresStore, workers: Workers
) -> None:
    await store.apply(block(by_user_id("US.1"), list_id=_ON_TWO))
    with workers.broken(2, DEAD):
        await _link(store, user_with(1, "US.1"))

    outcome = await store.apply(block(person(1, expires_at=NOON + SECOND), list_id=_ON_TWO))

    assert outcome.effects == [Effect.UPDATED]
    assert await store.blocked(ACCOUNT, _ON_TWO, [person(1)], NOON + 2 * SECOND) == [None]


async def test_a_user_is_unblocked_by_a_user_id_that_means_the_number_in_two_steps(
    store: PostgresStore, workers: Workers
) -> None:
    await _link(store, user_with(None, "US.1", _PARENT), user_with(None, "US.2", _PARENT))
    await store.apply(block(by_user_id("US.1"), list_id=_ON_TWO))
    with workers.broken(2, DEAD):
        await _link(store, user_with(1, "US.1"))
        await store.apply(block(person(1), list_id=_ON_ONE))

        await store.apply(unblock(by_user_id("US.2"), list_id=_ON_ONE))

        assert not any(await _blocked(store, _ON_ONE))


@pytest.mark.parametrize("previous", _IDS, ids=lambda it: it.key)
async def test_a_chain_is_carried_on_to_a_new_number(chain: PostgresStore, previous: Member) -> None:
    await chain.apply(Carry(ACCOUNT, NOON, previous, person(2)))

    assert all(await _blocked(chain, _ON_TWO, [*_IDS, person(2)]))


async def test_a_chain_is_settled_as_one_user(chain: PostgresStore) -> None:
    await chain.apply(Sweep(NOON, NOON))
    await chain.apply(Sweep(NOON, NOON))  # the links that the first one changed

    assert all(await _blocked(chain, _ON_TWO))
    assert not await chain.unlinked(ACCOUNT, [user_with(1, "US.1", _PARENT), user_with(1, "US.2", _PARENT)])


@pytest.mark.parametrize("change", ["webhook", "notice"])
async def test_a_number_that_a_user_gave_up_stays_blocked(store: PostgresStore, workers: Workers, change: str) -> None:
    await store.apply(block(by_user_id("US.1"), list_id=_ON_TWO))
    with workers.broken(2, DEAD):
        await _link(store, user_with(1, "US.1"))

    if change == "webhook":
        await _link(store, user_with(2, "US.1"))
    else:
        await store.apply(Carry(ACCOUNT, NOON, user_with(1, "US.1"), user_with(2, "US.1")))

    assert all(await _blocked(store, _ON_TWO, [person(1), person(2), by_user_id("US.1")]))


async def test_all_ids_of_a_webhook_are_linked_if_the_first_link_waits_for_a_worker(
    store: PostgresStore, workers: Workers
) -> None:
    for user in (user_with(None, "US.0", "US.ENT.2"), user_with(None, "US.1", "US.ENT.2")):
        await _link(store, user)
    await _link(store, user_with(None, "US.2", _PARENT))
    await store.apply(block(by_user_id("US.1"), list_id=_ON_TWO))
    with workers.broken(2, DEAD):
        await _link(store, user_with(1, "US.0"))

        await _link(store, user_with(1, "US.1", _PARENT))
        await store.apply(block(person(1), list_id=_ON_ONE))

        assert all(await _blocked(store, _ON_ONE))


@pytest.mark.parametrize("how", [DEAD, SILENT])
async def test_webhooks_with_a_thousand_new_links_do_not_wait_for_a_worker(
    store: PostgresStore, workers: Workers, how: str
) -> None:
    webhooks = [
        [user_with(1_000 * place + n, f"US.{place}A{n}", f"US.ENT.{place}A{n}") for n in range(1_000)]
        for place in range(6)
    ]
    await store.apply(block(*(by_user_id(f"US.{place}A0") for place in range(6)), list_id=_ON_TWO))

    with workers.broken(2, how):
        for users in webhooks:
            await asyncio.wait_for(_link(store, *users), _BEFORE_ANY_IS_CUT_OFF)


async def test_a_link_that_waits_while_the_store_is_closed_is_stored(store: PostgresStore, workers: Workers) -> None:
    await store.apply(block(by_user_id("US.1"), list_id=_ON_TWO))
    with workers.broken(2, SILENT):
        waiting = asyncio.create_task(_link(store, user_with(1, "US.1")))
        await asyncio.sleep(0.1)

        await asyncio.wait_for(store.close(), _LONG)

    await waiting
    assert await store.unlinked(ACCOUNT, [user_with(1, "US.1")])
    assert await _blocked(store, _ON_TWO, [person(1)]) == [True]
