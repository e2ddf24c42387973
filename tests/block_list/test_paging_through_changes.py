"""A list that changes while a client pages through it: `open` rules continue, `meta` rules fail with 139102."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.block_list.pages import forward, inputs, inputs_of, users
from tests.block_list.stopped_clock import StoppedClock
from tests.block_list.watched_store import WatchedStore

from wablock.block_list.ports import BusinessNumber, Rules
from wablock.block_list.rules import RuleBook
from wablock.block_list.service import BlockList
from wablock.contract import cursor, errors

NUMBER = BusinessNumber("106540352242922", "acme")
OPEN_NUMBER = BusinessNumber("106540352242924", "acme", rules=Rules.OPEN)


async def test_under_metas_rules_a_new_block_fails_the_next_page(
    block_list: BlockList, meta_number: BusinessNumber
) -> None:
    await block_list.note_inbound(meta_number, users(5), None)
    await block_list.block(meta_number, users(4), "test")
    first = await block_list.page(meta_number, 2, None, None)
    await block_list.block(meta_number, users(1, start=4), "test")

    with pytest.raises(errors.BlocklistConcurrentUpdate):
        await block_list.page(meta_number, 2, first.after, None)


async def test_under_metas_rules_an_unblock_fails_the_page_before(
    block_list: BlockList, meta_number: BusinessNumber
) -> None:
    await block_list.note_inbound(meta_number, users(4), None)
    await block_list.block(meta_number, users(4), "test")
    first = await block_list.page(meta_number, 2, None, None)
    second = await block_list.page(meta_number, 2, first.after, None)
    await block_list.unblock(meta_number, users(1), "test")

    with pytest.raises(errors.BlocklistConcurrentUpdate):
        await block_list.page(meta_number, 2, None, second.before)


async def test_under_metas_rules_starting_again_after_a_change_reads_the_whole_list(
    block_list: BlockList, meta_number: BusinessNumber
) -> None:
    await block_list.note_inbound(meta_number, users(4), None)
    await block_list.block(meta_number, users(4), "test")
    await block_list.page(meta_number, 2, None, None)
    await block_list.unblock(meta_number, users(1), "test")

    assert await forward(block_list, meta_number, 2) == inputs_of(users(3, start=1))


async def test_under_metas_rules_a_change_without_new_members_does_not_fail_paging(
    block_list: BlockList, meta_number: BusinessNumber, number: BusinessNumber
) -> None:
    await block_list.note_inbound(meta_number, users(4), None)
    await block_list.block(meta_number, users(4), "test")
    first = await block_list.page(meta_number, 2, None, None)
    await block_list.block(meta_number, users(4), "test")
    await block_list.unblock(meta_number, users(1, start=9), "test")
    await block_list.block(number, users(1), "test")

    second = await block_list.page(meta_number, 2, first.after, None)

    assert inputs(second) == inputs_of(users(2, start=2))


async def test_a_number_may_have_open_rules_on_a_server_with_metas_rules(
    store: WatchedStore, clock: StoppedClock
) -> None:
    block_list = BlockList(store, RuleBook(default=Rules.META), clock)
    await block_list.block(OPEN_NUMBER, users(4), "test")
    first = await block_list.page(OPEN_NUMBER, 2, None, None)
    await block_list.unblock(OPEN_NUMBER, users(1), "test")

    second = await block_list.page(OPEN_NUMBER, 2, first.after, None)

    assert inputs(second) == inputs_of(users(2, start=2))


async def test_under_open_rules_the_users_before_a_cursor_may_all_be_gone(
    block_list: BlockList, number: BusinessNumber
) -> None:
    await block_list.block(number, users(4), "test")
    first = await block_list.page(number, 2, None, None)
    await block_list.unblock(number, users(2), "test")

    second = await block_list.page(number, 2, first.after, None)

    assert inputs(second) == inputs_of(users(2, start=2))
    assert cursor.decode(second.before or "", number.phone_number_id).offset == 0


async def test_under_open_rules_the_page_before_has_newer_blocks(
    block_list: BlockList, number: BusinessNumber, clock: StoppedClock
) -> None:
    await block_list.block(number, users(2), "test")
    first = await block_list.page(number, 2, None, None)
    clock.turn(1)
    await block_list.block(number, users(3, start=2), "test")

    newer = await block_list.page(number, 2, None, first.before)

    assert inputs(newer) == ["+16505550003", "+16505550004"]
    assert newer.page.has_previous
    assert cursor.decode(newer.before or "", number.phone_number_id).offset == 0


@given(
    limit=st.integers(min_value=1, max_value=5),
    changes=st.lists(
        st.tuples(st.booleans(), st.sets(st.integers(min_value=0, max_value=19), max_size=4)), max_size=25
    ),
)
async def test_under_open_rules_no_user_who_stays_is_skipped_or_repeated(
    limit: int, changes: list[tuple[bool, set[int]]]
) -> None:
    clock = StoppedClock()
    block_list = BlockList(WatchedStore(), RuleBook(), clock)
    await block_list.block(NUMBER, users(10), "test")
    stay = {f"+1650555{index:04}" for index in range(10)}
    texts: list[str] = []
    removed: set[str] = set()

    after: str | None = None
    waiting = list(changes)
    while True:
        listing = await block_list.page(NUMBER, limit, after, None)
        texts += inputs(listing)
        if not listing.page.has_next:
            break
        after = listing.after
        if waiting:
            clock.turn(1)
            blocks, indexes = waiting.pop()
            some = [user for index in sorted(indexes) for user in users(1, start=index)]
            if blocks:
                await block_list.block(NUMBER, some, "test")
            else:
                await block_list.unblock(NUMBER, some, "test")
                removed |= {user.user or "" for user in some}

    assert len(texts) == len(set(texts))
    assert stay - removed <= set(texts)
