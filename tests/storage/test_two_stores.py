"""Two stores on one database, like two processes."""

import asyncio
from collections.abc import Callable

import pytest
from tests.storage.changes import LIST, NOON, SECOND, block, is_blocked, listed, stored, unblock, version
from tests.storage.people import people, person
from tests.storage.test_directory import NUMBER, TOKEN

from wablock.storage import Store


async def test_a_block_is_seen_by_the_other_store_at_once(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()

    for number in range(20):
        await one.apply(block(person(number)))
        assert await is_blocked(other, person(number))


async def test_an_unblock_is_seen_by_the_other_store_at_once(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()
    await one.apply(block(person(1)))

    await other.apply(unblock(person(1), at=NOON + SECOND))

    assert await listed(one) == []


async def test_the_order_is_one_for_both_stores(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()

    await one.apply(block(person(1)))
    await other.apply(block(person(2)))
    await one.apply(block(person(3)))

    assert await listed(other) == ["+16505550003", "+16505550002", "+16505550001"]
    assert await version(one) == await version(other)


async def test_writers_in_both_stores_at_once_lose_nothing(open_store: Callable[[], Store]) -> None:
    stores = [open_store(), open_store()]

    await asyncio.gather(*(stores[index % 2].apply(block(member)) for index, member in enumerate(people(60))))

    assert sorted(await listed(stores[0])) == [member.input for member in people(60)]


@pytest.mark.databases
async def test_tokens_and_numbers_are_seen_by_the_other_store_at_once(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()

    await one.add_number(NUMBER, NOON)
    await one.add_token(TOKEN)

    assert await other.find_number(NUMBER.phone_number_id) == stored(NUMBER)
    assert await other.find_token(TOKEN.digest) == TOKEN


async def test_a_closed_store_has_written_everything(open_store: Callable[[], Store]) -> None:
    one = open_store()
    waiting = [asyncio.ensure_future(one.apply(block(member))) for member in people(30)]
    await asyncio.sleep(0)

    await one.close()

    await asyncio.gather(*waiting)
    assert len(await listed(open_store())) == 30


async def test_an_open_store_is_ready(store: Store) -> None:
    assert await store.is_ready()


async def test_a_write_of_one_store_changes_the_stamp_of_the_other(open_store: Callable[[], Store]) -> None:
    one, other = open_store(), open_store()
    before = await other.stamp(LIST)

    await one.apply(block(*people(1)))

    assert await other.stamp(LIST) != before
