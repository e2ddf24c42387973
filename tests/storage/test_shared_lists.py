"""Shared lists: where they are in force, and who may add, attach and remove them."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from tests.storage.changes import ACCOUNT, LIST, NOON, block, page, unblock
from tests.storage.people import by_user_id, linked, people, person

from wablock.block_list.changes import Carry, Link
from wablock.block_list.ports import BusinessNumber, Effect, Member, Refusal
from wablock.block_list.shared_lists import (
    MOST_ATTACHED,
    Attached,
    Attachment,
    ListKind,
    Removal,
    SharedList,
)
from wablock.contract.errors import UnknownObject
from wablock.storage import Store

_OTHER_NUMBER = "106540352242923"
_STRANGER = "102290129340399"
_FRAUD = SharedList("list_fraud", ACCOUNT, ListKind.BLOCK, "Fraud", NOON)
_VIP = SharedList("list_vip", ACCOUNT, ListKind.ALLOW, "VIP", NOON)


@pytest.fixture
async def store(open_store: Callable[[], Store]) -> Store:
    """A store with both lists, which are not attached."""
    opened = open_store()
    for shared in (_FRAUD, _VIP):
        assert await opened.add_list(shared)
    return opened


def _to(shared: SharedList, number: str | None = LIST, account_id: str = ACCOUNT) -> Attachment:
    return Attachment(account_id, shared.list_id, number, NOON)


def _until(number: int, expires_at: int) -> Member:
    return msgspec.structs.replace(person(number), expires_at=expires_at)


async def _through(store: Store, user: Member, number: str = LIST) -> str | None:
    """The name of the shared list through which the user is blocked; "" for the number's own list."""
    (entry,) = await store.blocked(ACCOUNT, number, [user], NOON)
    return None if entry is None else entry.list_name or ""


async def test_a_list_that_is_not_attached_blocks_no_user(store: Store) -> None:
    await store.apply(block(person(1), list_id=_FRAUD.list_id))

    assert await _through(store, person(1)) is None


async def test_an_attached_list_blocks_its_users_on_that_number_alone(store: Store) -> None:
    await store.apply(block(person(1), list_id=_FRAUD.list_id))

    assert await store.attach(_to(_FRAUD)) is Attached.ATTACHED

    assert await _through(store, person(1)) == "Fraud"
    assert await _through(store, person(1), _OTHER_NUMBER) is None
    assert await _through(store, person(2)) is None


async def test_a_list_that_is_attached_to_the_account_is_in_force_on_every_number(store: Store) -> None:
    await store.attach(_to(_FRAUD, None))
    await store.apply(block(person(1), list_id=_FRAUD.list_id))

    assert [await _through(store, person(1), number) for number in (LIST, _OTHER_NUMBER)] == ["Fraud", "Fraud"]


async def test_a_detached_list_blocks_no_user(store: Store) -> None:
    await store.attach(_to(_FRAUD))
    await store.apply(block(person(1), list_id=_FRAUD.list_id))

    assert await store.detach(ACCOUNT, _FRAUD.list_id, LIST)

    assert await _through(store, person(1)) is None
    assert not await store.detach(ACCOUNT, _FRAUD.list_id, LIST)


async def test_an_allow_list_frees_a_user_of_every_list(store: Store) -> None:
    await store.attach(_to(_FRAUD))
    for list_id in (LIST, _FRAUD.list_id, _VIP.list_id):
        await store.apply(block(person(1), list_id=list_id))
    assert await _through(store, person(1)) is not None

    await store.attach(_to(_VIP, None))

    assert await _through(store, person(1)) is None


async def test_an_allow_list_holds_for_every_id_of_its_user(store: Store) -> None:
    await store.attach(_to(_VIP))
    await store.apply(Link(ACCOUNT, NOON, [linked(1, "US.1")]))
    await store.apply(block(person(1), list_id=_VIP.list_id))

    for user in (person(1), by_user_id("US.1"), linked(1, "US.1")):
        outcome = await store.apply(block(user))
        assert outcome.refused == {0: Refusal.ALLOWED}
        assert outcome.allowed_by == {0: "VIP"}


async def test_a_block_of_an_allowed_user_is_refused_and_the_others_are_made(store: Store) -> None:
    await store.attach(_to(_VIP))
    await store.apply(block(person(1), list_id=_VIP.list_id))

    outcome = await store.apply(block(person(0), person(1), person(2)))

    assert outcome.refused == {1: Refusal.ALLOWED}
    assert outcome.effects == [Effect.ADDED, Effect.REFUSED, Effect.ADDED]
    assert [row.wa_id for row in (await page(store)).rows] == [person(0).wa_id, person(2).wa_id]


