"""Users with three ids: number, user_id and parent user id. A webhook may have any of them."""

from collections.abc import Sequence
from itertools import permutations

import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND, block, is_blocked, listed, only_row, page, unblock
from tests.storage.people import user_with

from wablock.block_list.changes import Carry, Change, Link
from wablock.block_list.ports import InForce, Member
from wablock.storage import Store

LATER = NOON + 60 * SECOND
U1, U2, U3 = "US.1", "US.2", "US.3"
P1, P2 = "US.ENT.1", "US.ENT.2"


def link(*members: Member, at: int = NOON + SECOND) -> Link:
    return Link(ACCOUNT, at, members)


def carry(previous: Member, current: Member) -> Carry:
    return Carry(ACCOUNT, NOON + SECOND, previous, current)


async def are_blocked(store: Store, *members: Member) -> list[bool]:
    """Check each user alone, and all of them with others in one question. Both must have the same result."""
    alone = [await is_blocked(store, member) for member in members]
    strangers = [user_with(number) for number in range(900, 905)]
    together = await store.blocked(ACCOUNT, LIST, [*members, *strangers], NOON)
    assert [block is not None for block in together] == [*alone, *[False] * 5]
    return alone


_PAIRS = (user_with(1, U1), user_with(1, None, P1), user_with(None, U1, P1))


@pytest.mark.parametrize("pairs", [*permutations(_PAIRS, 2), *permutations(_PAIRS, 3), (user_with(1, U1, P1),)])
@pytest.mark.parametrize("blocked", [user_with(1), user_with(None, U1)])
@pytest.mark.parametrize("first", ["block", "link"])
async def test_linked_ids_are_one_user_in_any_order_of_link_and_block(
    store: Store, pairs: Sequence[Member], blocked: Member, first: str
) -> None:
    changes: list[Change] = [block(blocked), *map(link, pairs)]
    for change in changes if first == "block" else [*changes[1:], changes[0]]:
        await store.apply(change)

    assert await are_blocked(store, user_with(1), user_with(None, U1), user_with(None, None, P1)) == [True, True, True]
    assert len((await page(store)).rows) == 1


_AS_USER_ID = "US.11815799212886844830"  # a parent id as Meta's page on business-scoped user ids prints one


@pytest.mark.parametrize(
    "member", [user_with(None, "US.7", _AS_USER_ID), user_with(1, None, _AS_USER_ID), user_with(1, "US.7", _AS_USER_ID)]
)
@pytest.mark.parametrize("first", ["block", "link"])
async def test_a_parent_id_in_the_shape_of_a_user_id_means_its_user_in_any_order_of_link_and_block(
    store: Store, member: Member, first: str
) -> None:
    changes: list[Change] = [block(user_with(None, _AS_USER_ID)), link(member)]
    for change in changes if first == "block" else reversed(changes):
        await store.apply(change)

    user = user_with(1) if member.wa_id else user_with(None, "US.7")
    assert await are_blocked(store, user, user_with(None, _AS_USER_ID)) == [True, True]


async def test_a_parent_id_without_a_link_means_no_user(store: Store) -> None:
    await store.apply(block(user_with(1)))

    assert await are_blocked(store, user_with(None, None, P1), user_with(None, U1, P1)) == [False, False]


async def test_a_member_with_all_three_ids_is_found_by_each(store: Store) -> None:
    await store.apply(link(user_with(2, None, P1)))
    await store.apply(block(user_with(1), user_with(2), user_with(None, U3)))

    assert await are_blocked(store, user_with(1, U2, P2), user_with(3, U2, P1), user_with(3, U3, P2)) == [
        True,
        True,
        True,
    ]


async def test_a_new_user_id_under_the_same_parent_id_is_blocked_as_the_old_one(store: Store) -> None:
    await store.apply(link(user_with(None, U1, P1)))
    await store.apply(block(user_with(None, U1)))

    await store.apply(link(user_with(None, U2, P1)))

    assert await are_blocked(store, user_with(None, U1), user_with(None, U2), user_with(None, None, P1)) == [
        True,
        True,
        True,
    ]
    assert (await only_row(store)).user_id == U2


async def test_a_later_block_by_the_old_user_id_blocks_the_new_one(store: Store) -> None:
    await store.apply(link(user_with(None, U1, P1), user_with(None, U2, P1)))

    await store.apply(block(user_with(None, U1)))

    assert await are_blocked(store, user_with(None, U2), user_with(None, None, P1)) == [True, True]


