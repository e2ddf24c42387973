"""Blocking: the result for each user of a request, in the order of the request."""

import re

import pytest
from tests.block_list.stopped_clock import SEED_MOMENT, StoppedClock
from tests.block_list.watched_store import WatchedStore

from wablock.block_list.changes import Block, Link
from wablock.block_list.ports import BusinessNumber, Member
from wablock.block_list.rules import RuleBook
from wablock.block_list.service import BlockList
from wablock.contract import errors
from wablock.contract.errors import InvalidParameter
from wablock.contract.wire import BlockedUserOperation, User

ANNA, BEN, CARL = User("+16505551234"), User("+14155559876"), User("+442071838750")
USER_ID = "US.13491208655302741918"
PARENT = "US.ENT.11815799212886844830"


async def wa_ids(block_list: BlockList, number: BusinessNumber) -> list[str | None]:
    return [row.wa_id for row in (await block_list.page(number, 100, None, None)).page.rows]


async def test_the_example_of_the_reference_page_succeeds_on_a_new_server(
    block_list: BlockList, number: BusinessNumber
) -> None:
    result = await block_list.block(number, [ANNA], "test")

    assert (result.done, result.failed) == ([BlockedUserOperation("+16505551234", "16505551234")], [])
    assert await block_list.is_blocked(number, [ANNA]) == [True]


async def test_results_are_in_the_order_of_the_request(block_list: BlockList, number: BusinessNumber) -> None:
    result = await block_list.block(number, [CARL, ANNA, BEN], "test")

    assert [done.wa_id for done in result.done] == ["442071838750", "16505551234", "14155559876"]


async def test_the_input_is_echoed_unchanged(block_list: BlockList, number: BusinessNumber) -> None:
    result = await block_list.block(number, [User(" +1 (650) 555-1234 ")], "test")

    assert result.done == [BlockedUserOperation(" +1 (650) 555-1234 ", "16505551234")]


async def test_invalid_users_fail_in_the_order_of_the_request(block_list: BlockList, number: BusinessNumber) -> None:
    result = await block_list.block(number, [User("anna"), ANNA, User("+9991234567"), BEN, User("")], "test")

    assert [failed.input for failed in result.failed] == ["anna", "+9991234567", ""]
    assert [done.input for done in result.done] == ["+16505551234", "+14155559876"]


async def test_an_invalid_user_has_an_error_with_the_reason_and_no_wa_id(
    block_list: BlockList, number: BusinessNumber
) -> None:
    result = await block_list.block(number, [User("anna")], "test")

    error = result.failed[0].errors[0]
    assert (error.code, error.error_data.details) == (
        131047,
        "Not a valid WhatsApp user: 'anna' has no digits. Write a phone number, such as +16505551234.",
    )
    assert not result.failed[0].wa_id


@pytest.mark.parametrize(
    "user, place", [(User(user_id=PARENT), "block_users[1][user_id]"), (User(PARENT), "block_users[1][user]")]
)
async def test_a_parent_id_fails_the_request_and_nothing_is_changed(
    block_list: BlockList, store: WatchedStore, number: BusinessNumber, user: User, place: str
) -> None:
    for change in (
        block_list.block(number, [User(user_id=USER_ID), user], "test"),
        block_list.unblock(number, [user], "test"),
    ):
        with pytest.raises(InvalidParameter, match="cannot be a parent user id") as refusal:
            await change
        assert PARENT in refusal.value.message

    assert store.applied == []
    with pytest.raises(InvalidParameter, match=re.escape(f"Param {place} cannot be")):
        await block_list.block(number, [User(user_id=USER_ID), user], "test")


async def test_an_inbound_message_by_a_parent_id_is_refused(
    block_list: BlockList, store: WatchedStore, number: BusinessNumber
) -> None:
    with pytest.raises(InvalidParameter, match=re.escape("Param users[1] cannot be a parent user id")):
        await block_list.note_inbound(number, [User(user_id=USER_ID), User(user_id=PARENT)], None)

    assert store.applied == []


