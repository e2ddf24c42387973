"""A user who changed the number or got a new user_id stays blocked."""

import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND, block, is_blocked, listed, page, unblock, version
from tests.storage.people import by_user_id, linked, people, person

from wablock.block_list.ports import Carry, InForce, Link, Member, PageRequest
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
async def test_whoever_was_blocked_is_blocked_as_who_it_became(
    store: Store, blocked: Member, previous: Member, current: Member
) -> None:
    await store.apply(block(blocked))

    await store.apply(carry(previous, current))

    assert await is_blocked(store, current)
    assert await is_blocked(store, previous)


async def test_who_was_not_blocked_is_not_blocked_afterwards(store: Store) -> None:
    await store.apply(block(person(3)))

    await store.apply(carry(linked(1, "US.1"), linked(2, "US.2")))

    assert await listed(store) == ["+16505550003"]


async def test_a_carried_block_says_what_the_former_said(store: Store) -> None:
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


async def test_a_carried_block_is_the_lists_newest(store: Store) -> None:
    await store.apply(block(*people(3)))

    await store.apply(carry(person(0), person(9), at=NOON - SECOND))

    assert (await listed(store))[0] == "16505550009"


async def test_a_carried_block_makes_the_version_grow(store: Store) -> None:
    await store.apply(block(person(1)))
    before = await version(store)

    await store.apply(carry(person(1), person(2), at=NOON - SECOND))

    assert await version(store) > before


async def test_carrying_twice_is_carrying_once(store: Store) -> None:
    await store.apply(block(person(1)))
    await store.apply(carry(person(1), linked(2, "US.2")))
    once = await page(store)

    await store.apply(carry(person(1), linked(2, "US.2")))

    assert await page(store) == once


async def test_a_block_that_is_over_is_not_carried(store: Store) -> None:
    await store.apply(block(person(1, expires_at=LATER)))

    await store.apply(carry(person(1), person(2), at=LATER))

    assert not await is_blocked(store, person(2))


async def test_a_carried_block_ends_when_the_former_does(store: Store) -> None:
    await store.apply(block(person(1, expires_at=LATER)))

    await store.apply(carry(person(1), person(2)))

    assert [await is_blocked(store, person(2), at) for at in (LATER - 1, LATER)] == [True, False]


async def test_who_was_blocked_under_both_ids_is_carried_as_the_first_until_the_last_ends(store: Store) -> None:
    await store.apply(block(person(1, expires_at=LATER)))
    await store.apply(block(by_user_id("US.1"), at=NOON + SECOND))

    await store.apply(carry(linked(1, "US.1"), person(2)))

    assert await in_force(store, person(2)) == [InForce(NOON)]


@pytest.mark.parametrize(
    "former, own, together", [(LATER, None, None), (None, LATER, None), (LATER, LATER + 1, LATER + 1)]
)
async def test_who_is_blocked_already_keeps_the_row_until_the_later_end(
    store: Store, former: int | None, own: int | None, together: int | None
) -> None:
    await store.apply(block(person(1, reason="spam", expires_at=former), person(2, expires_at=own)))
    before = await version(store)

    await store.apply(carry(person(1), person(2)))

    assert await in_force(store, person(2)) == [InForce(NOON, None, together)]
    assert await version(store) == before


async def test_every_list_of_the_account_carries_and_no_other(store: Store) -> None:
    await store.apply(block(person(1), list_id=_OTHER_LIST))
    await store.apply(block(person(1), list_id="106540352242924", account_id=_OTHER_ACCOUNT))

    await store.apply(carry(person(1), person(2)))

    carried = await store.blocked(ACCOUNT, _OTHER_LIST, [person(2)], NOON)
    not_carried = await store.blocked(_OTHER_ACCOUNT, "106540352242924", [person(2)], NOON)
    assert (list(carried), list(not_carried)) == ([InForce(NOON)], [None])


async def test_carrying_makes_no_list(store: Store) -> None:
    await store.apply(carry(person(1), person(2)))

    assert await store.page(PageRequest(LIST, 25, NOON)) == await store.page(PageRequest(_OTHER_LIST, 25, NOON))


async def test_unblocking_who_it_was_leaves_who_it_became(store: Store) -> None:
    await store.apply(block(person(1)))
    await store.apply(carry(person(1), person(2)))

    await store.apply(unblock(person(1)))

    assert await listed(store) == ["16505550002"]


async def test_a_carry_links_the_ids_that_it_shows(store: Store) -> None:
    await store.apply(carry(person(1), linked(2, "US.2")))
    await store.apply(block(person(2)))

    assert await is_blocked(store, by_user_id("US.2"))


async def test_a_new_user_id_of_a_number_adds_no_row(store: Store) -> None:
    await store.apply(block(linked(1, "US.1")))

    await store.apply(carry(linked(1, "US.1"), linked(1, "US.2")))

    assert len(await listed(store)) == 1
    assert await is_blocked(store, by_user_id("US.2"))


async def test_a_full_list_lets_no_carried_user_through(store: Store) -> None:
    await store.apply(block(person(1), max_size=1))

    await store.apply(carry(person(1), person(2)))

    assert await is_blocked(store, person(2))


async def test_a_link_makes_a_user_id_mean_another_number_and_takes_the_block_along(store: Store) -> None:
    await store.apply(block(linked(1, "US.1")))

    await store.apply(link(linked(2, "US.1")))

    assert await in_force(store, person(1), person(2), by_user_id("US.1")) == [InForce(NOON)] * 3


async def test_a_link_that_is_known_changes_nothing(store: Store) -> None:
    await store.apply(block(linked(1, "US.1")))
    before = await page(store)

    await store.apply(link(linked(1, "US.1")))

    assert await page(store) == before


async def test_a_link_that_was_moved_counts_for_blocks_to_come(store: Store) -> None:
    await store.apply(link(linked(1, "US.1")))
    await store.apply(link(linked(2, "US.1")))

    await store.apply(block(by_user_id("US.1")))

    assert [await is_blocked(store, person(number)) for number in (1, 2)] == [False, True]


async def test_unlinked_are_those_whose_link_is_unknown_or_is_another_numbers(store: Store) -> None:
    await store.apply(link(linked(1, "US.1"), linked(2, "US.2")))

    asked = [linked(1, "US.1"), linked(3, "US.2"), linked(4, "US.4"), person(5), by_user_id("US.6")]
    assert list(await store.unlinked(ACCOUNT, asked)) == [linked(3, "US.2"), linked(4, "US.4")]


async def test_a_link_of_one_account_is_unlinked_in_another(store: Store) -> None:
    await store.apply(link(linked(1, "US.1")))

    assert list(await store.unlinked(_OTHER_ACCOUNT, [linked(1, "US.1")])) == [linked(1, "US.1")]


@pytest.mark.parametrize("strangers", [0, 1, 50])
async def test_of_two_rows_the_earlier_block_is_told_however_many_are_asked_about(store: Store, strangers: int) -> None:
    await store.apply(block(by_user_id("US.9"), at=NOON + 5 * SECOND))
    await store.apply(block(person(1)))
    await store.apply(carry(person(1), person(2), at=NOON + 9 * SECOND))  # newer on the list, blocked for longer

    found = await in_force(store, linked(2, "US.9"), *people(strangers, start=100))

    assert found == [InForce(NOON), *[None] * strangers]