async def test_a_user_who_is_allowed_at_the_same_time_is_not_blocked(store: Store) -> None:
    """SQLite makes both changes in one transaction, in this order; PostgreSQL may block first."""
    await store.attach(_to(_VIP))

    allowed, blocked = await asyncio.gather(
        store.apply(block(person(1), list_id=_VIP.list_id)), store.apply(block(person(1)))
    )

    assert allowed.effects == [Effect.ADDED]
    assert blocked.refused == {0: Refusal.ALLOWED} or blocked.effects == [Effect.ADDED]
    assert await _through(store, person(1)) is None


async def test_a_request_is_not_refused_for_a_user_id_that_means_an_allowed_user(store: Store) -> None:
    """The request names a number, and that number is blocked; see decision 18."""
    await store.attach(_to(_VIP))
    await store.apply(Link(ACCOUNT, NOON, [linked(1, "US.1")]))
    await store.apply(block(person(1), list_id=_VIP.list_id))

    outcome = await store.apply(block(linked(2, "US.1")))

    assert outcome.effects == [Effect.ADDED]


async def test_an_allowed_user_can_be_put_on_a_shared_list(store: Store) -> None:
    await store.attach(_to(_VIP, None))
    await store.apply(block(person(1), list_id=_VIP.list_id))

    assert (await store.apply(block(person(1), list_id=_FRAUD.list_id))).effects == [Effect.ADDED]


async def test_entries_of_a_shared_list_expire(store: Store) -> None:
    for shared in (_FRAUD, _VIP):
        await store.attach(_to(shared))
    await store.apply(block(_until(1, NOON + 5), list_id=_FRAUD.list_id))
    await store.apply(block(_until(2, NOON + 5), list_id=_VIP.list_id))
    await store.apply(block(person(2), list_id=_FRAUD.list_id))

    before, after = [await store.blocked(ACCOUNT, LIST, people(3), NOON + later) for later in (4, 5)]

    assert [entry is not None for entry in before] == [False, True, False]
    assert [entry is not None for entry in after] == [False, False, True]


async def test_a_new_number_of_a_user_stays_on_the_shared_lists(store: Store) -> None:
    await store.attach(_to(_FRAUD))
    await store.apply(block(person(1), list_id=_FRAUD.list_id))

    await store.apply(Carry(ACCOUNT, NOON, person(1), person(2)))

    assert await _through(store, person(2)) == "Fraud"


async def test_the_earliest_entry_is_in_force(store: Store) -> None:
    await store.attach(_to(_FRAUD))
    await store.apply(block(person(1), at=NOON))
    await store.apply(block(person(1), list_id=_FRAUD.list_id, at=NOON - 1))
    await store.apply(block(person(2), at=NOON - 1))
    await store.apply(block(person(2), list_id=_FRAUD.list_id, at=NOON))

    assert await _through(store, person(1)) == "Fraud"
    assert await _through(store, person(2)) == ""


async def test_two_lists_of_an_account_have_different_names(store: Store) -> None:
    assert not await store.add_list(SharedList("list_3", ACCOUNT, ListKind.ALLOW, "fraud", NOON))
    assert not await store.add_list(SharedList(_FRAUD.list_id, ACCOUNT, ListKind.ALLOW, "another", NOON))
    assert await store.add_list(SharedList("list_4", _STRANGER, ListKind.BLOCK, "Fraud", NOON))
    assert await store.shared_lists(ACCOUNT) == [_FRAUD, _VIP]


async def test_an_attached_list_is_not_removed(store: Store) -> None:
    await store.attach(_to(_FRAUD))

    assert await store.remove_list(ACCOUNT, _FRAUD.list_id) is Removal.ATTACHED

    await store.detach(ACCOUNT, _FRAUD.list_id, LIST)
    assert await store.remove_list(ACCOUNT, _FRAUD.list_id) is Removal.REMOVED
    assert await store.remove_list(ACCOUNT, _FRAUD.list_id) is Removal.UNKNOWN
    assert await store.shared_lists(ACCOUNT) == [_VIP]


async def test_a_removed_list_has_no_members_and_takes_none(store: Store) -> None:
    await store.apply(block(person(1), list_id=_FRAUD.list_id))

    await store.remove_list(ACCOUNT, _FRAUD.list_id)

    assert not (await page(store, list_id=_FRAUD.list_id)).rows
    with pytest.raises(UnknownObject):
        await store.apply(block(person(2), list_id=_FRAUD.list_id))
    assert await store.attach(_to(_FRAUD)) is Attached.UNKNOWN


