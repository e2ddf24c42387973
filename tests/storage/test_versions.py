"""A list's version: one counter for order and change."""

from tests.storage.changes import NOON, SECOND, block, listed, page, unblock, version
from tests.storage.people import people, person

from wablock.storage import Store


async def test_the_version_is_the_time_of_the_change(store: Store) -> None:
    await store.apply(block(person(1)))

    assert await version(store) == NOON


async def test_the_newest_row_has_the_version_as_its_seq(store: Store) -> None:
    await store.apply(block(*people(5)))

    result = await page(store)

    assert result.rows[0].seq == result.version
    assert [row.seq for row in result.rows] == [result.version - place for place in range(5)]


async def test_the_newest_row_has_the_version_as_its_seq_where_only_some_of_a_request_are_new(store: Store) -> None:
    await store.apply(block(person(1)))

    await store.apply(block(person(1), person(2), at=NOON + SECOND))

    result = await page(store)
    assert result.rows[0].seq == result.version
    assert result.rows[0].input == "+16505550002"


async def test_the_version_grows_with_every_change_while_the_clock_stands_still(store: Store) -> None:
    versions = [await version(store)]

    for number in range(3):
        await store.apply(block(person(number), person(number + 100)))
        versions.append(await version(store))
    await store.apply(unblock(person(1)))
    versions.append(await version(store))

    assert versions == sorted(set(versions))


async def test_the_order_is_correct_while_the_clock_stands_still(store: Store) -> None:
    await store.apply(block(*people(3)))
    await store.apply(block(*people(2, start=10)))

    numbers = [line[-2:] for line in await listed(store)]

    assert numbers == ["10", "11", "00", "01", "02"]


async def test_the_version_grows_when_the_clock_goes_back(store: Store) -> None:
    await store.apply(block(person(1)))

    await store.apply(block(person(2), at=NOON - 3_600 * SECOND))

    assert await version(store) > NOON
    assert await listed(store) == ["+16505550002", "+16505550001"]


async def test_an_unblock_when_the_clock_went_back_makes_the_version_grow(store: Store) -> None:
    await store.apply(block(*people(2)))
    before = await version(store)

    await store.apply(unblock(person(1), at=NOON - 3_600 * SECOND))

    assert await version(store) > before


async def test_an_unblocked_user_who_is_blocked_again_comes_first(store: Store) -> None:
    await store.apply(block(*people(2)))
    await store.apply(unblock(person(1), at=NOON + SECOND))

    await store.apply(block(person(1), at=NOON + SECOND))

    assert await listed(store) == ["+16505550001", "+16505550000"]


async def test_each_list_has_its_own_version(store: Store) -> None:
    await store.apply(block(person(1)))

    await store.apply(block(person(2), at=NOON + SECOND, list_id="106540352242923"))

    assert await version(store) == NOON
