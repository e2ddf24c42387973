"""The JSON of requests and answers: names, order and types, as on the reference page and in Meta's guides."""

import msgspec
import pytest

from wablock.contract import wire

SEED_CURSOR = "eyJvZAmZAzZAXQiOjAsInZAlcnNpb25JZACI6IjE3Mzc2Nzk2ODgzODM1ODQifQZDZD"
BLOCKED = wire.BlockedUserOperation("+16505551234", "16505551234")
FAILED = wire.FailedUser(
    input="+14155559876",
    wa_id="14155559876",
    errors=[
        wire.UserError(
            "Re-engagement required",
            131047,
            wire.ErrorData(details="User has not messaged in the last 24 hours"),
        )
    ],
)
FAILED_JSON = (
    '{"input":"+14155559876","wa_id":"14155559876","errors":[{"message":"Re-engagement required","code":131047,'
    '"error_data":{"details":"User has not messaged in the last 24 hours"}}]}'
)


def some_failed(operation: str) -> wire.Error:
    return wire.Error(
        "(#139100) Failed to block/unblock users",
        "OAuthException",
        139100,
        error_data=wire.ErrorData(
            details=f"Failed to {operation} some users, see the block_users response list for details"
        ),
        fbtrace_id="Az8or2yhqkZfEZ-_4Qn_Bam",
    )


def some_failed_json(operation: str) -> str:
    return (
        '{"message":"(#139100) Failed to block/unblock users","type":"OAuthException","code":139100,'
        f'"error_data":{{"details":"Failed to {operation} some users, see the block_users response list for details"}},'
        '"fbtrace_id":"Az8or2yhqkZfEZ-_4Qn_Bam"}'
    )


def text(answer: msgspec.Struct) -> str:
    return msgspec.json.encode(answer).decode()


def test_a_block_is_answered_as_on_the_reference_page() -> None:
    answer = wire.BlockUsersData(wire.BlockUsersResult([BLOCKED]), wire.WHATSAPP)

    assert text(answer) == (
        '{"block_users":{"added_users":[{"input":"+16505551234","wa_id":"16505551234"}]},'
        '"messaging_product":"whatsapp"}'
    )


def test_an_unblock_is_answered_as_on_the_reference_page() -> None:
    answer = wire.UnblockUsersData(wire.UnblockUsersResult([BLOCKED]), wire.WHATSAPP)

    assert text(answer) == (
        '{"block_users":{"removed_users":[{"input":"+16505551234","wa_id":"16505551234"}]},'
        '"messaging_product":"whatsapp"}'
    )


def test_a_list_is_answered_as_on_the_reference_page() -> None:
    answer = wire.GetBlockedUsersData(
        [wire.BlockedUser(wire.WHATSAPP, "16505551234")], wire.Paging(wire.PaginationCursors(SEED_CURSOR, SEED_CURSOR))
    )

    assert text(answer) == (
        '{"data":[{"messaging_product":"whatsapp","wa_id":"16505551234"}],'
        f'"paging":{{"cursors":{{"after":"{SEED_CURSOR}","before":"{SEED_CURSOR}"}}}}}}'
    )


def test_several_users_are_answered_in_one_list() -> None:
    other = wire.BlockedUserOperation("+14155559876", "14155559876")

    answer = wire.BlockUsersData(wire.BlockUsersResult([BLOCKED, other]), wire.WHATSAPP)

    assert text(answer) == (
        '{"block_users":{"added_users":[{"input":"+16505551234","wa_id":"16505551234"},'
        '{"input":"+14155559876","wa_id":"14155559876"}]},"messaging_product":"whatsapp"}'
    )


def test_a_block_that_failed_for_some_users_names_them_beside_the_others() -> None:
    answer = wire.BlockUsersData(wire.BlockUsersResult([BLOCKED], [FAILED]), wire.WHATSAPP, some_failed("block"))

    assert text(answer) == (
        '{"block_users":{"added_users":[{"input":"+16505551234","wa_id":"16505551234"}],'
        f'"failed_users":[{FAILED_JSON}]}},"messaging_product":"whatsapp","error":{some_failed_json("block")}}}'
    )


def test_an_unblock_that_failed_for_some_users_names_them_beside_the_others() -> None:
    answer = wire.UnblockUsersData(wire.UnblockUsersResult([BLOCKED], [FAILED]), wire.WHATSAPP, some_failed("unblock"))

    assert text(answer) == (
        '{"block_users":{"removed_users":[{"input":"+16505551234","wa_id":"16505551234"}],'
        f'"failed_users":[{FAILED_JSON}]}},"messaging_product":"whatsapp","error":{some_failed_json("unblock")}}}'
    )


def test_an_empty_list_of_users_is_omitted() -> None:
    answer = wire.BlockUsersData(wire.BlockUsersResult(), wire.WHATSAPP)

    assert text(answer) == '{"block_users":{},"messaging_product":"whatsapp"}'


