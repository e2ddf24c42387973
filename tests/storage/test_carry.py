"""A user who changed the number or got a new user_id stays blocked."""

import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND, block, is_blocked, listed, page, unblock, version
from tests.storage.people import by_user_id, linked, people, person

from wablock.block_list.changes import Carry, Link
from wablock.block_list.pages import PageRequest
from wablock.block_list.ports import InForce, Member
from wablock.storage import Store

LATER = NOON + 60 * SECOND
_OTHER_LIST = "106540352242923"
_OTHER_ACCOUNT = "102290129340399"


def carry(previous: Member, current: Member, at: int = NOON + SECOND) -> Carry:
    return Carry(ACCOUNT, at, previous, current)


def link(*members: Member, at: int = NOON + SECOND) -> Link:
    return Link(ACCOUNT, at, members)


async def in_force(store: Store, *members: Member, at: int = NOON) -> list[InForce | None]:
    return list(await store.blocked(ACCOUNT, LIST, members, at))


@pytest.mark.parametrize(
    "blocked, previous, current",
    [
        (person(1), person(1), person(2)),
        (person(1), person(1), by_user_id("US.2")),
        (by_user_id("US.1"), by_user_id("US.1"), by_user_id("US.2")),
        (by_user_id("US.1"), by_user_id("US.1"), linked(2, "US.2")),
        (by_user_id("US.1"), linked(1, "US.1"), linked(2, "US.2")),
        (by_user_id("US.1"), linked(1, "US.1"), linked(1, "US.2")),
        (by_user_id("US.1"), linked(1, "US.1"), by_user_id("US.2")),
        (linked(1, "US.1"), by_user_id("US.1"), by_user_id("US.2")),
        (linked(1, "US.1"), by_user_id("US.1"), linked(1, "US.2")),
        (linked(1, "US.1"), by_user_id("US.1"), linked(2, "US.1")),
        (linked(1, "US.1"), linked(2, "US.1"), person(3)),
        (linked(1, "US.1"), person(1), person(2)),
    ],
)
async def test_a_blocked_user_is_blocked_under_the_new_ids(
    store: Store, blocked: Member, previous: Member, current: Member
) -> None:
    await store.apply(block(blocked))

    await store.apply(carry(previous, current))

    assert await is_blocked(store, current)
    assert await is_blocked(store, previous)


async def test_a_user_who_was_not_blocked_is_not_blocked_under_the_new_ids(store: Store) -> None:
    await store.apply(block(person(3)))

    await store.apply(carry(linked(1, "US.1"), linked(2, "US.2")))

    assert await listed(store) == ["+16505550003"]


async def test_a_copied_block_has_the_details_of_the_former(store: Store) -> None:
    await store.apply(block(person(1, reason="spam", note="third time", expires_at=LATER)))

    await store.apply(carry(person(1), linked(2, "US.2")))

    new, old = (await page(store)).rows
    assert (new.wa_id, new.user_id, new.input) == ("16505550002", "US.2", "16505550002")
    assert (new.blocked_at, new.blocked_by, new.reason, new.note, new.expires_at) == (
        old.blocked_at,
        old.blocked_by,
        old.reason,
        old.note,
        old.expires_at,
    )


async def test_a_copied_block_is_the_newest_of_the_list(store: Store) -> None:
    await store.apply(block(*people(3)))

    await store.apply(carry(person(0), person(9), at=NOON - SECOND))

    assert (await listed(store))[0] == "16505550009"


async def test_a_copied_block_makes_the_version_grow(store: Store) -> None:
    await store.apply(block(person(1)))
    before = await version(store)

    await store.apply(carry(person(1), person(2), at=NOON - SECOND))

    assert await version(store) > before


async def test_a_second_carry_changes_nothing(store: Store) -> None:
    await store.apply(block(person(1)))
    await store.apply(carry(person(1), linked(2, "US.2")))
    once = await page(store)

    await store.apply(carry(person(1), linked(2, "US.2")))

    assert await page(store) == once


async def test_an_expired_block_is_not_copied(store: Store) -> None:
    await store.apply(block(person(1, expires_at=LATER)))

    await store.apply(carry(person(1), person(2), at=LATER))

    assert not await is_blocked(store, person(2))


async def test_a_copied_block_expires_when_the_former_does(store: Store) -> None:
    await store.apply(block(person(1, expires_at=LATER)))

    await store.apply(carry(person(1), person(2)))

    assert [await is_blocked(store, person(2), at) for at in (LATER - 1, LATER)] == [True, False]


async def test_of_two_blocks_the_earlier_is_copied_with_the_later_expiry(store: Store) -> None:
    await store.apply(block(person(1, expires_at=LATER)))
    await store.apply(block(by_user_id("US.1"), at=NOON + SECOND))

    await store.apply(carry(linked(1, "US.1"), person(2)))

    assert await in_force(store, person(2)) == [InForce(NOON)]


