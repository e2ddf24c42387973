"""Blocks that end by themselves. Whether a sweep has been by must not show."""

import pytest
from tests.storage.adapters import Store
from tests.storage.changes import NOON, SECOND, block, is_blocked, listed, only_row, page, unblock, version, wrote
from tests.storage.people import people, person

from wablock.block_list.ports import Refusal, Sweep

LATER = NOON + 60 * SECOND
_AT_THE_END = pytest.mark.parametrize(
    "at, in_force", [(LATER - 1, True), (LATER, False), (LATER + 1, False)], ids=["before", "at", "after"]
)


@_AT_THE_END
async def test_an_expired_block_is_no_block(store: Store, at: int, *, in_force: bool) -> None:
    await store.apply(block(person(1, expires_at=LATER)))

    assert await is_blocked(store, person(1), at) is in_force


@_AT_THE_END
async def test_an_expired_block_is_not_listed(store: Store, at: int, *, in_force: bool) -> None:
    await store.apply(block(person(1, expires_at=LATER), person(2)))

    assert ("+16505550001" in await listed(store, at)) is in_force


@_AT_THE_END
async def test_an_expired_block_does_not_count_against_the_limit(store: Store, at: int, *, in_force: bool) -> None:
    await store.apply(block(person(1, expires_at=LATER)))

    outcome = await store.apply(block(person(2), at=at, max_size=1))

    assert outcome.refused == ({0: Refusal.LIST_FULL} if in_force else {})


async def test_an_expired_block_makes_no_page_go_on(store: Store) -> None:
    await store.apply(block(person(1), person(2, expires_at=LATER), person(3), person(4, expires_at=LATER)))

    found = await page(store, limit=2, at=LATER)

    assert [row.input for row in found.rows] == ["+16505550001", "+16505550003"]
    assert not found.has_next


async def test_an_expired_block_before_a_page_is_no_previous_page(store: Store) -> None:
    await store.apply(block(person(1, expires_at=LATER), person(2)))
    first = (await page(store, limit=1)).rows[0]

    found = await page(store, limit=1, at=LATER, after=first.seq)

    assert [row.input for row in found.rows] == ["+16505550002"]
    assert not found.has_previous


async def test_blocking_an_expired_user_again_is_a_new_block(store: Store) -> None:
    await store.apply(block(person(1, "spam", expires_at=LATER), person(2)))

    await store.apply(block(person(1), at=LATER))

    row = (await page(store, at=LATER)).rows[0]
    assert (row.input, row.blocked_at, row.reason, row.expires_at) == ("+16505550001", LATER, None, None)
    assert row.seq == await version(store)


async def test_an_expiry_can_be_moved_later(store: Store) -> None:
    await store.apply(block(person(1, expires_at=LATER)))

    await store.apply(block(person(1, expires_at=LATER + SECOND)))

    assert await is_blocked(store, person(1), LATER)


async def test_unblocking_an_expired_user_changes_no_version(store: Store) -> None:
    await store.apply(block(person(1, expires_at=LATER)))

    await store.apply(unblock(person(1), at=LATER))

    assert await version(store) == NOON


async def test_a_sweep_changes_nothing_that_is_in_force(store: Store) -> None:
    await store.apply(block(*people(3), person(7, expires_at=LATER)))
    before = await page(store)

    await store.apply(Sweep(LATER - 1, 0))

    assert await page(store) == before


async def test_a_sweep_forgets_what_expired(store: Store) -> None:
    await store.apply(block(person(1), person(2, expires_at=LATER)))

    await store.apply(Sweep(LATER, 0))

    assert (await only_row(store, at=NOON)).input == "+16505550001"  # asked of a time when both were in force


async def test_a_sweep_gives_expired_places_back(store: Store) -> None:
    await store.apply(block(*[person(number, expires_at=LATER) for number in range(3)]))

    await store.apply(Sweep(LATER, 0))

    outcome = await store.apply(block(*people(3, start=10), at=NOON, max_size=3))
    assert outcome.refused == {}


async def test_a_sweep_forgets_old_messages_and_keeps_newer_ones(store: Store) -> None:
    await store.apply(wrote(person(1), at=NOON - SECOND))
    await store.apply(wrote(person(2), at=NOON))

    await store.apply(Sweep(NOON, NOON))

    outcome = await store.apply(block(person(1), person(2), written_since=0))
    assert outcome.refused == {0: Refusal.NOT_WRITTEN_LATELY}