def test_a_user_who_could_not_be_read_fails_without_a_wa_id() -> None:
    failed = wire.FailedUser(input="anna", errors=[])

    assert text(failed) == '{"input":"anna","errors":[]}'


def test_a_user_who_was_blocked_by_user_id_is_answered_without_a_wa_id() -> None:
    user_id = "US.13491208655302741918"

    operation = wire.BlockedUserOperation(user_id, user_id=user_id)

    assert text(operation) == f'{{"input":"{user_id}","user_id":"{user_id}"}}'


def test_a_list_names_the_user_id_of_a_user_after_the_wa_id() -> None:
    row = wire.BlockedUser(wire.WHATSAPP, "16505551234", "US.13491208655302741918")

    assert text(row) == ('{"messaging_product":"whatsapp","wa_id":"16505551234","user_id":"US.13491208655302741918"}')


def test_an_empty_list_has_no_paging() -> None:
    assert text(wire.GetBlockedUsersData([])) == '{"data":[]}'


def test_links_to_other_pages_follow_the_cursors() -> None:
    paging = wire.Paging(wire.PaginationCursors("a", "b"), "https://example.org/next", "https://example.org/previous")

    assert text(paging) == (
        '{"cursors":{"after":"a","before":"b"},'
        '"next":"https://example.org/next","previous":"https://example.org/previous"}'
    )


def test_requested_fields_are_present_even_without_a_value() -> None:
    row = wire.BlockedUser(wire.WHATSAPP, "16505551234", reason=None, expires_at=None)

    assert text(row) == '{"messaging_product":"whatsapp","wa_id":"16505551234","reason":null,"expires_at":null}'


def test_a_list_that_changed_while_paging_names_the_product_before_the_error() -> None:
    envelope = wire.ErrorEnvelope(
        messaging_product=wire.WHATSAPP,
        error=wire.Error(
            "(#139102) Blocklist concurrent update",
            "OAuthException",
            139102,
            error_data=wire.ErrorData(details="Blocklist was updated during retrieval - retry with offset 0"),
            fbtrace_id="Az8or2yhqkZfEZ-_4Qn_Bam",
        ),
    )

    assert text(envelope) == (
        '{"messaging_product":"whatsapp","error":{"message":"(#139102) Blocklist concurrent update",'
        '"type":"OAuthException","code":139102,'
        '"error_data":{"details":"Blocklist was updated during retrieval - retry with offset 0"},'
        '"fbtrace_id":"Az8or2yhqkZfEZ-_4Qn_Bam"}}'
    )


def test_a_failure_without_details_has_only_message_type_code_and_trace() -> None:
    envelope = wire.ErrorEnvelope(
        error=wire.Error(
            "(#100) The parameter messaging_product is required.",
            "OAuthException",
            100,
            fbtrace_id="ABuwLf-MvFCEZAEGKA-c8m_",
        )
    )

    assert text(envelope) == (
        '{"error":{"message":"(#100) The parameter messaging_product is required.","type":"OAuthException",'
        '"code":100,"fbtrace_id":"ABuwLf-MvFCEZAEGKA-c8m_"}}'
    )


def test_the_subcode_comes_after_the_code() -> None:
    error = wire.Error("Unsupported get request.", "GraphMethodException", 100, 33, fbtrace_id="A")

    assert text(error) == (
        '{"message":"Unsupported get request.","type":"GraphMethodException","code":100,'
        '"error_subcode":33,"fbtrace_id":"A"}'
    )


def test_the_data_of_an_error_names_the_product_before_the_details() -> None:
    data = wire.ErrorData(messaging_product=wire.WHATSAPP, details="Cloud API message throughput has been reached.")

    assert text(data) == ('{"messaging_product":"whatsapp","details":"Cloud API message throughput has been reached."}')


def test_the_body_of_the_reference_page_is_read() -> None:
    item = msgspec.json.decode(b'{"user":"+16505551234"}', type=wire.User)

    assert item == wire.User(user="+16505551234")


def test_an_unknown_member_of_an_item_is_ignored() -> None:
    item = msgspec.json.decode(b'{"user":"+16505551234","nickname":"Anna"}', type=wire.User)

    assert item == wire.User(user="+16505551234")


@pytest.mark.parametrize(
    "item",
    [
        b'{"user":16505551234}',
        b'{"user":["+16505551234"]}',
        b'{"user_id":5}',
        b'{"user":"+16505551234","expires_at":-1}',
        b'{"user":"+16505551234","expires_at":253402300800}',
        b'{"user":"+16505551234","expires_at":"tomorrow"}',
        b'{"user":"+16505551234","reason":"' + b"x" * 201 + b'"}',
        b'{"user":"+16505551234","note":"' + b"x" * 2_001 + b'"}',
        b'"+16505551234"',
        b"null",
    ],
)
def test_an_item_with_a_member_of_another_type_or_size_is_not_read(item: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(item, type=wire.User)
