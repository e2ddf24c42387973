"""Blocks that expire. The results are the same before and after a sweep."""

import asyncio

import pytest
from tests.storage.changes import LIST, NOON, SECOND, block, is_blocked, listed, only_row, page, unblock, version, wrote
from tests.storage.people import by_user_id, linked, people, person

from wablock.block_list.changes import Sweep
from wablock.block_list.ports import Effect, Member, Refusal
from wablock.storage import Store

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


async def test_an_expired_block_makes_no_next_page(store: Store) -> None:
    await store.apply(block(person(1), person(2, expires_at=LATER), person(3), person(4, expires_at=LATER)))

    result = await page(store, limit=2, at=LATER)

    assert [row.input for row in result.rows] == ["+16505550001", "+16505550003"]
    assert not result.has_next


async def test_an_expired_block_before_a_page_is_no_previous_page(store: Store) -> None:
    await store.apply(block(person(1, expires_at=LATER), person(2)))
    first = (await page(store, limit=1)).rows[0]

    result = await page(store, limit=1, at=LATER, after=first.seq)

    assert [row.input for row in result.rows] == ["+16505550002"]
    assert not result.has_previous


async def test_an_expiry_that_a_batch_sets_holds_for_its_later_changes(store: Store) -> None:
    await store.apply(block(person(1)))

    await asyncio.gather(
        store.apply(block(person(1, expires_at=LATER), at=LATER - 1)), store.apply(block(person(2), at=LATER + 1))
    )

    await store.apply(Sweep(LATER + SECOND, 0))
    assert await listed(store, LATER + SECOND) == ["+16505550002"]
    assert not await is_blocked(store, person(1), LATER + SECOND)


async def test_a_user_whose_expiry_a_batch_sets_is_unblocked_in_it(store: Store) -> None:
    await store.apply(block(person(1)))

    await asyncio.gather(
        store.apply(block(person(1, expires_at=LATER), at=LATER - 1)), store.apply(unblock(person(1), at=LATER + 1))
    )

    assert await listed(store, LATER - 1) == []


async def test_a_user_whose_expiry_a_batch_sets_is_blocked_again_in_it(store: Store) -> None:
    await store.apply(block(person(1)))

    outcomes = await asyncio.gather(
        store.apply(block(person(1, expires_at=LATER), at=LATER - 1)), store.apply(block(person(1), at=LATER + 1))
    )

    assert [outcome.effects for outcome in outcomes] == [[Effect.UPDATED], [Effect.ADDED]]
    assert await is_blocked(store, person(1), LATER + SECOND)


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


async def test_blocking_again_without_an_expiry_makes_a_block_permanent(store: Store) -> None:
    await store.apply(block(person(1, "spam", "third time", expires_at=LATER), person(2, expires_at=LATER)))

    await store.apply(block(person(1)))

    row = await only_row(store, at=LATER)
    assert (row.input, row.reason, row.note, row.expires_at) == ("+16505550001", "spam", "third time", None)


async def test_blocking_again_without_an_expiry_keeps_a_block_permanent(store: Store) -> None:
    await store.apply(block(person(1, "spam"), person(2, expires_at=LATER)))
    before = await page(store)

    await store.apply(block(person(1), at=NOON + SECOND))

    assert await page(store) == before


async def test_blocking_again_with_an_expiry_makes_a_permanent_block_expire(store: Store) -> None:
    await store.apply(block(person(1)))

    await store.apply(block(person(1, expires_at=LATER)))

    assert [await is_blocked(store, person(1), at) for at in (LATER - 1, LATER)] == [True, False]


async def test_blocking_again_by_user_id_without_an_expiry_makes_the_numbers_block_permanent(store: Store) -> None:
    await store.apply(block(linked(1, "US.1", expires_at=LATER)))

    await store.apply(block(by_user_id("US.1")))

    assert (await only_row(store, at=LATER)).expires_at is None


@pytest.mark.parametrize("ends, expected", [((LATER, None), None), ((None, LATER), LATER)], ids=["first", "last"])
async def test_of_a_user_twice_in_a_request_the_last_expiry_counts(
    store: Store, ends: tuple[int | None, int | None], expected: int | None
) -> None:
    await store.apply(block(*[person(1, expires_at=end) for end in ends]))

    assert (await only_row(store)).expires_at == expected


async def test_unblocking_an_expired_user_changes_no_version(store: Store) -> None:
    await store.apply(block(person(1, expires_at=LATER)))

    await store.apply(unblock(person(1), at=LATER))

    assert await version(store) == NOON


async def test_a_sweep_changes_nothing_that_is_in_force(store: Store) -> None:
    await store.apply(block(*people(3), person(7, expires_at=LATER)))
    before = await page(store)

    await store.apply(Sweep(LATER - 1, 0))

    assert await page(store) == before


async def test_a_sweep_deletes_expired_blocks(store: Store) -> None:
    await store.apply(block(person(1), person(2, expires_at=LATER)))

    await store.apply(Sweep(LATER, 0))

    assert (await only_row(store, at=NOON)).input == "+16505550001"  # at a time when both were in force


async def test_a_sweep_frees_the_places_of_expired_blocks(store: Store) -> None:
    await store.apply(block(*[person(number, expires_at=LATER) for number in range(3)]))

    await store.apply(Sweep(LATER, 0))

    outcome = await store.apply(block(*people(3, start=10), at=NOON, max_size=3))
    assert outcome.refused == {}


def _many_that_end(count: int) -> list[Member]:
    return [by_user_id(f"US.{number}", expires_at=LATER) for number in range(count)]


async def _kept(store: Store, list_id: str = LIST) -> int:
    """The number of stored rows, also expired ones."""
    return len((await page(store, limit=100_000, at=NOON, list_id=list_id)).rows)


async def test_a_sweep_deletes_a_slice_and_the_next_one_continues(store: Store) -> None:
    await store.apply(block(*_many_that_end(10_500)))

    await store.apply(Sweep(LATER, 0))
    after_one = await _kept(store)
    await store.apply(Sweep(LATER, 0))

    assert (after_one, await _kept(store)) == (500, 0)


async def test_a_slice_is_of_all_lists_together(store: Store) -> None:
    lists = [LIST, "106540352242923", "106540352242924"]
    for list_id in lists:
        await store.apply(block(*_many_that_end(5_500), list_id=list_id))

    await store.apply(Sweep(LATER, 0))
    after_one = sum([await _kept(store, list_id) for list_id in lists])
    await store.apply(Sweep(LATER, 0))

    assert (after_one, sum([await _kept(store, list_id) for list_id in lists])) == (6_500, 0)


async def test_expired_rows_that_a_sweep_left_take_no_place(store: Store) -> None:
    await store.apply(block(*_many_that_end(10_500)))
    await store.apply(Sweep(LATER, 0))

    outcome = await store.apply(block(person(1), person(2), at=LATER, max_size=1))

    assert outcome.refused == {1: Refusal.LIST_FULL}


async def test_a_sweep_deletes_old_messages_and_keeps_newer_ones(store: Store) -> None:
    await store.apply(wrote(person(1), at=NOON - SECOND))
    await store.apply(wrote(person(2), at=NOON))

    await store.apply(Sweep(NOON, NOON))

    outcome = await store.apply(block(person(1), person(2), written_since=0))
    assert outcome.refused == {0: Refusal.NOT_WRITTEN_LATELY}
