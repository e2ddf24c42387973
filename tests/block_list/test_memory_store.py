"""The promises of `BlockStore` that these tests rely on, for the store that they use."""

import msgspec
import pytest
from tests.block_list.watched_store import WatchedStore

from wablock.block_list.changes import Block, Carry, Link, NoteInbound, Sweep, Unblock
from wablock.block_list.pages import PageRequest
from wablock.block_list.ports import InForce, Member, Refusal
from wablock.contract.errors import BlocklistInternalError, UnknownObject

NOW = 1_737_679_688_383_584
LIST, ACCOUNT = "106540352242922", "acme"
USER_ID = "US.13491208655302741918"
BY_NUMBER = Member("16505551234", "16505551234", None, "+16505551234")
BY_ID = Member(USER_ID, None, USER_ID, USER_ID)
BY_BOTH = Member("16505551234", "16505551234", USER_ID, "+16505551234")
OTHER = Member("14155559876", "14155559876", None, "+14155559876", expires_at=NOW + 10)


def block(*members: Member, at: int = NOW, max_size: int | None = None, written_since: int | None = None) -> Block:
    return Block(LIST, ACCOUNT, at, "test", members, max_size, written_since)


async def version(store: WatchedStore) -> int:
    return (await store.page(PageRequest(LIST, 10, NOW))).version


async def test_every_change_of_the_members_makes_a_larger_version(store: WatchedStore) -> None:
    versions = [await version(store)]

    for change in (block(BY_NUMBER), block(OTHER, at=NOW - 5), Unblock(LIST, ACCOUNT, NOW - 5, [BY_NUMBER])):
        await store.apply(change)
        versions.append(await version(store))

    assert versions == sorted(set(versions))


async def test_a_change_without_new_members_keeps_the_version(store: WatchedStore) -> None:
    await store.apply(block(BY_NUMBER))
    before = await version(store)

    await store.apply(block(BY_NUMBER, at=NOW + 5))
    await store.apply(Unblock(LIST, ACCOUNT, NOW + 6, [OTHER]))

    assert await version(store) == before


async def test_a_user_blocked_by_id_is_blocked_by_number_after_both_are_linked(store: WatchedStore) -> None:
    await store.apply(block(BY_ID))
    await store.apply(NoteInbound(LIST, ACCOUNT, NOW, [BY_BOTH]))

    blocked = await store.blocked(ACCOUNT, LIST, [BY_NUMBER, BY_ID, BY_BOTH, OTHER], NOW)

    assert [block is not None for block in blocked] == [True, True, True, False]


async def test_a_user_blocked_by_number_and_by_id_becomes_one_row(store: WatchedStore) -> None:
    await store.apply(block(BY_NUMBER))
    await store.apply(block(BY_ID, at=NOW + 1))
    before = await version(store)

    await store.apply(block(BY_BOTH, at=NOW + 2))

    rows = (await store.page(PageRequest(LIST, 10, NOW))).rows
    assert [(row.wa_id, row.user_id, row.blocked_at) for row in rows] == [("16505551234", USER_ID, NOW)]
    assert await version(store) > before


async def test_a_link_of_a_user_whose_block_has_expired_restores_nothing(store: WatchedStore) -> None:
    await store.apply(block(Member(USER_ID, None, USER_ID, USER_ID, expires_at=NOW + 10)))

    await store.apply(NoteInbound(LIST, ACCOUNT, NOW + 10, [BY_BOTH]))

    assert [block is not None for block in await store.blocked(ACCOUNT, LIST, [BY_BOTH], NOW)] == [False]


async def test_a_message_noted_by_id_counts_for_the_number(store: WatchedStore) -> None:
    await store.apply(NoteInbound(LIST, ACCOUNT, NOW, [BY_ID]))
    await store.apply(NoteInbound("106540352242923", ACCOUNT, NOW, [BY_BOTH]))

    outcome = await store.apply(block(BY_NUMBER, written_since=NOW))

    assert outcome.refused == {}


async def test_an_older_message_does_not_hide_a_newer_one(store: WatchedStore) -> None:
    await store.apply(NoteInbound(LIST, ACCOUNT, NOW, [BY_NUMBER]))
    await store.apply(NoteInbound(LIST, ACCOUNT, NOW - 5, [BY_NUMBER]))

    outcome = await store.apply(block(BY_NUMBER, written_since=NOW))

    assert outcome.refused == {}


async def test_an_expired_block_does_not_count_in_the_size(store: WatchedStore) -> None:
    await store.apply(block(OTHER))

    early = await store.apply(block(BY_NUMBER, at=NOW + 9, max_size=1))
    late = await store.apply(block(BY_NUMBER, at=NOW + 10, max_size=1))

    assert (early.refused, late.refused) == ({0: Refusal.LIST_FULL}, {})


