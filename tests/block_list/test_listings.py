"""The cache of listings: one is returned only while it is correct."""

import pytest
from tests.block_list.stopped_clock import StoppedClock

from wablock.block_list.listings import Listing, ListingCache, ListingKey
from wablock.block_list.pages import Page, Row
from wablock.block_list.ports import BusinessNumber
from wablock.block_list.rules import SECOND
from wablock.block_list.service import BlockList
from wablock.contract.wire import User

PAGE = ListingKey("106540352242922", None, 25, None, None, details=False)
OTHER = ListingKey("106540352242922", None, 26, None, None, details=False)
ANNA, BEN = User("+16505551234"), User("+14155559876")


def listing(holds_until: int | None = None) -> Listing:
    return Listing(Page((), 1, has_previous=False, has_next=False, holds_until=holds_until), None, None)


def test_a_listing_is_cached_until_a_write() -> None:
    cache, read = ListingCache(), listing()
    cache.add(PAGE, read, stamp=1, now=100)

    assert cache.listing(PAGE, stamp=1, now=100) is read


def test_a_listing_is_stale_after_a_write() -> None:
    cache = ListingCache()
    cache.add(PAGE, listing(), stamp=1, now=100)

    assert cache.listing(PAGE, stamp=2, now=100) is None


def test_another_page_is_not_in_the_cache() -> None:
    cache = ListingCache()
    cache.add(PAGE, listing(), stamp=1, now=100)

    assert cache.listing(OTHER, stamp=1, now=100) is None


@pytest.mark.parametrize("now", [100, 199])
def test_a_listing_is_cached_until_a_block_on_its_list_expires(now: int) -> None:
    cache = ListingCache()
    cache.add(PAGE, listing(holds_until=200), stamp=1, now=100)

    assert cache.listing(PAGE, stamp=1, now=now) is not None


@pytest.mark.parametrize("now", [99, 200])
def test_a_listing_is_stale_when_other_blocks_may_be_in_force(now: int) -> None:
    cache = ListingCache()
    cache.add(PAGE, listing(holds_until=200), stamp=1, now=100)

    assert cache.listing(PAGE, stamp=1, now=now) is None


def test_a_write_clears_older_listings() -> None:
    cache = ListingCache()
    cache.add(PAGE, listing(), stamp=1, now=100)
    cache.add(OTHER, listing(), stamp=2, now=100)

    assert cache.listing(PAGE, stamp=2, now=100) is None


def test_memory_is_bounded() -> None:
    cache = ListingCache()
    pages = [ListingKey("1", None, limit, None, None, details=False) for limit in range(2_500)]

    for page in pages:
        cache.add(page, listing(), stamp=1, now=100)

    assert sum(cache.listing(page, stamp=1, now=100) is not None for page in pages) <= 200


async def test_an_unchanged_list_is_read_once(block_list: BlockList, number: BusinessNumber) -> None:
    await block_list.block(number, [ANNA], "test")

    listings = [await block_list.page(number, 25, None, None, details=False) for _ in range(2)]

    assert listings[0] is listings[1]


async def test_a_block_is_on_the_very_next_page(block_list: BlockList, number: BusinessNumber) -> None:
    await block_list.block(number, [ANNA], "test")
    await block_list.page(number, 25, None, None, details=False)
    await block_list.block(number, [BEN], "test")

    listed = await block_list.page(number, 25, None, None, details=False)

    assert [row.wa_id for row in listed.page.rows] == ["14155559876", "16505551234"]


async def test_a_block_that_expires_leaves_the_page_without_a_write(
    block_list: BlockList, number: BusinessNumber, clock: StoppedClock
) -> None:
    await block_list.block(number, [User("+16505551234", expires_at=clock.now // SECOND + 10), BEN], "test")
    await block_list.page(number, 25, None, None, details=False)
    clock.now += 11 * SECOND

    listed = await block_list.page(number, 25, None, None, details=False)

    assert [row.wa_id for row in listed.page.rows] == ["14155559876"]


def test_a_large_page_is_not_cached() -> None:
    cache = ListingCache()
    rows = [Row(seq, "16505550101", None) for seq in range(101)]
    cache.add(PAGE, Listing(Page(rows, 1, has_previous=False, has_next=False), None, None), stamp=1, now=100)

    assert cache.listing(PAGE, stamp=1, now=100) is None


def test_a_page_with_notes_and_reasons_is_not_cached() -> None:
    cache = ListingCache()
    detailed = ListingKey("106540352242922", None, 25, None, None, details=True)
    cache.add(detailed, listing(), stamp=1, now=100)

    assert cache.listing(detailed, stamp=1, now=100) is None
