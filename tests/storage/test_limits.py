"""The limits that are checked in a change's transaction."""

import asyncio
from collections.abc import Callable

import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND, block, listed, page, unblock, wrote
from tests.storage.people import by_user_id, linked, people, person, user_of

from wablock.block_list.changes import NoteInbound
from wablock.block_list.ports import Refusal
from wablock.storage import Store

FULL = Refusal.LIST_FULL
SILENT = Refusal.NOT_WRITTEN_LATELY


async def test_users_past_the_limit_are_refused_and_those_before_them_are_not(store: Store) -> None:
    outcome = await store.apply(block(*people(4), max_size=2))

    assert outcome.refused == {2: FULL, 3: FULL}
    assert await listed(store) == ["+16505550000", "+16505550001"]


async def test_a_user_on_a_full_list_is_not_refused(store: Store) -> None:
    await store.apply(block(*people(2), max_size=2))

    outcome = await store.apply(block(person(1, "spam"), at=NOON + SECOND, max_size=2))

    assert not outcome.refused
    assert (await page(store)).rows[1].reason == "spam"


async def test_a_user_named_twice_takes_one_place(store: Store) -> None:
    outcome = await store.apply(block(user_of("5511987654321"), user_of("551187654321"), person(1), max_size=2))

    assert not outcome.refused


async def test_an_unblock_frees_a_place(store: Store) -> None:
    await store.apply(block(*people(2), max_size=2))

    await store.apply(unblock(person(0)))

    assert not (await store.apply(block(person(5), max_size=2))).refused


async def test_a_refused_request_changes_nothing(store: Store) -> None:
    await store.apply(block(*people(2), max_size=2))
    before = await page(store)

    await store.apply(block(*people(2, start=5), at=NOON + SECOND, max_size=2))

    assert await page(store) == before


async def test_concurrent_blocks_fill_the_list_exactly_to_its_limit(store: Store) -> None:
    requests = [block(*people(3, start=3 * index), at=NOON + index, max_size=50) for index in range(40)]

    outcomes = await asyncio.gather(*map(store.apply, requests))

    assert sum(3 - len(outcome.refused) for outcome in outcomes) == 50
    assert len(await listed(store)) == 50


async def test_two_stores_cannot_both_take_the_last_place(open_store: Callable[[], Store]) -> None:
    stores = [open_store() for _ in range(3)]
    requests = [(stores[index % 3], block(person(index), max_size=20)) for index in range(60)]

    outcomes = await asyncio.gather(*(store.apply(change) for store, change in requests))

    assert sum(not outcome.refused for outcome in outcomes) == 20
    assert len(await listed(stores[0])) == 20


async def test_an_expired_block_takes_no_place_beside_a_late_message_in_the_same_commit(store: Store) -> None:
    await store.apply(block(person(1, expires_at=NOON - 10 * SECOND), at=NOON - 60 * SECOND))

    _, outcome = await asyncio.gather(
        store.apply(wrote(person(2), at=NOON - 3_600 * SECOND)), store.apply(block(person(3), max_size=1))
    )

    assert not outcome.refused


async def test_a_user_who_never_wrote_is_refused(store: Store) -> None:
    outcome = await store.apply(block(person(1), written_since=0))

    assert outcome.refused == {0: SILENT}
    assert await listed(store) == []


@pytest.mark.parametrize("since, refused", [(NOON, {}), (NOON + 1, {0: SILENT})], ids=["within", "outside"])
async def test_a_user_can_be_blocked_until_the_window_has_passed(
    store: Store, since: int, refused: dict[int, Refusal]
) -> None:
    await store.apply(wrote(person(1)))

    outcome = await store.apply(block(person(1), written_since=since))

    assert outcome.refused == refused


async def test_a_message_opens_the_window_for_a_block_in_the_same_batch(store: Store) -> None:
    await store.apply(block(person(2)))

    _, outcome = await asyncio.gather(
        store.apply(wrote(person(1))), store.apply(block(person(1), person(3), written_since=NOON))
    )

    assert outcome.refused == {1: SILENT}


async def test_the_latest_message_counts_in_any_order(store: Store) -> None:
    await store.apply(wrote(person(1), at=NOON))
    await store.apply(wrote(person(1), at=NOON - 60 * SECOND))

    assert not (await store.apply(block(person(1), written_since=NOON))).refused


async def test_a_message_to_another_number_opens_no_window(store: Store) -> None:
    await store.apply(wrote(person(1)))

    outcome = await store.apply(block(person(1), written_since=0, list_id="106540352242923"))

    assert outcome.refused == {0: SILENT}


async def test_a_listed_user_needs_no_window(store: Store) -> None:
    await store.apply(block(person(1)))

    assert not (await store.apply(block(person(1, "spam"), written_since=NOON))).refused


async def test_a_user_who_has_not_written_is_refused_for_that_even_on_a_full_list(store: Store) -> None:
    await store.apply(wrote(person(1), person(2)))

    outcome = await store.apply(block(person(1), person(2), person(3), max_size=1, written_since=NOON))

    assert outcome.refused == {1: FULL, 2: SILENT}


async def test_a_message_under_another_spelling_opens_the_window(store: Store) -> None:
    await store.apply(wrote(user_of("5511987654321")))

    assert not (await store.apply(block(user_of("551187654321"), written_since=NOON))).refused


async def test_a_message_under_the_user_id_counts_once_it_is_linked(store: Store) -> None:
    await store.apply(wrote(by_user_id("US.1")))

    assert not (await store.apply(block(linked(1, "US.1"), written_since=NOON))).refused


async def test_a_message_under_the_user_id_counts_for_a_number_that_was_linked_before(store: Store) -> None:
    await store.apply(wrote(by_user_id("US.1"), at=NOON))
    await store.apply(wrote(linked(1, "US.1"), at=NOON - 3_600 * SECOND))

    assert not (await store.apply(block(person(1), written_since=NOON))).refused


async def test_a_message_under_the_number_counts_for_its_user_id(store: Store) -> None:
    await store.apply(wrote(linked(1, "US.1")))

    assert not (await store.apply(block(by_user_id("US.1"), written_since=NOON))).refused


async def test_each_message_of_a_request_counts_at_its_own_time(store: Store) -> None:
    noted = NoteInbound(
        LIST, ACCOUNT, NOON + SECOND, [person(1), person(2), person(1)], [NOON, NOON - SECOND, NOON - 9]
    )
    await store.apply(noted)

    outcome = await store.apply(block(person(1), person(2), written_since=NOON))

    assert outcome.refused == {1: SILENT}