async def test_a_check_by_a_parent_id_finds_the_user_that_a_webhook_linked_to_it(
    block_list: BlockList, store: WatchedStore, number: BusinessNumber
) -> None:
    user = Member(USER_ID, None, USER_ID, USER_ID, parent_user_id=PARENT)
    await store.apply(Link(number.account_id, SEED_MOMENT, [user]))
    await block_list.block(number, [User(user_id=USER_ID)], "test")

    members, failed = block_list.members(number, [User("anna"), User(user_id=PARENT)], may_be_parent=True)

    assert [user.input for user in failed] == ["anna"]
    assert [block is not None for block in await block_list.in_force(number, members)] == [True]


async def test_a_parent_id_beside_a_number_is_ignored(block_list: BlockList, number: BusinessNumber) -> None:
    result = await block_list.block(number, [User("+16505551234", PARENT)], "test")

    assert result.done == [BlockedUserOperation("+16505551234", "16505551234")]


async def test_a_user_blocked_by_user_id_has_the_user_id_in_the_result(
    block_list: BlockList, number: BusinessNumber
) -> None:
    result = await block_list.block(number, [User(user_id=USER_ID)], "test")

    assert result.done == [BlockedUserOperation(USER_ID, user_id=USER_ID)]


async def test_a_user_with_both_ids_has_the_number_in_the_result_and_is_blocked_by_either(
    block_list: BlockList, number: BusinessNumber
) -> None:
    result = await block_list.block(number, [User("+16505551234", USER_ID)], "test")

    assert result.done == [BlockedUserOperation("+16505551234", "16505551234")]
    assert await block_list.is_blocked(number, [ANNA, User(user_id=USER_ID)]) == [True, True]


async def test_blocking_twice_succeeds_and_changes_nothing(
    block_list: BlockList, number: BusinessNumber, clock: StoppedClock
) -> None:
    await block_list.block(number, [ANNA], "test")
    before = await block_list.page(number, 10, None, None)
    clock.turn(60)

    result = await block_list.block(number, [ANNA], "test")

    assert (len(result.done), result.failed) == (1, [])
    assert await block_list.page(number, 10, None, None) == before


async def test_a_user_named_twice_in_a_request_has_one_result_for_each(
    block_list: BlockList, number: BusinessNumber
) -> None:
    result = await block_list.block(number, [ANNA, User("1 650 555 1234")], "test")

    assert [done.input for done in result.done] == ["+16505551234", "1 650 555 1234"]
    assert await wa_ids(block_list, number) == ["16505551234"]


async def test_a_request_without_users_succeeds_without_the_store(
    block_list: BlockList, number: BusinessNumber, store: WatchedStore
) -> None:
    result = await block_list.block(number, [], "test")

    assert (result.done, result.failed) == ([], [])
    assert store.applied == []


async def test_a_request_with_only_invalid_users_does_not_use_the_store(
    block_list: BlockList, number: BusinessNumber, store: WatchedStore
) -> None:
    await block_list.block(number, [User("anna")], "test")

    assert store.applied == []


async def test_one_request_is_one_change_of_the_store(
    block_list: BlockList, number: BusinessNumber, store: WatchedStore
) -> None:
    await block_list.block(number, [ANNA, BEN, CARL], "test")

    assert len(store.applied) == 1


async def test_a_national_number_is_read_as_one_of_the_business_numbers_country(
    block_list: BlockList, number: BusinessNumber
) -> None:
    result = await block_list.block(number, [User("(650) 555-0109"), User("020 7183 8750")], "test")

    assert result.done == [BlockedUserOperation("(650) 555-0109", "16505550109")]
    assert [failed.input for failed in result.failed] == ["020 7183 8750"]


async def test_the_lists_of_two_numbers_are_separate(
    block_list: BlockList, number: BusinessNumber, meta_number: BusinessNumber
) -> None:
    await block_list.block(number, [ANNA], "test")

    assert await block_list.is_blocked(meta_number, [ANNA]) == [False]


