"""Links between a user_id and a number of one user."""

from tests.storage.changes import (
    NOON,
    SECOND,
    block,
    is_blocked,
    listed,
    only_row,
    page,
    unblock,
    version,
    wrote,
)
from tests.storage.people import by_user_id, linked, person

from wablock.block_list.pages import PageRequest
from wablock.block_list.ports import Effect, Refusal
from wablock.storage import Store

LATER = NOON + 60 * SECOND
_OTHER = "106540352242923"


async def test_a_user_blocked_by_user_id_is_blocked_by_number_after_both_are_linked(store: Store) -> None:
    await store.apply(block(by_user_id("US.1")))
    unknown = await is_blocked(store, person(1))

    await store.apply(wrote(linked(1, "US.1")))

    assert (unknown, await is_blocked(store, person(1))) == (False, True)


async def test_a_user_blocked_by_number_is_blocked_by_a_linked_user_id(store: Store) -> None:
    await store.apply(block(linked(1, "US.1")))

    assert await is_blocked(store, by_user_id("US.1"))


async def test_a_check_by_both_ids_finds_a_block_of_either(store: Store) -> None:
    await store.apply(block(by_user_id("US.1"), person(2)))

    assert await is_blocked(store, linked(1, "US.1"))
    assert await is_blocked(store, linked(2, "US.2"))


async def test_blocking_a_linked_user_id_is_blocking_the_number(store: Store) -> None:
    await store.apply(wrote(linked(1, "US.1")))

    await store.apply(block(by_user_id("US.1")))

    row = await only_row(store)
    assert (row.wa_id, row.user_id, row.input) == ("16505550001", "US.1", "US.1")
    assert await is_blocked(store, person(1))


async def test_unblocking_a_linked_user_id_unblocks_the_number(store: Store) -> None:
    await store.apply(block(linked(1, "US.1")))

    await store.apply(unblock(by_user_id("US.1")))

    assert await listed(store) == []


async def test_unblocking_the_number_unblocks_a_linked_user_id(store: Store) -> None:
    await store.apply(block(by_user_id("US.1")))
    await store.apply(wrote(linked(1, "US.1")))

    await store.apply(unblock(person(1)))

    assert not await is_blocked(store, by_user_id("US.1"))


async def test_an_unblock_by_both_ids_removes_either(store: Store) -> None:
    await store.apply(block(by_user_id("US.1")))

    await store.apply(unblock(linked(1, "US.1")))

    assert await listed(store) == []


async def test_two_rows_of_one_user_are_merged_into_the_earlier_one(store: Store) -> None:
    await store.apply(block(by_user_id("US.1")))
    await store.apply(block(person(1), at=NOON + SECOND))

    await store.apply(wrote(linked(1, "US.1"), at=NOON + 2 * SECOND))

    row = await only_row(store)
    assert (row.input, row.blocked_at) == ("US.1", NOON)
    assert (row.wa_id, row.user_id) == ("16505550001", "US.1")


async def test_a_merge_is_a_change_of_members_and_makes_the_version_grow(store: Store) -> None:
    await store.apply(block(by_user_id("US.1")))
    await store.apply(block(person(1), at=NOON + SECOND))
    before = await version(store)

    await store.apply(wrote(linked(1, "US.1"), at=NOON))

    assert await version(store) > before


async def test_a_merge_frees_a_place(store: Store) -> None:
    await store.apply(block(by_user_id("US.1"), person(1)))
    await store.apply(wrote(linked(1, "US.1")))

    outcome = await store.apply(block(person(2), person(3), max_size=2))

    assert outcome.refused == {1: Refusal.LIST_FULL}


async def test_merged_rows_expire_when_the_later_one_does(store: Store) -> None:
    await store.apply(block(person(1, expires_at=LATER), by_user_id("US.1", expires_at=LATER + SECOND)))

    await store.apply(wrote(linked(1, "US.1")))

    assert (await only_row(store)).expires_at == LATER + SECOND


async def test_merged_rows_never_expire_where_one_did_not(store: Store) -> None:
    await store.apply(block(person(1), by_user_id("US.1", expires_at=LATER)))

    await store.apply(wrote(linked(1, "US.1")))

    assert (await only_row(store)).expires_at is None


async def test_an_expired_row_has_no_effect_on_a_merge(store: Store) -> None:
    await store.apply(block(by_user_id("US.1", expires_at=LATER)))
    await store.apply(block(person(1), at=NOON + SECOND))

    await store.apply(wrote(linked(1, "US.1"), at=LATER))

    row = await only_row(store, at=LATER)
    assert (row.input, row.blocked_at) == ("+16505550001", NOON + SECOND)