async def test_a_late_webhook_with_the_old_user_id_changes_nothing(store: Store) -> None:
    await store.apply(link(user_with(None, U1, P1)))
    await store.apply(link(user_with(None, U2, P1)))

    assert list(await store.unlinked(ACCOUNT, [user_with(None, U1, P1), user_with(None, U2, P1)])) == []


async def test_unblocking_by_one_user_id_unblocks_the_other(store: Store) -> None:
    await store.apply(link(user_with(None, U1, P1), user_with(None, U2, P1)))
    await store.apply(block(user_with(None, U1)))

    await store.apply(unblock(user_with(None, U2)))

    assert await listed(store) == []


@pytest.mark.parametrize("last", [user_with(1, U2), user_with(1, U1), user_with(1, None, P1), user_with(1, U2, P1)])
async def test_user_ids_of_one_parent_id_mean_the_number_after_one_is_linked_to_it(store: Store, last: Member) -> None:
    await store.apply(link(user_with(None, U1, P1)))
    await store.apply(link(user_with(None, U2, P1)))
    await store.apply(block(user_with(1)))

    await store.apply(link(last))

    everybody = user_with(1), user_with(None, U1), user_with(None, U2), user_with(None, None, P1)
    assert await are_blocked(store, *everybody) == [True] * 4


async def test_a_request_with_the_number_of_a_linked_user_id_links_it(store: Store) -> None:
    await store.apply(link(user_with(None, U1, P1), user_with(None, U2, P1)))

    await store.apply(block(user_with(1, U2)))

    assert await are_blocked(store, user_with(1), user_with(None, U1), user_with(None, None, P1)) == [True] * 3


async def test_a_parent_id_that_moves_to_another_number_copies_the_block(store: Store) -> None:
    await store.apply(link(user_with(1, None, P1)))
    await store.apply(block(user_with(1)))

    await store.apply(link(user_with(2, None, P1)))

    assert await are_blocked(store, user_with(1), user_with(2), user_with(None, None, P1)) == [True] * 3


async def test_a_parent_id_that_moves_to_another_number_counts_for_later_blocks(store: Store) -> None:
    await store.apply(link(user_with(1, None, P1)))
    await store.apply(link(user_with(2, None, P1)))

    await store.apply(block(user_with(2)))

    assert await are_blocked(store, user_with(1), user_with(None, None, P1)) == [False, True]


async def test_a_parent_id_beside_another_users_user_id_moves_to_that_user(store: Store) -> None:
    await store.apply(link(user_with(1, None, P1), user_with(2, U2)))
    await store.apply(block(user_with(1)))

    await store.apply(link(user_with(None, U2, P1)))

    assert await are_blocked(store, user_with(2), user_with(None, U2), user_with(None, None, P1)) == [True] * 3


async def test_merged_rows_keep_the_earlier_block_and_the_later_expiry(store: Store) -> None:
    await store.apply(block(user_with(None, U1), at=NOON))
    await store.apply(block(user_with(1), at=NOON + SECOND))
    await store.apply(link(user_with(None, U1, P1)))

    await store.apply(link(user_with(1, None, P1)))

    row = await only_row(store)
    assert (row.input, row.blocked_at, row.wa_id, row.user_id) == (U1, NOON, "16505550001", U1)


async def test_no_row_shows_a_parent_id(store: Store) -> None:
    await store.apply(block(user_with(1), user_with(None, U2)))
    await store.apply(link(user_with(1, None, P1), user_with(None, U2, P2)))
    await store.apply(carry(user_with(None, None, P1), user_with(3, None, P1)))
    await store.apply(carry(user_with(None, None, P2), user_with(None, None, "US.ENT.3")))
    await store.apply(carry(user_with(1), user_with(None, None, "US.ENT.4")))
    await store.apply(carry(user_with(None, None, "US.ENT.5"), user_with(None, None, "US.ENT.6")))

    rows = (await page(store)).rows
    assert not any(".ENT." in f"{row.wa_id} {row.user_id} {row.input}" for row in rows)
    assert all(row.wa_id or row.user_id for row in rows)