@pytest.mark.parametrize("own", ["+1 650 555 0100", "16505550100", "(650) 555-0100"])
async def test_the_business_cannot_block_its_own_number(
    block_list: BlockList, number: BusinessNumber, own: str
) -> None:
    result = await block_list.block(number, [ANNA, User(own)], "test")

    assert [done.input for done in result.done] == ["+16505551234"]
    assert [(failed.input, failed.wa_id, failed.errors[0].code) for failed in result.failed] == [
        (own, "16505550100", 131021)
    ]


@pytest.mark.parametrize(
    "own, text",
    [("5511987654321", "+551187654321"), ("551187654321", "+5511987654321"), ("5491123456789", "+541123456789")],
)
async def test_the_business_cannot_block_its_own_number_in_its_other_spelling(
    block_list: BlockList, own: str, text: str
) -> None:
    number = BusinessNumber("106540352242922", "acme", wa_id=own)

    result = await block_list.block(number, [User(text)], "test")

    assert [(failed.wa_id, failed.errors[0].code) for failed in result.failed] == [(text[1:], 131021)]


async def test_a_business_number_without_a_known_number_refuses_no_user_as_its_own(block_list: BlockList) -> None:
    number = BusinessNumber("106540352242922", "acme")

    result = await block_list.block(number, [ANNA], "test")

    assert (len(result.done), result.failed) == (1, [])


async def test_both_spellings_of_a_user_are_blocked_and_the_input_is_stored(
    block_list: BlockList, number: BusinessNumber
) -> None:
    await block_list.block(number, [User("+5511987654321")], "test")

    assert await block_list.is_blocked(number, [User("+551187654321"), User("+5511987654321")]) == [True, True]
    assert await wa_ids(block_list, number) == ["5511987654321"]


async def test_an_expiry_in_the_past_fails_the_request_and_blocks_no_one(
    block_list: BlockList, number: BusinessNumber, store: WatchedStore, clock: StoppedClock
) -> None:
    clock.now = 1_737_679_688_000_000

    with pytest.raises(errors.InvalidParameter, match=r"block_users\[1\]\[expires_at\] must be in the future"):
        await block_list.block(number, [ANNA, User("+14155559876", expires_at=1_737_679_688)], "test")

    assert store.applied == []


async def test_a_block_holds_until_it_expires(
    block_list: BlockList, number: BusinessNumber, clock: StoppedClock
) -> None:
    expires_at = SEED_MOMENT // 1_000_000 + 60
    await block_list.block(number, [User("+16505551234", expires_at=expires_at)], "test")

    clock.now = expires_at * 1_000_000 - 1
    just_before = await block_list.is_blocked(number, [ANNA])
    clock.now = expires_at * 1_000_000
    then = await block_list.is_blocked(number, [ANNA])

    assert (just_before, then) == ([True], [False])


async def test_the_details_of_a_block_are_stored(block_list: BlockList, number: BusinessNumber) -> None:
    user = User("+16505551234", USER_ID, reason="spam", note="third time", expires_at=2_000_000_000)

    await block_list.block(number, [user], "support")

    row = (await block_list.page(number, 1, None, None)).page.rows[0]
    assert (row.input, row.wa_id, row.user_id) == ("+16505551234", "16505551234", USER_ID)
    assert (row.reason, row.note, row.expires_at) == ("spam", "third time", 2_000_000_000_000_000)
    assert (row.blocked_by, row.blocked_at) == ("support", SEED_MOMENT)


async def test_under_open_rules_every_user_can_be_blocked_without_a_limit(
    block_list: BlockList, number: BusinessNumber, store: WatchedStore
) -> None:
    await block_list.block(number, [ANNA], "test")

    change = store.applied[0]
    assert isinstance(change, Block)
    assert (change.max_size, change.written_since) == (None, None)


async def test_blocking_past_the_limit_names_each_refused_user(
    store: WatchedStore, clock: StoppedClock, number: BusinessNumber
) -> None:
    block_list = BlockList(store, RuleBook(open_list_size=2), clock)

    result = await block_list.block(number, [ANNA, User("anna"), BEN, CARL], "test")

    assert [done.input for done in result.done] == ["+16505551234", "+14155559876"]
    assert [(failed.input, failed.errors[0].code) for failed in result.failed] == [
        ("anna", 131047),
        ("+442071838750", 139101),
    ]
