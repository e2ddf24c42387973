"""Pages of a list: newest first, with cursors that Meta's clients follow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.block_list.pages import forward, inputs, inputs_of, users
from tests.block_list.stopped_clock import SEED_MOMENT, StoppedClock
from tests.block_list.watched_store import WatchedStore

from wablock.block_list.ports import BusinessNumber
from wablock.block_list.rules import RuleBook
from wablock.block_list.service import BlockList
from wablock.contract import cursor, errors
from wablock.contract.wire import User

SEED_CURSOR = "eyJvZAmZAzZAXQiOjAsInZAlcnNpb25JZACI6IjE3Mzc2Nzk2ODgzODM1ODQifQZDZD"
NUMBER = BusinessNumber("106540352242922", "acme")


async def test_a_list_of_one_has_the_cursors_of_the_reference_page(
    block_list: BlockList, number: BusinessNumber
) -> None:
    await block_list.block(number, [User("+16505551234")], "test")

    listing = await block_list.page(number, 25, None, None)

    assert [row.wa_id for row in listing.page.rows] == ["16505551234"]
    assert (listing.before, listing.after) == (SEED_CURSOR, SEED_CURSOR)


async def test_an_empty_list_has_no_cursors(block_list: BlockList, number: BusinessNumber) -> None:
    listing = await block_list.page(number, 25, None, None)

    assert (inputs(listing), listing.before, listing.after) == ([], None, None)


async def test_an_emptied_list_has_no_cursors(block_list: BlockList, number: BusinessNumber) -> None:
    await block_list.block(number, users(1), "test")
    await block_list.unblock(number, users(1), "test")

    listing = await block_list.page(number, 25, None, None)

    assert (inputs(listing), listing.before, listing.after) == ([], None, None)


async def test_the_newest_block_comes_first(block_list: BlockList, number: BusinessNumber, clock: StoppedClock) -> None:
    await block_list.block(number, users(2), "test")
    clock.turn(1)
    await block_list.block(number, users(2, start=2), "test")

    listing = await block_list.page(number, 25, None, None)

    assert inputs(listing) == ["+16505550002", "+16505550003", "+16505550000", "+16505550001"]


async def test_a_page_has_no_more_users_than_its_limit(block_list: BlockList, number: BusinessNumber) -> None:
    await block_list.block(number, users(5), "test")

    listing = await block_list.page(number, 2, None, None)

    assert inputs(listing) == inputs_of(users(2))
    assert (listing.page.has_previous, listing.page.has_next) == (False, True)


async def test_a_page_without_details_has_the_same_users_and_cursors(
    block_list: BlockList, number: BusinessNumber
) -> None:
    await block_list.block(number, [User("+16505550000", reason="spam", expires_at=2_000_000_000), *users(2)], "test")
    whole = await block_list.page(number, 25, None, None)

    short = await block_list.page(number, 25, None, None, details=False)

    assert [row.wa_id for row in short.page.rows] == [row.wa_id for row in whole.page.rows]
    assert [row.reason for row in short.page.rows] == [None, None]
    assert (short.before, short.after) == (whole.before, whole.after)


async def test_before_marks_the_first_row_of_a_page_and_after_the_last(
    block_list: BlockList, number: BusinessNumber
) -> None:
    await block_list.block(number, users(5), "test")
    first = await block_list.page(number, 2, None, None)

    second = await block_list.page(number, 2, first.after, None)

    marks = [cursor.decode(text or "", number.phone_number_id) for text in (second.before, second.after)]
    assert [mark.offset for mark in marks] == [2, 3]
    assert [mark.seq for mark in marks] == [row.seq for row in second.page.rows]


async def test_an_empty_cursor_is_none(block_list: BlockList, number: BusinessNumber) -> None:
    await block_list.block(number, users(3), "test")

    assert await block_list.page(number, 2, "", "") == await block_list.page(number, 2, None, None)


async def test_the_page_before_the_second_page_is_the_first(block_list: BlockList, number: BusinessNumber) -> None:
    await block_list.block(number, users(5), "test")
    first = await block_list.page(number, 2, None, None)
    second = await block_list.page(number, 2, first.after, None)

    back = await block_list.page(number, 2, None, second.before)

    assert back == first


async def test_the_page_before_a_later_page_counts_its_offset_back(
    block_list: BlockList, number: BusinessNumber
) -> None:
    await block_list.block(number, users(6), "test")
    first = await block_list.page(number, 2, None, None)
    second = await block_list.page(number, 2, first.after, None)
    third = await block_list.page(number, 2, second.after, None)

    back = await block_list.page(number, 2, None, third.before)

    assert back == second


async def test_after_the_last_row_there_is_nothing(block_list: BlockList, number: BusinessNumber) -> None:
    await block_list.block(number, users(2), "test")
    only = await block_list.page(number, 2, None, None)

    listing = await block_list.page(number, 2, only.after, None)

    assert (inputs(listing), listing.before, listing.after) == ([], None, None)


@given(count=st.integers(min_value=0, max_value=30), limit=st.integers(min_value=1, max_value=31))
async def test_following_after_reads_every_user_once_and_in_order(count: int, limit: int) -> None:
    block_list = BlockList(WatchedStore(), RuleBook(), StoppedClock())
    await block_list.block(NUMBER, users(count), "test")

    assert await forward(block_list, NUMBER, limit) == inputs_of(users(count))


@pytest.mark.parametrize("parameter", ["after", "before"])
@pytest.mark.parametrize("text", ["undefined", "QVFIUm", SEED_CURSOR[:-1], "\x00"])
async def test_an_invalid_cursor_is_refused_with_the_name_of_its_parameter(
    block_list: BlockList, number: BusinessNumber, parameter: str, text: str
) -> None:
    after, before = (text, None) if parameter == "after" else (None, text)

    with pytest.raises(errors.InvalidParameter) as refused:
        await block_list.page(number, 25, after, before)

    assert refused.value.message == "(#100) Invalid parameter"
    assert (refused.value.details or "").startswith(f"The {parameter} cursor is not one of this list")


async def test_a_cursor_of_another_list_is_refused(
    block_list: BlockList, number: BusinessNumber, meta_number: BusinessNumber
) -> None:
    await block_list.block(number, users(3), "test")
    listing = await block_list.page(number, 2, None, None)

    with pytest.raises(errors.InvalidParameter):
        await block_list.page(meta_number, 2, listing.after, None)


async def test_a_cursor_of_a_future_version_is_refused(block_list: BlockList, number: BusinessNumber) -> None:
    with pytest.raises(errors.InvalidParameter) as refused:
        await block_list.page(number, 25, SEED_CURSOR, None)

    assert "after cursor is not one of this list" in (refused.value.details or "")


async def test_after_and_before_together_are_refused(block_list: BlockList, number: BusinessNumber) -> None:
    await block_list.block(number, users(3), "test")
    listing = await block_list.page(number, 2, None, None)

    with pytest.raises(errors.InvalidParameter) as refused:
        await block_list.page(number, 2, listing.after, listing.before)

    assert refused.value.details == "Send after or before, not both."


async def test_a_cursor_stays_valid_after_changes(
    block_list: BlockList, number: BusinessNumber, clock: StoppedClock
) -> None:
    await block_list.block(number, users(4), "test")
    first = await block_list.page(number, 2, None, None)
    clock.turn(365 * 86_400)

    second = await block_list.page(number, 2, first.after, None)

    assert inputs(second) == inputs_of(users(2, start=2))


async def test_an_expired_block_is_on_no_page(
    block_list: BlockList, number: BusinessNumber, clock: StoppedClock
) -> None:
    expires_at = SEED_MOMENT // 1_000_000 + 60
    await block_list.block(number, [User("+16505550000", expires_at=expires_at), *users(1, start=1)], "test")
    clock.turn(61)

    listing = await block_list.page(number, 25, None, None)

    assert inputs(listing) == ["+16505550001"]
