"""Shared lists: which block is in force, and which blocks an allow list refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.block_list.watched_store import WatchedStore

from wablock.block_list.ports import BusinessNumber, Effect, InForce
from wablock.block_list.service import BlockList
from wablock.block_list.shared_lists import AttachedList, Attachment, ListKind, SharedList, in_force_on, is_own
from wablock.contract.wire import User

ANNA, BEN, CARA = User("+16505550101"), User("+16505550102"), User("12x")

Found = tuple[AttachedList, InForce]
_entries = st.builds(InForce, st.integers(1, 5), st.none() | st.sampled_from(["spam", "abuse"]))


def _attached(place: int, kind: ListKind) -> AttachedList:
    return AttachedList(f"list_{place}", kind, f"list {place}")


_shared = st.lists(st.tuples(st.sampled_from(ListKind), _entries), max_size=5).map(
    lambda found: [(_attached(place, kind), entry) for place, (kind, entry) in enumerate(found)]
)
_blocking = st.lists(_entries, max_size=5).map(
    lambda entries: [(_attached(place, ListKind.BLOCK), entry) for place, entry in enumerate(entries)]
)


@given(own=st.none() | _entries, shared=_shared)
def test_a_user_is_blocked_if_any_list_has_the_user_and_no_allow_list_has(
    own: InForce | None, shared: list[Found]
) -> None:
    block = in_force_on(own, shared)

    is_allowed = any(attached.kind is ListKind.ALLOW for attached, _ in shared)
    assert (block is not None) is (not is_allowed and (own is not None or shared != []))


@given(own=st.none() | _entries, shared=_blocking)
def test_the_earliest_block_is_in_force_with_the_details_of_its_list(own: InForce | None, shared: list[Found]) -> None:
    block = in_force_on(own, shared)

    if block is None:
        assert (own, shared) == (None, [])
        return
    assert block.blocked_at == min(entry.blocked_at for entry in (own, *(it for _, it in shared)) if entry is not None)
    if block.list_id is None:
        assert block == own
    else:
        (entry,) = (entry for attached, entry in shared if attached.list_id == block.list_id)
        assert (block.blocked_at, block.reason) == (entry.blocked_at, entry.reason)
        assert block.list_name == block.list_id.replace("_", " ")


@given(entry=_entries, shared=_blocking)
def test_the_numbers_own_list_is_named_before_others_of_the_same_time(entry: InForce, shared: list[Found]) -> None:
    shared = [(attached, InForce(max(entry.blocked_at, it.blocked_at))) for attached, it in shared]

    assert in_force_on(entry, shared) == entry


def test_a_list_whose_id_is_a_number_is_a_numbers_own() -> None:
    assert is_own("106540352242922")
    assert not is_own("list_5f2c9a10b7e34d86")


@pytest.fixture
async def vip(store: WatchedStore, block_list: BlockList, number: BusinessNumber) -> BusinessNumber:
    """An allow list that is attached to all numbers, with Anna."""
    shared = SharedList("list_vip", number.account_id, ListKind.ALLOW, "VIP", 1)
    await store.add_list(shared)
    await store.attach(Attachment(number.account_id, shared.list_id, None, 1))
    listed = BusinessNumber(shared.list_id, number.account_id)
    await block_list.block(listed, [ANNA], "test")
    return listed


@pytest.mark.usefixtures("vip")
async def test_a_user_on_an_allow_list_is_not_blocked_and_the_failure_names_the_list(
    block_list: BlockList, number: BusinessNumber
) -> None:
    result = await block_list.block(number, [CARA, ANNA, BEN], "test")

    assert [user.input for user in result.done] == [BEN.user]
    assert result.effects == [Effect.ADDED]
    assert [user.input for user in result.failed] == [CARA.user, ANNA.user]
    (error,) = result.failed[1].errors
    assert (error.code, error.message) == (139100, "User is on an allow list")
    assert error.error_data.details.startswith("The allow list VIP has this user")
    assert await block_list.is_blocked(number, [ANNA, BEN]) == [False, True]


async def test_a_user_who_left_the_allow_list_can_be_blocked(
    block_list: BlockList, number: BusinessNumber, vip: BusinessNumber
) -> None:
    await block_list.unblock(vip, [ANNA], "test")

    result = await block_list.block(number, [ANNA], "test")

    assert result.failed == []
    assert await block_list.is_blocked(number, [ANNA]) == [True]
