"""Blocking and unblocking: order, details, spellings."""

import msgspec
from tests.storage.changes import (
    ACCOUNT,
    LIST,
    NOON,
    SECOND,
    block,
    is_blocked,
    listed,
    only_row,
    page,
    unblock,
    version,
)
from tests.storage.people import by_user_id, people, person, user_of

from wablock.block_list.ports import Effect, Outcome
from wablock.storage import Store


async def test_an_unused_list_is_empty_and_has_version_0(store: Store) -> None:
    result = await page(store)

    assert (result.rows, result.version) == ((), 0)
    assert not result.has_next
    assert not result.has_previous


async def test_a_later_block_is_listed_first(store: Store) -> None:
    await store.apply(block(person(1)))
    await store.apply(block(person(2), at=NOON + SECOND))

    assert await listed(store) == ["+16505550002", "+16505550001"]


async def test_within_one_request_the_first_user_is_listed_first(store: Store) -> None:
    await store.apply(block(*people(3)))

    assert await listed(store) == ["+16505550000", "+16505550001", "+16505550002"]


async def test_new_users_keep_their_order_beside_users_who_are_already_listed(store: Store) -> None:
    await store.apply(block(person(2), person(4)))

    await store.apply(block(*people(6), at=NOON + SECOND))

    expected = ["+16505550000", "+16505550001", "+16505550003", "+16505550005", "+16505550002", "+16505550004"]
    assert await listed(store) == expected


async def test_a_row_has_the_user_and_all_details_of_the_block(store: Store) -> None:
    await store.apply(block(person(7, "spam", "third time", NOON + SECOND)))

    row = await only_row(store)

    assert (row.wa_id, row.user_id, row.input) == ("16505550007", None, "+16505550007")
    assert (row.blocked_at, row.blocked_by) == (NOON, "another user")
    assert (row.reason, row.note, row.expires_at) == ("spam", "third time", NOON + SECOND)


async def test_blocking_twice_changes_neither_row_nor_version(store: Store) -> None:
    await store.apply(block(person(1)))
    before = await page(store)

    outcome = await store.apply(block(person(1), at=NOON + SECOND))

    assert outcome.effects == [Effect.UNCHANGED]
    assert await page(store) == before


async def test_one_user_twice_in_a_request_is_one_row(store: Store) -> None:
    await store.apply(block(person(1), person(2), person(1)))

    assert await listed(store) == ["+16505550001", "+16505550002"]


async def test_blocking_again_with_other_details_updates_them_in_place(store: Store) -> None:
    await store.apply(block(person(1, "spam", "first"), person(2)))
    before = await page(store)

    await store.apply(block(person(1, note="second", expires_at=NOON + SECOND), at=NOON + 1))

    after = await page(store)
    edited = {"note": "second", "expires_at": NOON + SECOND, "updated_at": NOON + 1, "updated_by": "another user"}
    updated = msgspec.structs.replace(before.rows[0], **edited)
    assert (after.rows, after.version) == ([updated, before.rows[1]], before.version)


async def test_two_spellings_of_one_number_are_one_user(store: Store) -> None:
    await store.apply(block(user_of("5511987654321")))

    await store.apply(block(user_of("551187654321"), at=NOON + SECOND))

    assert await listed(store) == ["5511987654321"]


async def test_a_user_is_unblocked_by_another_spelling(store: Store) -> None:
    await store.apply(block(user_of("5215512345678"), person(1)))

    await store.apply(unblock(user_of("525512345678"), at=NOON + SECOND))

    assert await listed(store) == ["+16505550001"]


async def test_a_user_is_blocked_by_any_spelling(store: Store) -> None:
    await store.apply(block(user_of("5491123456789")))

    assert await is_blocked(store, user_of("541123456789"))


async def test_unblocking_a_stranger_changes_no_version(store: Store) -> None:
    await store.apply(block(person(1)))
    before = await page(store)

    outcome = await store.apply(unblock(person(2), at=NOON + SECOND))

    assert outcome == Outcome({}, [Effect.NOT_THERE], [()])
    assert await page(store) == before


async def test_unblocking_from_a_missing_list_succeeds(store: Store) -> None:
    assert (await store.apply(unblock(person(2)))).effects == [Effect.NOT_THERE]

    assert await version(store) == 0


async def test_blocked_returns_a_result_for_each_user_in_order(store: Store) -> None:
    await store.apply(block(person(1), by_user_id("US.1")))

    users = [person(1), person(2), by_user_id("US.1"), by_user_id("US.2")]
    assert [block is not None for block in await store.blocked(ACCOUNT, LIST, users, NOON)] == [
        True,
        False,
        True,
        False,
    ]


async def test_a_block_on_one_list_has_no_effect_on_another(store: Store) -> None:
    await store.apply(block(person(1)))

    assert await listed(store, list_id="106540352242923") == []
    assert [block is not None for block in await store.blocked(ACCOUNT, "106540352242923", [person(1)], NOON)] == [
        False
    ]
