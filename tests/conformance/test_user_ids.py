"""Business-scoped user ids: blocks by user_id, and one user with both ids."""

from typing import Any

import pytest
from tests.conformance.caller import Caller

USER = "+16505551234"
WA_ID = "16505551234"
USER_ID = "US.13491208655302741918"
PARENT = "US.ENT.11815799212886844830"
BY_ID = {"user_id": USER_ID}


def data(caller: Caller) -> Any:
    return caller.get().json()["data"]


@pytest.mark.parametrize("method, key", [("POST", "added_users"), ("DELETE", "removed_users")])
def test_a_result_by_user_id_has_no_wa_id(caller: Caller, method: str, key: str) -> None:
    answer = caller.send(method, {"messaging_product": "whatsapp", "block_users": [BY_ID]})

    expected = f'{{"block_users":{{"{key}":[{{"input":"{USER_ID}","user_id":"{USER_ID}"}}]}},'
    assert answer.text == expected + '"messaging_product":"whatsapp"}'


def test_the_list_has_the_user_id_and_no_unknown_wa_id(caller: Caller) -> None:
    caller.block(BY_ID)

    assert data(caller) == [{"messaging_product": "whatsapp", "user_id": USER_ID}]


def test_with_both_ids_the_number_is_used_and_the_two_are_one_user(caller: Caller) -> None:
    answer = caller.block({"user": USER, "user_id": USER_ID})

    assert answer.json()["block_users"]["added_users"] == [{"input": USER, "wa_id": WA_ID}]
    assert data(caller) == [{"messaging_product": "whatsapp", "wa_id": WA_ID, "user_id": USER_ID}]


@pytest.mark.parametrize("method, key", [("POST", "added_users"), ("DELETE", "removed_users")])
def test_an_empty_text_beside_the_other_id_is_as_if_it_were_missing(caller: Caller, method: str, key: str) -> None:
    items = [{"user": "", "user_id": USER_ID}, {"user": USER, "user_id": ""}]

    answer = caller.send(method, {"messaging_product": "whatsapp", "block_users": items})

    by_id = {"input": USER_ID, "user_id": USER_ID}
    assert answer.json()["block_users"][key] == [by_id, {"input": USER, "wa_id": WA_ID}]


@pytest.mark.parametrize("other", [BY_ID, {"user": USER}])
def test_a_user_known_by_both_ids_is_unblocked_by_either(caller: Caller, other: dict[str, Any]) -> None:
    caller.block({"user": USER, "user_id": USER_ID})

    caller.unblock(other)

    assert data(caller) == []


@pytest.mark.parametrize(
    "user_id, details",
    [
        ("us.1", "a user_id is two capital letters, a dot, and up to 128 letters or digits."),
        ("US." + "1" * 129, "a user_id is two capital letters, a dot, and up to 128 letters or digits."),
        ("", "a user_id is two capital letters, a dot, and up to 128 letters or digits."),
    ],
)
def test_an_invalid_user_id_fails_alone(caller: Caller, user_id: str, details: str) -> None:
    answer = caller.block({"user_id": user_id}, USER)

    failed = answer.json()["block_users"]["failed_users"]
    assert [(user["input"], user["errors"][0]["code"]) for user in failed] == [(user_id, 131047)]
    assert failed[0]["errors"][0]["error_data"]["details"] == f"Not a valid WhatsApp user: {details}"
    assert [item["wa_id"] for item in data(caller)] == [WA_ID]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("name", ["user_id", "user"])
def test_a_parent_id_makes_the_request_fail_and_nothing_is_changed(caller: Caller, method: str, name: str) -> None:
    caller.block({"user": USER})
    before = data(caller)

    users = [{"user": USER}, {"user": "+16505550102"}, {name: PARENT}]
    answer = caller.send(method, {"messaging_product": "whatsapp", "block_users": users})

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == 100
    assert error["message"] == f'(#100) Param block_users[2][{name}] cannot be a parent user id: "{PARENT}".'
    assert error["error_data"]["details"].startswith("Send the user_id")
    assert data(caller) == before


@pytest.mark.parametrize("other", ["US." + "a" * 128, "DE.1", "BR.Zz9"])
def test_any_country_and_up_to_128_letters_or_digits_are_a_user_id(caller: Caller, other: str) -> None:
    caller.block({"user_id": other})

    assert [item["user_id"] for item in data(caller)] == [other]


@pytest.mark.parametrize(
    "first, second",
    [
        ("+5511987654321", "+551187654321"),
        ("+5215512345678", "+525512345678"),
        ("+5491123456789", "+541123456789"),
    ],
)
def test_two_spellings_of_one_user_are_one_row_as_it_was_typed(caller: Caller, first: str, second: str) -> None:
    caller.block(first)
    caller.block(second)

    assert [item["wa_id"] for item in data(caller)] == [first[1:]]


def test_an_argentine_landline_of_buenos_aires_is_not_a_mobiles_second_spelling(caller: Caller) -> None:
    caller.block("+5491141234567", "+541141234567")

    assert len(data(caller)) == 2
