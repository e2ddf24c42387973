"""Requests with some failing users: both lists are in one answer, with the error 139100."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.caller import Caller, calling
from tests.running_server import running_server

from wablock.settings import AnswerSettings

USER = "+16505551234"
OWN = "+16505550100"
STRANGE = "hello"
SHAPE = "an international number has 7 to 15 digits and does not begin with 0."
NO_DIGITS = "'hello' has no digits. Write a phone number, such as +16505551234."
LETTER = "a phone number has digits, +, blanks and - . ( ) only, and this one has 'x'."
COUNTRY = "its country is not certain. Write it with + and the country code, such as +16505551234."


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Caller]:
    """A caller whose business has a known American phone number."""
    with running_server(tmp_path) as server, calling(server) as made:
        yield made


def without_trace(body: bytes) -> str:
    return re.sub('"fbtrace_id":"[^"]+"', '"fbtrace_id":"…"', body.decode())


@pytest.mark.parametrize(
    "method, key, verb", [("POST", "added_users", "block"), ("DELETE", "removed_users", "unblock")]
)
def test_the_whole_body_in_its_order(known: Caller, method: str, key: str, verb: str) -> None:
    users = [{"user": USER}, {"user": STRANGE}, {"user": "+0"}]

    answer = known.send(method, {"messaging_product": "whatsapp", "block_users": users})

    assert answer.status_code == 200
    assert without_trace(answer.content) == (
        f'{{"block_users":{{"{key}":[{{"input":"+16505551234","wa_id":"16505551234"}}],"failed_users":['
        '{"input":"hello","errors":[{"message":"Re-engagement required","code":131047,'
        f'"error_data":{{"details":"Not a valid WhatsApp user: {NO_DIGITS}"}}}}]}},'
        '{"input":"+0","errors":[{"message":"Re-engagement required","code":131047,'
        f'"error_data":{{"details":"Not a valid WhatsApp user: {SHAPE}"}}}}]}}]}},'
        '"messaging_product":"whatsapp",'
        '"error":{"message":"(#139100) Failed to block/unblock users","type":"OAuthException","code":139100,'
        f'"error_data":{{"details":"Failed to {verb} some users, see the block_users response list for details"}},'
        '"fbtrace_id":"…"}}'
    )


def test_the_businesss_own_number_cannot_be_blocked(known: Caller) -> None:
    answer = known.block(OWN)

    assert answer.json()["block_users"] == {
        "failed_users": [
            {
                "input": OWN,
                "wa_id": OWN[1:],
                "errors": [
                    {
                        "message": "Recipient cannot be sender",
                        "code": 131021,
                        "error_data": {"details": "The business's own number cannot be blocked."},
                    }
                ],
            }
        ]
    }


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_the_status_may_be_400_with_the_same_body(tmp_path: Path, method: str) -> None:
    users = {"messaging_product": "whatsapp", "block_users": [{"user": USER}, {"user": STRANGE}]}
    bodies = {}
    for status in (200, 400):
        answers = AnswerSettings(partial_failure_status=status)
        folder = tmp_path / str(status)
        with running_server(folder, answers=answers) as server, calling(server) as caller:
            answer = caller.send(method, users)
        bodies[answer.status_code] = without_trace(answer.content)

    assert bodies.keys() == {200, 400}
    assert bodies[200] == bodies[400]


@pytest.mark.parametrize("method, key", [("POST", "added_users"), ("DELETE", "removed_users")])
def test_an_empty_list_is_omitted(caller: Caller, method: str, key: str) -> None:
    answer = caller.send(method, {"messaging_product": "whatsapp", "block_users": [{"user": STRANGE}]})

    assert answer.json()["block_users"].keys() == {"failed_users"}
    assert key not in answer.json()["block_users"]


def test_the_users_that_succeed_are_blocked(caller: Caller) -> None:
    caller.block(STRANGE, USER, "+0123")

    assert caller.listed() == ["16505551234"]


@pytest.mark.parametrize(
    "user, details",
    [
        ("", "it is empty."),
        ("123", SHAPE),
        ("+123", SHAPE),
        ("(650) 555-1234", COUNTRY),
        ("06505551234", COUNTRY),
        ("+16505551234x", LETTER),
        ("+1650555123412345", SHAPE),
        ("+999 650 555 1234", "its country code does not exist."),
    ],
)
def test_an_invalid_user_fails_alone_and_without_a_wa_id(caller: Caller, user: str, details: str) -> None:
    answer = caller.block(user, USER)

    failed = answer.json()["block_users"]["failed_users"]
    assert [item["input"] for item in failed] == [user]
    assert "wa_id" not in failed[0]
    assert failed[0]["errors"][0]["code"] == 131047
    assert failed[0]["errors"][0]["error_data"]["details"] == f"Not a valid WhatsApp user: {details}"
    assert len(answer.json()["block_users"]["added_users"]) == 1


def test_a_failed_user_has_no_type_and_no_trace(caller: Caller) -> None:
    answer = caller.block(STRANGE)

    error = answer.json()["block_users"]["failed_users"][0]["errors"][0]
    assert list(error) == ["message", "code", "error_data"]
    assert not error["message"].startswith("(#")


@pytest.mark.parametrize("typed", ["+1 (650) 555-1234", "16505551234", "+1.650.555.1234", " +16505551234"])
def test_the_input_is_echoed_as_typed_and_the_wa_id_is_digits(caller: Caller, typed: str) -> None:
    answer = caller.block(typed)

    assert answer.json()["block_users"]["added_users"] == [{"input": typed, "wa_id": "16505551234"}]


def test_national_numbers_are_read_by_the_business_numbers_country(known: Caller) -> None:
    answer = known.block("(650) 555-1234")

    assert answer.json()["block_users"]["added_users"] == [{"input": "(650) 555-1234", "wa_id": "16505551234"}]
