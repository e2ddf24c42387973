"""Pages, in both directions, also while others change the list."""

import random

import pytest
from tests.storage.changes import LIST, NOON, SECOND, block, page, unblock
from tests.storage.people import people, person

from wablock.block_list.pages import Page, PageRequest
from wablock.storage import Store


def _inputs(result: Page) -> list[str]:
    return [row.input for row in result.rows]


def _numbers(start: int, end: int) -> list[str]:
    return [member.input for member in people(end - start, start=start)]


async def test_the_first_page_has_a_next_one_if_there_are_more_rows(store: Store) -> None:
    await store.apply(block(*people(5)))

    result = await page(store, limit=2)

    assert _inputs(result) == _numbers(0, 2)
    assert (result.has_previous, result.has_next) == (False, True)


async def test_a_page_with_all_rows_has_no_next_and_no_previous(store: Store) -> None:
    await store.apply(block(*people(5)))

    result = await page(store, limit=5)

    assert (result.has_previous, result.has_next) == (False, False)


async def test_a_page_after_a_row_begins_with_the_next_older(store: Store) -> None:
    await store.apply(block(*people(5)))
    first = await page(store, limit=2)

    result = await page(store, limit=2, after=first.rows[-1].seq)

    assert _inputs(result) == _numbers(2, 4)
    assert (result.has_previous, result.has_next) == (True, True)


async def test_the_last_page_has_no_next(store: Store) -> None:
    await store.apply(block(*people(5)))
    everything = await page(store)

    result = await page(store, limit=2, after=everything.rows[2].seq)

    assert _inputs(result) == _numbers(3, 5)
    assert (result.has_previous, result.has_next) == (True, False)


async def test_a_page_before_a_row_ends_with_the_next_newer(store: Store) -> None:
    await store.apply(block(*people(5)))
    everything = await page(store)

    result = await page(store, limit=2, before=everything.rows[3].seq)

    assert _inputs(result) == _numbers(1, 3)
    assert (result.has_previous, result.has_next) == (True, True)


async def test_a_page_back_at_the_start_has_no_previous(store: Store) -> None:
    await store.apply(block(*people(5)))
    everything = await page(store)

    result = await page(store, limit=2, before=everything.rows[2].seq)

    assert _inputs(result) == _numbers(0, 2)
    assert (result.has_previous, result.has_next) == (False, True)


@pytest.mark.parametrize("direction", ["after", "before"])
async def test_a_page_beyond_the_end_is_empty_and_has_the_version(store: Store, direction: str) -> None:
    await store.apply(block(*people(3)))
    everything = await page(store)
    oldest, newest = everything.rows[-1].seq, everything.rows[0].seq

    if direction == "after":
        result = await page(store, limit=2, after=oldest)
    else:
        result = await page(store, limit=2, before=newest)

    assert (_inputs(result), result.version) == ([], everything.version)


async def test_a_page_continues_after_a_deleted_row(store: Store) -> None:
    await store.apply(block(*people(5)))
    first = await page(store, limit=2)

    await store.apply(unblock(person(1)))

    assert _inputs(await page(store, limit=2, after=first.rows[-1].seq)) == _numbers(2, 4)


async def _change_at_random(store: Store, chance: random.Random, at: int) -> None:
    """Block new users, and unblock some who are listed; numbers that 3 divides stay."""
    newcomers = people(chance.randrange(4), start=5_000 + chance.randrange(1_000))
    leavers = [person(number) for number in chance.sample(range(300), 6) if number % 3]
    await store.apply(block(*newcomers, at=at))
    await store.apply(unblock(*leavers, at=at))


@pytest.mark.parametrize("seed", range(5))
async def test_paging_forward_while_others_change_the_list_skips_and_repeats_no_one(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    await store.apply(block(*people(300)))
    inputs: list[str] = []
    result = await page(store, limit=7)

    while result.rows:
        inputs += _inputs(result)
        await _change_at_random(store, chance, NOON + len(inputs) * SECOND)
        result = await page(store, limit=7, after=result.rows[-1].seq)

    assert len(inputs) == len(set(inputs))
    assert [line for line in inputs if int(line[-4:]) % 3 == 0] == _numbers(0, 300)[::3]


@pytest.mark.parametrize("seed", range(5))
async def test_paging_back_while_others_change_the_list_skips_and_repeats_no_one(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    await store.apply(block(*people(300)))
    inputs: list[str] = []
    result = await page(store, limit=7, before=1)

    while result.rows and len(inputs) < 2_000:
        inputs = _inputs(result) + inputs
        await _change_at_random(store, chance, NOON + len(inputs) * SECOND)
        result = await page(store, limit=7, before=result.rows[0].seq)

    assert len(inputs) == len(set(inputs))
    stayed = [line for line in inputs if int(line[-4:]) % 3 == 0 and int(line[-4:]) < 300]
    assert stayed == _numbers(0, 300)[::3]


async def test_a_page_without_details_has_the_same_users_in_the_same_order(store: Store) -> None:
    await store.apply(block(*people(5)))
    detailed = await page(store, limit=3)

    result = await store.page(PageRequest(LIST, 3, NOON, details=False))

    assert [(row.seq, row.wa_id, row.user_id) for row in result.rows] == [
        (row.seq, row.wa_id, row.user_id) for row in detailed.rows
    ]
    assert (result.version, result.has_previous, result.has_next) == (detailed.version, False, True)


async def test_a_page_holds_until_the_next_expiry_on_its_list(store: Store) -> None:
    await store.apply(
        block(person(1, expires_at=NOON + 9 * SECOND), person(2, expires_at=NOON + 5 * SECOND), person(3))
    )

    result = await page(store, limit=1)

    assert result.holds_until == NOON + 5 * SECOND


async def test_a_page_of_a_list_without_expiries_does_not_expire(store: Store) -> None:
    await store.apply(block(*people(3)))

    result = await page(store)

    assert result.holds_until is None


async def test_the_stamp_does_not_change_without_a_write(store: Store) -> None:
    await store.apply(block(person(1)))

    stamps = [await store.stamp(LIST), await store.stamp(LIST)]

    assert stamps[0] == stamps[1]


async def test_the_stamp_changes_with_every_write(store: Store) -> None:
    stamps = [await store.stamp(LIST)]

    for change in (block(person(1)), block(person(2)), unblock(person(1))):
        await store.apply(change)
        stamps.append(await store.stamp(LIST))

    assert len(set(stamps)) == len(stamps)
