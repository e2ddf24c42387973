"""Links between the ids of users, learned from webhooks through the block list."""

from tests.block_list.stopped_clock import StoppedClock
from tests.block_list.watched_store import WatchedStore

from wablock.block_list.changes import Carry, Link
from wablock.block_list.ports import BusinessNumber, Member
from wablock.block_list.service import BlockList
from wablock.contract.wire import User

USER_ID = "US.13491208655302741918"
BY_NUMBER = Member("16505551234", "16505551234", None, "16505551234")
BY_ID = Member(USER_ID, None, USER_ID, USER_ID)
BY_BOTH = Member("16505551234", "16505551234", USER_ID, "16505551234")
OTHER = Member("14155559876", "14155559876", None, "14155559876")


async def test_a_block_by_number_holds_by_the_user_id_that_is_learned(
    block_list: BlockList, number: BusinessNumber
) -> None:
    await block_list.block(number, [User("+16505551234")], "test")

    await block_list.learn(number.account_id, [BY_BOTH])

    assert [block is not None for block in await block_list.in_force(number, [BY_ID])] == [True]


async def test_a_stored_link_is_not_written_again(
    block_list: BlockList, number: BusinessNumber, store: WatchedStore, clock: StoppedClock
) -> None:
    await block_list.learn(number.account_id, [BY_BOTH])

    await block_list.learn(number.account_id, [BY_BOTH, OTHER])

    assert store.applied == [Link(number.account_id, clock(), [BY_BOTH])]


async def test_users_with_one_id_add_no_link(
    block_list: BlockList, number: BusinessNumber, store: WatchedStore
) -> None:
    await block_list.learn(number.account_id, [BY_NUMBER, BY_ID])

    assert store.applied == []


async def test_a_user_who_changed_the_number_stays_blocked(
    block_list: BlockList, number: BusinessNumber, store: WatchedStore, clock: StoppedClock
) -> None:
    await block_list.block(number, [User("+16505551234")], "test")

    await block_list.carry(number.account_id, BY_NUMBER, OTHER)

    assert store.applied[-1] == Carry(number.account_id, clock(), BY_NUMBER, OTHER)
    assert await block_list.is_blocked(number, [User("+14155559876")]) == [True]


async def test_a_message_from_a_webhook_opens_the_window(
    block_list: BlockList, meta_number: BusinessNumber, clock: StoppedClock
) -> None:
    await block_list.note_messages(meta_number, [(BY_NUMBER, clock()), (OTHER, clock() - 25 * 3_600 * 1_000_000)])

    result = await block_list.block(meta_number, [User("+16505551234"), User("+14155559876")], "test")

    assert [user.input for user in result.done] == ["+16505551234"]
    assert [user.input for user in result.failed] == ["+14155559876"]