async def test_another_account_cannot_touch_a_list(store: Store) -> None:
    await store.attach(_to(_FRAUD))

    assert await store.attach(_to(_FRAUD, LIST, _STRANGER)) is Attached.UNKNOWN
    assert not await store.detach(_STRANGER, _FRAUD.list_id, LIST)
    assert await store.remove_list(_STRANGER, _FRAUD.list_id) is Removal.UNKNOWN
    assert await store.shared_lists(_STRANGER) == []
    assert await store.attachments(_STRANGER) == []


async def test_a_list_of_another_account_is_not_in_force_on_a_number_with_the_same_id(store: Store) -> None:
    await store.attach(_to(_FRAUD, None))
    await store.apply(block(person(1), list_id=_FRAUD.list_id))

    (entry,) = await store.blocked(_STRANGER, LIST, [person(1)], NOON)

    assert entry is None


async def test_attachments_are_listed_by_number(store: Store) -> None:
    places = [_to(_FRAUD, None), _to(_FRAUD), _to(_VIP), _to(_FRAUD, _OTHER_NUMBER)]
    for place in reversed(places):
        await store.attach(place)

    assert await store.attachments(ACCOUNT) == places
    assert await store.attach(_to(_FRAUD)) is Attached.BEFORE


@pytest.mark.parametrize("place", [LIST, None])
async def test_a_number_has_a_limited_count_of_attached_lists(store: Store, place: str | None) -> None:
    for count in range(MOST_ATTACHED):
        new = SharedList(f"list_{count}", ACCOUNT, ListKind.BLOCK, f"list {count}", NOON)
        await store.add_list(new)
        assert await store.attach(_to(new, place if count else LIST)) is Attached.ATTACHED

    assert await store.attach(_to(_FRAUD)) is Attached.TOO_MANY
    assert await store.attach(_to(_FRAUD, None)) is Attached.TOO_MANY
    assert not any(it.list_id == _FRAUD.list_id for it in await store.attachments(ACCOUNT))


async def test_a_list_that_is_on_a_number_already_can_be_attached_to_all(store: Store) -> None:
    for count in range(MOST_ATTACHED):
        new = SharedList(f"list_{count}", ACCOUNT, ListKind.BLOCK, f"list {count}", NOON)
        await store.add_list(new)
        await store.attach(_to(new))

    assert await store.attach(_to(new, None)) is Attached.ATTACHED


@pytest.mark.databases
async def test_a_removed_number_has_no_attached_lists(store: Store) -> None:
    await store.add_number(BusinessNumber(LIST, ACCOUNT), NOON)
    await store.attach(_to(_FRAUD))

    await store.remove_number(LIST)

    assert await store.attachments(ACCOUNT) == []


@pytest.mark.databases
async def test_what_one_node_attaches_is_in_force_at_once_on_another(open_store: Callable[[], Store]) -> None:
    node, other = open_store(), open_store()
    await node.add_list(_FRAUD)
    await node.apply(block(person(1), list_id=_FRAUD.list_id))

    for _ in range(20):
        await node.attach(_to(_FRAUD))
        assert await _through(other, person(1)) == "Fraud"
        await node.detach(ACCOUNT, _FRAUD.list_id, LIST)
        assert await _through(other, person(1)) is None


@pytest.mark.databases
async def test_a_user_who_moves_between_lists_is_blocked_at_every_moment(open_store: Callable[[], Store]) -> None:
    """On the number's own list, on an attached one, and by attaching the other."""
    node, other = open_store(), open_store()
    await node.add_list(_FRAUD)
    await node.apply(block(person(1)))
    is_over = False

    async def move() -> None:
        for _ in range(25):
            await node.apply(block(person(1), list_id=_FRAUD.list_id))
            await node.attach(_to(_FRAUD))
            await node.apply(unblock(person(1)))
            await node.apply(block(person(1)))
            await node.detach(ACCOUNT, _FRAUD.list_id, LIST)
            await node.apply(unblock(person(1), list_id=_FRAUD.list_id))

    async def check() -> None:
        while not is_over:
            assert await _through(other, person(1)) is not None
            await asyncio.sleep(0)  # SQLite is read without waiting

    checks = [asyncio.create_task(check()) for _ in range(4)]
    await move()
    is_over = True
    await asyncio.gather(*checks)


@pytest.mark.databases
async def test_a_list_is_not_removed_while_it_is_attached_at_the_same_time(open_store: Callable[[], Store]) -> None:
    node, other = open_store(), open_store()
    for count in range(20):
        new = SharedList(f"list_{count}", ACCOUNT, ListKind.BLOCK, f"list {count}", NOON)
        await node.add_list(new)

        attached, removed = await asyncio.gather(node.attach(_to(new)), other.remove_list(ACCOUNT, new.list_id))

        assert (attached, removed) in [
            (Attached.ATTACHED, Removal.ATTACHED),
            (Attached.UNKNOWN, Removal.REMOVED),
        ]