async def test_a_sweep_deletes_expired_blocks_and_old_messages(store: WatchedStore) -> None:
    await store.apply(block(OTHER, BY_NUMBER))
    await store.apply(NoteInbound(LIST, ACCOUNT, NOW, [BY_ID]))

    await store.apply(Sweep(NOW + 10, NOW + 1))

    rows = (await store.page(PageRequest(LIST, 10, NOW))).rows
    assert [row.wa_id for row in rows] == ["16505551234"]
    assert (await store.apply(block(BY_ID, written_since=NOW))).refused == {0: Refusal.NOT_WRITTEN_LATELY}


async def test_a_failing_store_raises_and_changes_nothing(store: WatchedStore) -> None:
    store.is_failing = True

    with pytest.raises(BlocklistInternalError):
        await store.apply(block(BY_NUMBER))

    assert not await store.is_ready()
    store.is_failing = False
    assert [block is not None for block in await store.blocked(ACCOUNT, LIST, [BY_NUMBER], NOW)] == [False]


async def test_a_block_without_an_expiry_makes_one_with_an_expiry_permanent(store: WatchedStore) -> None:
    await store.apply(block(OTHER))

    await store.apply(block(msgspec.structs.replace(OTHER, expires_at=None)))

    assert [block is not None for block in await store.blocked(ACCOUNT, LIST, [OTHER], NOW + 10)] == [True]


async def test_a_request_cannot_link_a_user_id_to_another_number(store: WatchedStore) -> None:
    await store.apply(block(BY_BOTH))

    await store.apply(block(msgspec.structs.replace(OTHER, user_id=USER_ID), at=NOW + 1))

    rows = (await store.page(PageRequest(LIST, 10, NOW))).rows
    assert [(row.wa_id, row.user_id) for row in rows] == [("14155559876", None), ("16505551234", USER_ID)]


async def test_an_unblock_of_both_ids_removes_both_and_adds_no_link(store: WatchedStore) -> None:
    await store.apply(block(BY_NUMBER, BY_ID))

    await store.apply(Unblock(LIST, ACCOUNT, NOW, [BY_BOTH]))

    assert (await store.page(PageRequest(LIST, 10, NOW))).rows == []
    await store.apply(block(BY_ID))
    assert [block is not None for block in await store.blocked(ACCOUNT, LIST, [BY_NUMBER], NOW)] == [False]


async def test_a_link_from_a_block_is_on_the_existing_row(store: WatchedStore) -> None:
    await store.apply(block(BY_NUMBER))

    await store.apply(block(BY_BOTH))

    rows = (await store.page(PageRequest(LIST, 10, NOW))).rows
    assert [row.user_id for row in rows] == [USER_ID]


async def test_a_list_refuses_a_change_of_another_account(store: WatchedStore) -> None:
    await store.apply(block(BY_NUMBER))

    with pytest.raises(UnknownObject):
        await store.apply(Unblock(LIST, "another", NOW, [BY_NUMBER]))

    assert [block is not None for block in await store.blocked(ACCOUNT, LIST, [BY_NUMBER], NOW)] == [True]


async def test_a_user_who_changed_the_number_is_blocked_under_the_new_one(store: WatchedStore) -> None:
    await store.apply(block(BY_NUMBER))

    await store.apply(Carry(ACCOUNT, NOW + 1, BY_NUMBER, OTHER))

    assert list(await store.blocked(ACCOUNT, LIST, [BY_NUMBER, OTHER], NOW)) == [InForce(NOW), InForce(NOW)]


async def test_a_link_moves_a_user_id_to_another_number_and_copies_the_block(
    store: WatchedStore,
) -> None:
    await store.apply(block(BY_BOTH))

    await store.apply(Link(ACCOUNT, NOW + 1, [msgspec.structs.replace(OTHER, user_id=USER_ID)]))

    assert list(await store.blocked(ACCOUNT, LIST, [BY_NUMBER, BY_ID, OTHER], NOW)) == [InForce(NOW)] * 3


async def test_unlinked_returns_users_with_a_link_that_is_not_stored(store: WatchedStore) -> None:
    before = await store.unlinked(ACCOUNT, [BY_NUMBER, BY_ID, BY_BOTH])
    await store.apply(Link(ACCOUNT, NOW, [BY_BOTH]))

    assert (list(before), list(await store.unlinked(ACCOUNT, [BY_BOTH]))) == ([BY_BOTH], [])