@pytest.mark.parametrize(
    "linked_user, blocked, previous, current",
    [
        (user_with(1, None, P1), user_with(1), user_with(None, None, P1), user_with(2)),
        (user_with(1, None, P1), user_with(1), user_with(None, None, P1), user_with(None, U2)),
        (user_with(None, U1, P1), user_with(None, U1), user_with(None, None, P1), user_with(None, U2)),
        (user_with(None, U1, P1), user_with(None, U1), user_with(None, U1, P1), user_with(None, U2, P2)),
        (user_with(None, U1, P1), user_with(None, U1), user_with(None, U1, P1), user_with(None, U2, P1)),
        (user_with(None, U1, P1), user_with(None, U1), user_with(None, None, P1), user_with(None, None, P2)),
        (user_with(1, U1, P1), user_with(1), user_with(1, U1, P1), user_with(None, None, P2)),
        (user_with(1, U1, P1), user_with(None, U1), user_with(None, U1), user_with(None, U1, P2)),
        (user_with(1, U1), user_with(1), user_with(1), user_with(None, None, P2)),
    ],
)
async def test_a_blocked_user_whose_ids_change_is_blocked_under_the_new_ids(
    store: Store, linked_user: Member, blocked: Member, previous: Member, current: Member
) -> None:
    await store.apply(link(linked_user))
    await store.apply(block(blocked))

    await store.apply(carry(previous, current))

    assert await are_blocked(store, current, previous, blocked) == [True, True, True]


async def test_a_parent_id_of_the_former_user_in_a_carry_is_linked_to_it(store: Store) -> None:
    await store.apply(block(user_with(None, U1)))

    await store.apply(carry(user_with(None, U1, P1), user_with(None, U2, P2)))

    assert await are_blocked(store, user_with(None, None, P1), user_with(None, None, P2)) == [True, True]


async def test_a_changed_parent_id_counts_for_later_blocks(store: Store) -> None:
    await store.apply(link(user_with(1, U1, P1)))
    await store.apply(carry(user_with(None, U1, P1), user_with(None, None, P2)))

    await store.apply(block(user_with(1)))

    assert await are_blocked(store, user_with(None, None, P2)) == [True]


async def test_unlinked_returns_users_with_a_pair_that_is_not_stored(store: Store) -> None:
    await store.apply(link(user_with(1, U1, P1), user_with(None, U2, P2)))

    users = [
        user_with(1, U1, P1),
        user_with(1, None, P1),
        user_with(None, U1, P1),
        user_with(None, U2, P2),
        user_with(None, None, P1),
        user_with(1),
        user_with(2, None, P1),
        user_with(1, U1, "US.ENT.3"),
        user_with(None, U1, P2),
        user_with(3, None, P2),
        user_with(None, U3, P2),
    ]
    assert list(await store.unlinked(ACCOUNT, users)) == users[6:]


async def test_a_parent_id_of_one_account_means_no_user_in_another(store: Store) -> None:
    other = "102290129340399"
    await store.apply(link(user_with(1, U1, P1)))
    await store.apply(block(user_with(1)))

    assert list(await store.blocked(other, LIST, [user_with(None, None, P1)], NOON)) == [None]
    assert list(await store.unlinked(other, [user_with(1, U1, P1)])) == [user_with(1, U1, P1)]


async def test_of_a_users_rows_the_earlier_block_is_found_by_a_parent_id(store: Store) -> None:
    await store.apply(link(user_with(2, None, P1)))
    await store.apply(block(user_with(2), at=NOON))
    await store.apply(block(user_with(1), at=NOON + SECOND))

    (in_force,) = await store.blocked(ACCOUNT, LIST, [user_with(1, None, P1)], LATER)

    assert in_force == InForce(NOON)


async def test_second_spellings_are_found_by_a_parent_id(store: Store) -> None:
    old, new = user_with(2_250_707_123_456 - 16_505_550_000), user_with(22_507_123_456 - 16_505_550_000)
    assert old.key == new.key
    await store.apply(block(old))

    await store.apply(Link(ACCOUNT, NOON, [Member(new.key, new.wa_id, None, "", parent_user_id=P1)]))

    assert await are_blocked(store, user_with(None, None, P1)) == [True]


async def test_a_thousand_users_of_a_webhook_are_linked_at_once(store: Store) -> None:
    users = [user_with(number, f"US.{number}", f"US.ENT.{number}") for number in range(500)]
    users += [user_with(None, f"US.{number}", f"US.ENT.{number}") for number in range(500, 1_000)]

    await store.apply(link(*users))
    await store.apply(block(user_with(499), user_with(None, "US.999")))

    assert list(await store.unlinked(ACCOUNT, users)) == []
    assert await are_blocked(store, user_with(None, None, "US.ENT.499"), user_with(None, None, "US.ENT.999")) == [
        True,
        True,
    ]
