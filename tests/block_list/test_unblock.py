"""Unblocking by any spelling or id. A user who is not blocked does not fail."""

import pytest
from tests.block_list.watched_store import WatchedStore

from wablock.block_list.ports import BusinessNumber
from wablock.block_list.service import BlockList
from wablock.contract.errors import BlocklistInternalError, NotAWhatsAppUser
from wablock.contract.wire import BlockedUserOperation, User

ANNA, BEN = User("+16505551234"), User("+14155559876")
USER_ID = "US.13491208655302741918"


async def test_an_unblocked_user_is_not_blocked(block_list: BlockList, number: BusinessNumber) -> None:
    await block_list.block(number, [ANNA, BEN], "test")

    result = await block_list.unblock(number, [ANNA], "test")

    assert result.done == [BlockedUserOperation("+16505551234", "16505551234")]
    assert await block_list.is_blocked(number, [ANNA, BEN]) == [False, True]


async def test_unblocking_a_stranger_succeeds(block_list: BlockList, number: BusinessNumber) -> None:
    result = await block_list.unblock(number, [ANNA], "test")

    assert (result.done, result.failed) == ([BlockedUserOperation("+16505551234", "16505551234")], [])


@pytest.mark.parametrize(
    "blocked, unblocked",
    [
        ("+16505551234", "1-650-555-1234"),
        ("+5511987654321", "+551187654321"),
        ("+551187654321", "+5511987654321"),
        ("+5215512345678", "+525512345678"),
        ("+541123456789", "+5491123456789"),
    ],
)
async def test_any_spelling_unblocks_a_user(
    block_list: BlockList, number: BusinessNumber, blocked: str, unblocked: str
) -> None:
    await block_list.block(number, [User(blocked)], "test")

    await block_list.unblock(number, [User(unblocked)], "test")

    assert await block_list.is_blocked(number, [User(blocked), User(unblocked)]) == [False, False]


async def test_a_user_blocked_by_both_is_unblocked_by_the_id(block_list: BlockList, number: BusinessNumber) -> None:
    await block_list.block(number, [User("+16505551234", USER_ID)], "test")

    result = await block_list.unblock(number, [User(user_id=USER_ID)], "test")

    assert result.done == [BlockedUserOperation(USER_ID, user_id=USER_ID)]
    assert await block_list.is_blocked(number, [ANNA]) == [False]


async def test_an_invalid_user_fails_beside_those_who_are_unblocked(
    block_list: BlockList, number: BusinessNumber
) -> None:
    await block_list.block(number, [ANNA, BEN], "test")

    result = await block_list.unblock(number, [User("anna"), ANNA, User(""), BEN], "test")

    assert [failed.input for failed in result.failed] == ["anna", ""]
    assert await block_list.is_blocked(number, [ANNA, BEN]) == [False, False]


async def test_an_expiry_in_the_past_does_not_fail_an_unblock(block_list: BlockList, number: BusinessNumber) -> None:
    await block_list.block(number, [ANNA], "test")

    await block_list.unblock(number, [User("+16505551234", expires_at=1)], "test")

    assert await block_list.is_blocked(number, [ANNA]) == [False]


async def test_a_storage_failure_fails_the_whole_request_and_changes_nothing(
    block_list: BlockList, number: BusinessNumber, store: WatchedStore
) -> None:
    await block_list.block(number, [ANNA, BEN], "test")
    store.is_failing = True

    with pytest.raises(BlocklistInternalError):
        await block_list.unblock(number, [ANNA, BEN], "test")

    store.is_failing = False
    assert await block_list.is_blocked(number, [ANNA, BEN]) == [True, True]


async def test_a_check_of_an_invalid_user_fails_with_the_reason(block_list: BlockList, number: BusinessNumber) -> None:
    with pytest.raises(NotAWhatsAppUser, match="has no digits"):
        await block_list.is_blocked(number, [ANNA, User("anna")])


async def test_an_unblock_of_an_invalid_user_fails_with_the_reason(
    block_list: BlockList, number: BusinessNumber
) -> None:
    result = await block_list.unblock(number, [User("anna")], "test")

    assert (
        result.failed[0].errors[0].error_data.details
        == "Not a valid WhatsApp user: 'anna' has no digits. Write a phone number, such as +16505551234."
    )


async def test_the_own_number_can_be_unblocked(block_list: BlockList, number: BusinessNumber) -> None:
    """It may be on the list since before the business's own number was known."""
    result = await block_list.unblock(number, [User("+16505550100")], "test")

    assert (result.done, result.failed) == ([BlockedUserOperation("+16505550100", "16505550100")], [])