@pytest.mark.parametrize(
    "former, own, together", [(LATER, None, None), (None, LATER, None), (LATER, LATER + 1, LATER + 1)]
)
async def test_a_user_who_is_already_blocked_keeps_the_row_and_gets_the_later_expiry(
    store: Store, former: int | None, own: int | None, together: int | None
) -> None:
    await store.apply(block(person(1, reason="spam", expires_at=former), person(2, expires_at=own)))
    before = await version(store)

    await store.apply(carry(person(1), person(2)))

    assert await in_force(store, person(2)) == [InForce(NOON, None, together)]
    assert await version(store) == before


async def test_a_carry_copies_in_every_list_of_the_account_and_in_no_other(store: Store) -> None:
    await store.apply(block(person(1), list_id=_OTHER_LIST))
    await store.apply(block(person(1), list_id="106540352242924", account_id=_OTHER_ACCOUNT))

    await store.apply(carry(person(1), person(2)))

    carried = await store.blocked(ACCOUNT, _OTHER_LIST, [person(2)], NOON)
    not_carried = await store.blocked(_OTHER_ACCOUNT, "106540352242924", [person(2)], NOON)
    assert (list(carried), list(not_carried)) == ([InForce(NOON)], [None])


async def test_a_carry_makes_no_list(store: Store) -> None:
    await store.apply(carry(person(1), person(2)))

    assert await store.page(PageRequest(LIST, 25, NOON)) == await store.page(PageRequest(_OTHER_LIST, 25, NOON))


async def test_unblocking_the_former_ids_leaves_the_new_ids_blocked(store: Store) -> None:
    await store.apply(block(person(1)))
    await store.apply(carry(person(1), person(2)))

    await store.apply(unblock(person(1)))

    assert await listed(store) == ["16505550002"]


async def test_a_carry_links_its_ids(store: Store) -> None:
    await store.apply(carry(person(1), linked(2, "US.2")))
    await store.apply(block(person(2)))

    assert await is_blocked(store, by_user_id("US.2"))


async def test_a_new_user_id_of_a_number_adds_no_row(store: Store) -> None:
    await store.apply(block(linked(1, "US.1")))

    await store.apply(carry(linked(1, "US.1"), linked(1, "US.2")))

    assert len(await listed(store)) == 1
    assert await is_blocked(store, by_user_id("US.2"))


async def test_a_block_is_copied_even_to_a_full_list(store: Store) -> None:
    await store.apply(block(person(1), max_size=1))

    await store.apply(carry(person(1), person(2)))

    assert await is_blocked(store, person(2))


async def test_a_link_moves_a_user_id_to_another_number_and_copies_the_block(store: Store) -> None:
    await store.apply(block(linked(1, "US.1")))

    await store.apply(link(linked(2, "US.1")))

    assert await in_force(store, person(1), person(2), by_user_id("US.1")) == [InForce(NOON)] * 3


async def test_a_stored_link_changes_nothing(store: Store) -> None:
    await store.apply(block(linked(1, "US.1")))
    before = await page(store)

    await store.apply(link(linked(1, "US.1")))

    assert await page(store) == before


async def test_a_moved_link_counts_for_later_blocks(store: Store) -> None:
    await store.apply(link(linked(1, "US.1")))
    await store.apply(link(linked(2, "US.1")))

    await store.apply(block(by_user_id("US.1")))

    assert [await is_blocked(store, person(number)) for number in (1, 2)] == [False, True]


async def test_unlinked_returns_users_whose_link_is_missing_or_another_numbers(store: Store) -> None:
    await store.apply(link(linked(1, "US.1"), linked(2, "US.2")))

    users = [linked(1, "US.1"), linked(3, "US.2"), linked(4, "US.4"), person(5), by_user_id("US.6")]
    assert list(await store.unlinked(ACCOUNT, users)) == [linked(3, "US.2"), linked(4, "US.4")]


async def test_a_link_of_one_account_is_unlinked_in_another(store: Store) -> None:
    await store.apply(link(linked(1, "US.1")))

    assert list(await store.unlinked(_OTHER_ACCOUNT, [linked(1, "US.1")])) == [linked(1, "US.1")]


@pytest.mark.parametrize("strangers", [0, 1, 50])
async def test_of_two_rows_the_earlier_block_is_returned_for_any_number_of_users(store: Store, strangers: int) -> None:
    await store.apply(block(by_user_id("US.9"), at=NOON + 5 * SECOND))
    await store.apply(block(person(1)))
    await store.apply(carry(person(1), person(2), at=NOON + 9 * SECOND))  # newer on the list, blocked for longer

    result = await in_force(store, linked(2, "US.9"), *people(strangers, start=100))

    assert result == [InForce(NOON), *[None] * strangers]
