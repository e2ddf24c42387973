"""Blocking and unblocking in requests of 1,000 users: no user is lost, and a failure has the results so far."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.script import KEY_HEADER, NUMBER_ID, Script, answer_with, calls, obliging, refused

from wablock.client import ClientError, InvalidAccessToken, InvalidParameter, NoAnswer, Retries, SomeUsersFailed, User
from wablock.client.exchange import HttpRequest, HttpResponse, Lost

ERROR = {"message": "(#139100) Failed to block/unblock users", "type": "OAuthException", "code": 139100}
REFUSED = {"message": "Re-engagement required", "code": 131047, "error_data": {"details": "not in 24 hours"}}


def _users(count: int) -> list[str]:
    return [f"+1650555{number:07d}" for number in range(count)]


def picky(request: HttpRequest, status: int = 200, *, code: Any = 131047) -> HttpResponse:
    """Refuse every user whose number ends with 7."""
    users = [user["user"] for user in msgspec.json.decode(request.body or b"")["block_users"]]
    failed = [{"input": user, "errors": [REFUSED | {"code": code}]} for user in users if user.endswith("7")]
    done = [{"input": user, "wa_id": user[1:]} for user in users if not user.endswith("7")]
    outcomes = ({"added_users": done} if done else {}) | ({"failed_users": failed} if failed else {})
    return answer_with(
        {"block_users": outcomes, "messaging_product": "whatsapp"} | ({"error": ERROR} if failed else {}), status
    )


def test_a_block_is_the_pages_request() -> None:
    script = Script(obliging)

    script.run(calls().block("+16505551234", None, None, None))

    body = b'{"block_users":[{"user":"+16505551234"}],"messaging_product":"whatsapp"}'
    assert script.requests == [HttpRequest("POST", f"/v25.0/{NUMBER_ID}/block_users", body, (KEY_HEADER,))]


def test_an_unblock_is_the_pages_request_with_its_body() -> None:
    script = Script(obliging)

    done = script.run(calls().unblock(["+16505551234"]))

    body = b'{"block_users":[{"user":"+16505551234"}],"messaging_product":"whatsapp"}'
    assert script.requests == [HttpRequest("DELETE", f"/v25.0/{NUMBER_ID}/block_users", body, (KEY_HEADER,))]
    assert [(user.input, user.wa_id) for user in done] == [("+16505551234", "16505551234")]


def test_a_user_id_is_distinct_from_a_number_and_own_details_override_common_ones() -> None:
    script = Script(
        answer_with(
            {"block_users": {"added_users": [{"user_id": "US.13491208655302741918"}, {"wa_id": "16505550101"}]}}
        )
    )

    users: list[str | User] = ["US.13491208655302741918", User("+16505550101", reason="scam")]
    script.run(calls().block(users, "spam", None, 2_000_000_000))

    assert script.bodies()[0]["block_users"] == [
        {"user_id": "US.13491208655302741918", "reason": "spam", "expires_at": 2_000_000_000},
        {"user": "+16505550101", "reason": "scam", "expires_at": 2_000_000_000},
    ]


def test_a_datetime_is_sent_in_seconds_which_every_server_reads() -> None:
    script = Script(
        answer_with({"block_users": {"added_users": [{"input": "+16505550101"}, {"input": "+16505550102"}]}})
    )
    london = datetime(2100, 1, 31, 12, tzinfo=UTC)
    paris = datetime(2100, 1, 31, 12, tzinfo=timezone(timedelta(hours=1)))

    script.run(calls().block(["+16505550101", User("+16505550102", expires_at=paris)], None, None, london))

    assert [user["expires_at"] for user in script.bodies()[0]["block_users"]] == [4_105_080_000, 4_105_076_400]


@pytest.mark.parametrize("time", [2e9, "2100-01-31T12:00:00Z", date(2100, 1, 31), Decimal(2_000_000_000), True])
def test_a_time_of_another_type_is_refused_before_any_request(time: Any) -> None:
    script = Script(obliging)

    with pytest.raises(TypeError, match="must be an int, in seconds since 1970, or a datetime with a zone"):
        script.run(calls().block(["+16505550101"], None, None, time))

    assert script.requests == []


@pytest.mark.parametrize(
    "result",
    [
        {"input": "+1 (650) 555-0101", "wa_id": "16505550101"},
        {"input": "+16505550101"},
        {"input": "16505550101"},
        {"wa_id": "16505550101"},
    ],
)
def test_a_result_names_its_user_however_the_server_writes_the_number(result: dict[str, str]) -> None:
    script = Script(answer_with({"block_users": {"added_users": [result]}}))

    done = script.run(calls().block("+1 (650) 555-0101", None, None, None))

    assert len(done) == 1


def test_a_result_for_another_user_does_not_count() -> None:
    script = Script(answer_with({"block_users": {"added_users": [{"input": "+16505550102", "wa_id": "16505550102"}]}}))

    with pytest.raises(NoAnswer, match="did not return a result for every user") as caught:
        script.run(calls().block("+16505550101", None, None, None))

    assert list(caught.value.done) == []
    assert caught.value.unknown == ["+16505550101"]


def test_a_lost_response_has_its_users_as_unknown() -> None:
    script = Script(picky, Lost("reset"))

    with pytest.raises(NoAnswer) as caught:
        script.run(calls(Retries(most=0)).block(_users(1_500), None, None, None))

    assert caught.value.unknown == _users(1_500)[1_000:]


def test_a_request_that_was_never_sent_has_no_unknown_users() -> None:
    script = Script(Lost("refused", was_sent=False))

    with pytest.raises(NoAnswer) as caught:
        script.run(calls(Retries(most=0)).block("+16505550101", None, None, None))

    assert list(caught.value.unknown) == []


def test_a_datetime_without_a_zone_is_refused_before_any_request() -> None:
    script = Script(obliging)

    with pytest.raises(ValueError, match="has no zone"):
        script.run(calls().block(["+16505550101"], None, None, datetime(2100, 1, 31)))  # noqa: DTZ001 - the point

    assert script.requests == []


@given(count=st.integers(0, 3_500))
def test_many_users_are_sent_in_requests_of_1000_in_their_order(count: int) -> None:
    script = Script(obliging)
    users = _users(count)

    done = script.run(calls().block(iter(users), None, None, None))

    requests = [[user["user"] for user in body["block_users"]] for body in script.bodies()]
    assert [user for request in requests for user in request] == users
    assert all(len(request) == 1_000 for request in requests[:-1])
    assert [user.input for user in done] == users


def test_users_are_taken_from_a_generator_only_as_they_are_sent() -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield f"+1650555{taken:07d}"

    with pytest.raises(InvalidAccessToken):
        Script(obliging, refused(190, 401)).run(calls().block(endless(), None, None, None))

    assert taken <= 2_001


@pytest.mark.parametrize("status", [200, 400])
def test_failed_users_are_returned_beside_the_others(status: int) -> None:
    script = Script(lambda request: picky(request, status))

    with pytest.raises(SomeUsersFailed) as caught:
        script.run(calls().block(["+16505550101", "+16505550107"], None, None, None))

    assert [user.wa_id for user in caught.value.done] == ["16505550101"]
    assert [(user.input, user.code) for user in caught.value.failed] == [("+16505550107", 131047)]
    assert (caught.value.code, caught.value.status) == (139100, status)
    assert "not in 24 hours" in str(caught.value)
    assert len(script.requests) == 1


def test_a_code_that_is_a_text_is_a_number() -> None:
    with pytest.raises(SomeUsersFailed) as caught:
        Script(lambda request: picky(request, code="131047")).run(calls().block("+16505550107", None, None, None))

    assert caught.value.failed[0].code == 131047


@given(users=st.lists(st.integers(0, 9_999_999).map(lambda n: f"+1650555{n:07d}"), max_size=2_500))
def test_every_user_is_done_or_failed(users: list[str]) -> None:
    script = Script(picky)

    try:
        done, failed = script.run(calls().block(users, None, None, None)), []
    except SomeUsersFailed as refusal:
        done, failed = list(refusal.done), list(refusal.failed)

    assert [user.input for user in done] == [user for user in users if not user.endswith("7")]
    assert [user.input for user in failed] == [user for user in users if user.endswith("7")]


def test_a_failure_in_the_middle_has_the_results_so_far() -> None:
    script = Script(picky, refused(190, 401))

    with pytest.raises(InvalidAccessToken) as caught:
        script.run(calls().block(_users(1_500), None, None, None))

    assert len(caught.value.done) == 900
    assert len(caught.value.failed) == 100
    assert len(script.requests) == 2


@pytest.mark.parametrize("body", [{"block_users": {}}, {"block_users": {}, "error": ERROR}])
def test_an_answer_without_some_users_is_not_a_success(body: Any) -> None:
    with pytest.raises(NoAnswer, match="a result for every user"):
        Script(answer_with(body)).run(calls(Retries(most=0)).block("+16505550101", None, None, None))


def test_an_error_in_an_odd_shape_is_still_that_error() -> None:
    odd = {"error": {"message": None, "code": "190", "error_data": "the token is old"}}

    with pytest.raises(InvalidAccessToken) as caught:
        Script(answer_with(odd, 401)).run(calls().block("+16505550101", None, None, None))

    assert (caught.value.code, caught.value.details) == (190, "the token is old")


@pytest.mark.parametrize(
    "message, details, text",
    [
        ("(#100) Invalid parameter", "Send one.", "(#100) Invalid parameter. Send one."),
        ("(#100) Param x is required.", "The body is cut.", "(#100) Param x is required. The body is cut."),
        ("(#100) Invalid parameter", None, "(#100) Invalid parameter"),
    ],
)
def test_the_text_of_an_error_is_its_message_and_its_details_as_sentences(
    message: str, details: str | None, text: str
) -> None:
    error = {"error": {"message": message, "code": 100, "error_data": {"details": details}}}

    with pytest.raises(InvalidParameter) as caught:
        Script(answer_with(error, 400)).run(calls().block("+16505550101", None, None, None))

    assert str(caught.value) == text


def test_an_empty_block_sends_no_request() -> None:
    script = Script(refused(1, 500))

    assert script.run(calls(Retries(most=0)).block([], None, None, None)) == []
    assert script.requests == []


def test_no_failure_contains_its_user() -> None:
    with pytest.raises(ClientError) as caught:
        Script(picky).run(calls().block("+16505550107", None, None, None))

    assert "16505550107" not in str(caught.value)
