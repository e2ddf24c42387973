"""The `meta` rules: only users who wrote in the last 24 hours can be blocked, and no more than 64,000 users."""

import pytest
from tests.block_list.stopped_clock import SEED_MOMENT, StoppedClock
from tests.block_list.watched_store import WatchedStore

from wablock.block_list.changes import Block, NoteInbound
from wablock.block_list.ports import BusinessNumber, Member
from wablock.block_list.service import BlockList
from wablock.contract import errors
from wablock.contract.wire import User

ANNA, BEN, CARL = User("+16505551234"), User("+14155559876"), User("+442071838750")
DAY = 24 * 3_600
USER_ID = "US.13491208655302741918"


async def test_a_user_who_has_not_written_is_refused_as_meta_does(
    block_list: BlockList, meta_number: BusinessNumber
) -> None:
    result = await block_list.block(meta_number, [ANNA], "test")

    failed = result.failed[0]
    assert (failed.input, failed.wa_id) == ("+16505551234", "16505551234")
    assert [(error.message, error.code, error.error_data.details) for error in failed.errors] == [
        ("Re-engagement required", 131047, "User has not messaged in the last 24 hours")
    ]
    assert await block_list.is_blocked(meta_number, [ANNA]) == [False]


async def test_a_user_who_is_refused_by_user_id_fails_under_it(
    block_list: BlockList, meta_number: BusinessNumber
) -> None:
    result = await block_list.block(meta_number, [User(user_id=USER_ID)], "test")

    failed = result.failed[0]
    assert (failed.input, failed.user_id) == (USER_ID, USER_ID)
    assert not failed.wa_id


async def test_a_user_who_wrote_can_be_blocked_for_24_hours(
    block_list: BlockList, meta_number: BusinessNumber, clock: StoppedClock
) -> None:
    await block_list.note_inbound(meta_number, [ANNA], None)
    clock.turn(DAY)

    result = await block_list.block(meta_number, [ANNA], "test")

    assert (len(result.done), result.failed) == (1, [])


async def test_a_user_who_wrote_more_than_24_hours_ago_is_refused(
    block_list: BlockList, meta_number: BusinessNumber, clock: StoppedClock
) -> None:
    await block_list.note_inbound(meta_number, [ANNA], None)
    clock.turn(DAY + 0.000001)

    result = await block_list.block(meta_number, [ANNA], "test")

    assert [failed.input for failed in result.failed] == ["+16505551234"]


async def test_a_message_in_one_spelling_lets_the_other_be_blocked(
    block_list: BlockList, meta_number: BusinessNumber
) -> None:
    await block_list.note_inbound(meta_number, [User("+551187654321")], None)

    result = await block_list.block(meta_number, [User("+5511987654321")], "test")

    assert [done.wa_id for done in result.done] == ["5511987654321"]


async def test_a_message_to_another_number_does_not_count(
    block_list: BlockList, number: BusinessNumber, meta_number: BusinessNumber
) -> None:
    await block_list.note_inbound(number, [ANNA], None)

    result = await block_list.block(meta_number, [ANNA], "test")

    assert [failed.input for failed in result.failed] == ["+16505551234"]


async def test_refused_and_invalid_users_fail_in_the_order_of_the_request(
    block_list: BlockList, meta_number: BusinessNumber
) -> None:
    await block_list.note_inbound(meta_number, [BEN], None)

    result = await block_list.block(meta_number, [ANNA, User("anna"), BEN, User("+16505550101"), CARL], "test")

    assert [(failed.input, failed.errors[0].code) for failed in result.failed] == [
        ("+16505551234", 131047),
        ("anna", 131047),
        ("+16505550101", 131021),
        ("+442071838750", 131047),
    ]
    assert [done.input for done in result.done] == ["+14155559876"]


async def test_blocking_again_needs_no_window(
    block_list: BlockList, meta_number: BusinessNumber, clock: StoppedClock
) -> None:
    await block_list.note_inbound(meta_number, [ANNA], None)
    await block_list.block(meta_number, [ANNA], "test")
    clock.turn(2 * DAY)

    result = await block_list.block(meta_number, [ANNA], "test")

    assert (len(result.done), result.failed) == (1, [])


async def test_unblocking_needs_no_window(
    block_list: BlockList, meta_number: BusinessNumber, clock: StoppedClock
) -> None:
    await block_list.note_inbound(meta_number, [ANNA], None)
    await block_list.block(meta_number, [ANNA], "test")
    clock.turn(2 * DAY)

    await block_list.unblock(meta_number, [ANNA], "test")

    assert await block_list.is_blocked(meta_number, [ANNA]) == [False]


async def test_user_64001_is_refused_and_named(
    block_list: BlockList, meta_number: BusinessNumber, store: WatchedStore
) -> None:
    members = [Member(f"1650{index:07}", f"1650{index:07}", None, f"1650{index:07}") for index in range(63_999)]
    await store.apply(Block(meta_number.phone_number_id, "acme", SEED_MOMENT - 1, "test", members))
    await block_list.note_inbound(meta_number, [BEN, CARL], None)

    result = await block_list.block(meta_number, [BEN, CARL], "test")

    assert [done.input for done in result.done] == ["+14155559876"]
    assert [(failed.input, failed.errors[0].code) for failed in result.failed] == [("+442071838750", 139101)]


async def test_a_message_counts_from_when_it_was_sent(block_list: BlockList, meta_number: BusinessNumber) -> None:
    await block_list.note_inbound(meta_number, [ANNA], SEED_MOMENT - (DAY + 1) * 1_000_000)

    result = await block_list.block(meta_number, [ANNA], "test")

    assert [failed.input for failed in result.failed] == ["+16505551234"]


async def test_a_message_time_slightly_in_the_future_is_stored_as_now(
    block_list: BlockList, meta_number: BusinessNumber, store: WatchedStore
) -> None:
    await block_list.note_inbound(meta_number, [ANNA], SEED_MOMENT + 300 * 1_000_000)

    change = store.applied[0]
    assert isinstance(change, NoteInbound)
    assert change.at == SEED_MOMENT


async def test_a_message_from_the_far_future_is_refused(
    block_list: BlockList, meta_number: BusinessNumber, store: WatchedStore
) -> None:
    with pytest.raises(errors.InvalidParameter, match="at is in the future"):
        await block_list.note_inbound(meta_number, [ANNA], SEED_MOMENT + 300 * 1_000_000 + 1)

    assert store.applied == []


async def test_a_sweep_keeps_every_message_that_still_counts(
    block_list: BlockList, meta_number: BusinessNumber, clock: StoppedClock
) -> None:
    await block_list.note_inbound(meta_number, [ANNA], None)
    clock.turn(DAY)

    await block_list.sweep()

    result = await block_list.block(meta_number, [ANNA], "test")
    assert (len(result.done), result.failed) == (1, [])


async def test_a_sweep_changes_nothing_that_a_caller_sees(
    block_list: BlockList, number: BusinessNumber, clock: StoppedClock
) -> None:
    await block_list.block(number, [ANNA, User("+14155559876", expires_at=SEED_MOMENT // 1_000_000 + 60)], "test")
    clock.turn(120)
    before = await block_list.page(number, 10, None, None)

    await block_list.sweep()

    assert await block_list.page(number, 10, None, None) == before