async def test_a_link_to_an_expired_row_blocks_no_one(store: Store) -> None:
    await store.apply(block(by_user_id("US.1", expires_at=LATER)))

    await store.apply(wrote(linked(1, "US.1"), at=LATER))

    assert await listed(store, at=LATER) == []


async def test_a_block_by_both_ids_adds_no_second_row(store: Store) -> None:
    await store.apply(block(by_user_id("US.1")))

    await store.apply(block(linked(1, "US.1"), at=NOON + SECOND))

    assert await listed(store) == ["US.1"]


async def test_a_link_merges_in_every_list_of_the_account(store: Store) -> None:
    await store.apply(block(by_user_id("US.1"), list_id=_OTHER))
    await store.apply(block(person(1), list_id=_OTHER))

    await store.apply(wrote(linked(1, "US.1")))

    result = await store.page(PageRequest(_OTHER, 25, NOON))
    assert [row.input for row in result.rows] == ["US.1"]


async def test_a_link_learned_in_one_account_means_nothing_in_another(store: Store) -> None:
    await store.apply(wrote(linked(1, "US.1")))

    await store.apply(block(by_user_id("US.1"), account_id="102290129340399", list_id=_OTHER))

    row = (await page(store, list_id=_OTHER)).rows[0]
    assert row.wa_id is None
    assert [block is not None for block in await store.blocked("102290129340399", _OTHER, [person(1)], NOON)] == [False]


async def test_two_user_ids_of_one_number_are_one_user(store: Store) -> None:
    await store.apply(block(linked(1, "US.1")))

    await store.apply(wrote(linked(1, "US.2")))

    assert await is_blocked(store, by_user_id("US.1"))
    assert await is_blocked(store, by_user_id("US.2"))


async def test_a_request_cannot_link_a_user_id_to_another_number(store: Store) -> None:
    await store.apply(wrote(linked(1, "US.1")))

    await store.apply(wrote(linked(2, "US.1")))
    await store.apply(block(by_user_id("US.1")))

    assert (await only_row(store)).wa_id == "16505550001"
    assert not await is_blocked(store, person(2))


async def test_a_number_with_another_numbers_user_id_is_blocked_as_the_number_alone(store: Store) -> None:
    await store.apply(wrote(linked(1, "US.1")))

    await store.apply(block(linked(2, "US.1")))

    row = await only_row(store)
    assert (row.wa_id, row.user_id) == ("16505550002", None)
    assert not await is_blocked(store, by_user_id("US.1"))


async def test_of_two_numbers_with_one_user_id_in_a_request_the_first_gets_it(store: Store) -> None:
    await store.apply(block(linked(1, "US.1"), linked(2, "US.1")))

    rows = (await page(store)).rows
    assert [(row.wa_id, row.user_id) for row in rows] == [("16505550001", "US.1"), ("16505550002", None)]


async def test_an_unblock_adds_no_link(store: Store) -> None:
    await store.apply(unblock(linked(1, "US.1")))

    await store.apply(block(by_user_id("US.1")))

    assert (await only_row(store)).wa_id is None
    assert not await is_blocked(store, person(1))


async def test_an_unblock_by_both_ids_removes_both_rows(store: Store) -> None:
    await store.apply(block(by_user_id("US.1"), person(1), person(2)))

    await store.apply(unblock(linked(1, "US.1")))

    assert await listed(store) == ["+16505550002"]


async def test_an_unblock_by_user_id_removes_the_linked_number(store: Store) -> None:
    await store.apply(block(linked(1, "US.1")))

    await store.apply(unblock(linked(2, "US.1")))

    assert await listed(store) == []


async def test_a_link_from_a_block_is_on_the_existing_row(store: Store) -> None:
    await store.apply(block(person(1)))

    await store.apply(block(linked(1, "US.1"), at=NOON + SECOND))

    row = await only_row(store)
    assert (row.wa_id, row.user_id, row.blocked_at) == ("16505550001", "US.1", NOON)


async def test_a_link_from_a_block_is_in_every_list_of_the_account(store: Store) -> None:
    await store.apply(block(person(1), list_id=_OTHER))

    await store.apply(block(linked(1, "US.1")))

    assert [row.user_id for row in (await page(store, list_id=_OTHER)).rows] == ["US.1"]


async def test_one_request_that_names_a_user_by_id_and_then_with_the_number_makes_one_row(store: Store) -> None:
    outcome = await store.apply(block(by_user_id("US.1"), linked(1, "US.1")))

    assert outcome.effects == [Effect.ADDED, Effect.UNCHANGED]
    assert (await only_row(store)).wa_id == "16505550001"
