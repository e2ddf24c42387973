"""Every failure of a whole request on the wire: status, type, code, subcode and message."""

from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from tests.block_list.stopped_clock import StoppedClock
from tests.conformance.caller import Caller, calling, users_body
from tests.conformance.raw import exchange, request
from tests.running_server import ACCOUNT_ID, NUMBER, RunningServer, running_server

from wablock.access import AccessToken, Scope, digest
from wablock.block_list.ports import BusinessNumber

NOBODYS = "999999999999999"
ANOTHERS = "555555555555555"
READER = "token-that-may-only-read"
NARROW = "token-of-another-number"
REVOKED = "token-that-was-revoked"
SHORT = "token-of-one-hour"

PRODUCT_MISSING = "(#100) The parameter messaging_product is required."
LIST_MISSING = "(#100) The parameter block_users is required."


class Failure(msgspec.Struct, frozen=True):
    """What a failure's answer says. None: not there."""

    message: str
    status: int = 400
    code: int = 100
    type: str = "OAuthException"
    subcode: int | None = None
    details: str | None = None


def unknown_object(method: str, object_id: str) -> Failure:
    return Failure(
        f"Unsupported {method} request. Object with ID '{object_id}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation. Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api",
        type="GraphMethodException",
        subcode=33,
    )


def failure_in(answer: httpx2.Response) -> Failure:
    error = answer.json()["error"]
    return Failure(
        error["message"],
        answer.status_code,
        error["code"],
        error["type"],
        error.get("error_subcode"),
        error.get("error_data", {}).get("details"),
    )


def token(text: str, *scopes: Scope, **others: Any) -> AccessToken:
    known: dict[str, Any] = {"phone_number_ids": None, "created_at": 1}
    return AccessToken(digest(text), ACCOUNT_ID, text, frozenset(scopes), **(known | others))


@pytest.fixture(scope="module")
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, clock: StoppedClock) -> Iterator[RunningServer]:
    """A server that knows only its numbers, and tokens with few rights."""
    tokens = [
        token(READER, Scope.READ),
        token(NARROW, Scope.READ, Scope.WRITE, phone_number_ids=frozenset([ANOTHERS])),
        token(REVOKED, *Scope, revoked_at=2),
        token(SHORT, *Scope, expires_at=clock.now + 3_600_000_000),
    ]
    numbers = [NUMBER, BusinessNumber(ANOTHERS, "another account")]
    with running_server(tmp_path_factory.mktemp("strict"), clock=clock, numbers=numbers, tokens=tokens) as running:
        yield running


@pytest.fixture
def strict_caller(strict: RunningServer) -> Iterator[Caller]:
    with calling(strict) as made:
        yield made


# -- the token


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("authorization", [None, "Basic dXNlcjpwYXNz", "Bearer", "wablock-test-token"])
def test_a_request_without_a_token_gets_104(caller: Caller, method: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = httpx2.request(method, caller.server.url + caller.path, headers=headers)

    assert failure_in(answer) == Failure("An access token is required to request this resource.", code=104)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("wrong", ["EAAWRONGTOKEN", "x" * 2_000, "tok en", REVOKED])
def test_an_unknown_or_revoked_token_gets_190(strict_caller: Caller, method: str, wrong: str) -> None:
    answer = strict_caller.send(method, headers={"Authorization": f"Bearer {wrong}"})

    assert failure_in(answer) == Failure("Invalid OAuth access token - Cannot parse access token", 401, 190)


def test_an_expired_token_gets_190_with_463_and_both_times(strict_caller: Caller, clock: StoppedClock) -> None:
    clock.turn(7_200)

    answer = strict_caller.send("GET", headers={"Authorization": f"Bearer {SHORT}"})

    clock.turn(-7_200)
    assert failure_in(answer) == Failure(
        "Error validating access token: Session has expired on Friday, 24-Jan-25 01:48:08 GMT. "
        "The current time is Friday, 24-Jan-25 02:48:08 GMT.",
        401,
        190,
        subcode=463,
    )


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_token_that_lacks_the_scope_gets_10(strict_caller: Caller, method: str) -> None:
    answer = strict_caller.send(method, users_body(["+16505551234"]), headers={"Authorization": f"Bearer {READER}"})

    assert failure_in(answer) == Failure(
        "(#10) Application does not have permission for this action",
        403,
        10,
        details="The access token lacks the scope write. Create one that has it.",
    )


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("number", [NOBODYS, ANOTHERS, "not-a-number", "me", "1" * 100, "%27%3Cscript%3E"])
def test_an_unknown_number_and_a_number_of_another_account_get_the_same_answer(
    strict_caller: Caller, method: str, number: str
) -> None:
    answer = strict_caller.send(method, path=f"/v25.0/{number}/block_users")

    assert failure_in(answer) == unknown_object(method.lower(), number.replace("%27%3Cscript%3E", "'<script>"))


def test_a_token_of_other_numbers_gets_the_same_answer_too(strict_caller: Caller) -> None:
    answer = strict_caller.send("GET", headers={"Authorization": f"Bearer {NARROW}"})

    assert failure_in(answer) == unknown_object("get", NUMBER.phone_number_id)


# -- the requested operation


@pytest.mark.parametrize(
    "path, components",
    [
        ("/v25.0/106540352242922/foo", "/foo"),
        ("/v25.0/106540352242922/block_users/foo", "/block_users/foo"),
        ("/foo", "/foo"),
        ("/v25.0/foo", "/foo"),
        ("/", "/"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_gets_2500(caller: Caller, method: str, path: str, components: str) -> None:
    answer = caller.send(method, path=path)

    assert failure_in(answer) == Failure(f"Unknown path components: {components}", code=2500)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "PURGE", "TRACE"])
def test_a_wrong_method_gets_100_and_its_name(caller: Caller, method: str) -> None:
    answer = caller.send(method)

    assert failure_in(answer) == Failure(
        f"Unsupported request - method type: {method.lower()}", type="GraphMethodException"
    )


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"block_users":[{"user":"+16505551234"}]}',
        b'{"messaging_product":null,"block_users":[{"user":"+16505551234"}]}',
        b'{"messaging_product":"","block_users":[{"user":"+16505551234"}]}',
        b'{"block_users":"wrong as well"}',
    ],
)
def test_a_body_without_the_product_gets_the_missing_product(caller: Caller, method: str, body: bytes) -> None:
    answer = caller.send(method, content=body, headers={"Content-Type": "application/json"})

    assert failure_in(answer) == Failure(PRODUCT_MISSING)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    "body, details",
    [
        (b"[]", "The body is JSON, but not a JSON object."),
        (b"null", "The body is JSON, but not a JSON object."),
        (b'{"block_users":', "The body is broken JSON: it ends too early."),
        (b'{"messaging_product": "whatsapp",}', "The body is broken JSON: trailing comma in object (byte 33)."),
        (b"{'messaging_product': 'whatsapp'}", "The body is broken JSON: object keys must be strings (byte 1)."),
        (b'{"messaging_product": "\xff"}', "The body is broken JSON: it is not UTF-8."),
        (b"[" * 100_000, "The body is broken JSON: it is nested too deeply."),
        (b'{"messaging_product": 1e999}', "The body is broken JSON: a number is too large."),
    ],
)
@pytest.mark.parametrize("query", ["", "?limit=5"])
def test_the_details_say_what_is_wrong_with_the_json(
    caller: Caller, method: str, body: bytes, details: str, query: str
) -> None:
    answer = caller.send(method, path=caller.path + query, content=body, headers={"Content-Type": "application/json"})

    assert failure_in(answer) == Failure(PRODUCT_MISSING, details=details)


def test_broken_json_in_the_body_does_not_matter_when_the_query_has_everything(caller: Caller) -> None:
    query = "?messaging_product=whatsapp&block_users=%5B%5D"

    answer = caller.send("POST", path=caller.path + query, content=b"{", headers={"Content-Type": "application/json"})

    assert answer.status_code == 200


def test_broken_json_in_a_form_is_called_broken_json(caller: Caller) -> None:
    answer = caller.send(
        "POST",
        content=b"messaging_product=whatsapp&block_users=[{",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert failure_in(answer) == Failure(
        "(#100) Param block_users must be an array.", details="Its text is broken JSON: it ends too early."
    )


@pytest.mark.parametrize("product", ["telegram", "WhatsApp", "WHATSAPP", " whatsapp", 5, True, ["whatsapp"]])
def test_another_product_is_named_in_the_answer(caller: Caller, product: Any) -> None:
    answer = caller.send("POST", {"messaging_product": product, "block_users": []})

    assert failure_in(answer) == Failure(
        f'(#100) Param messaging_product must be one of {{WHATSAPP}} - got "{product}".'
    )


@pytest.mark.parametrize(
    "users, message",
    [
        (None, LIST_MISSING),
        ("+16505551234", "(#100) Param block_users must be an array."),
        ({"user": "+16505551234"}, "(#100) Param block_users must be an array."),
        (["+16505551234"], "(#100) Param block_users[0] must be an object."),
        ([{"user": "+16505551234"}, None], "(#100) Param block_users[1] must be an object."),
        ([{"user": 16505551234}], "(#100) Param block_users[0][user] must be a string."),
        ([{"user": "+16505551234"}, {"user": True}], "(#100) Param block_users[1][user] must be a string."),
        ([{"user_id": 5}], "(#100) Param block_users[0][user_id] must be a string."),
        ([{"user": "+16505551234"}, {}], "(#100) The parameter block_users[1][user] is required."),
        ([{"user": None}], "(#100) The parameter block_users[0][user] is required."),
        ([{"phone": "+16505551234"}], "(#100) The parameter block_users[0][user] is required."),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_the_error_of_an_invalid_list_of_users_names_its_place(
    caller: Caller, method: str, users: Any, message: str
) -> None:
    answer = caller.send(method, {"messaging_product": "whatsapp", "block_users": users})

    assert failure_in(answer) == Failure(message)


def test_an_unknown_member_of_an_item_is_ignored(caller: Caller) -> None:
    answer = caller.block({"user": "+16505551234", "nickname": "Sheena", "input": 5})

    assert answer.json()["block_users"] == {"added_users": [{"input": "+16505551234", "wa_id": "16505551234"}]}


@pytest.mark.parametrize("limit", ["0", "-1", "abc", "1.5", "1e3", "٣", " 5"])
def test_a_bad_limit_gets_100(caller: Caller, limit: str) -> None:
    answer = caller.get(limit=limit)

    assert failure_in(answer) == Failure("(#100) Param limit must be an integer of 1 or more.")


def test_an_unknown_field_is_named(caller: Caller) -> None:
    answer = caller.get(fields="wa_id,name")

    assert failure_in(answer).message == "(#100) Tried accessing nonexisting field (name)"


def test_the_error_for_another_media_type_names_the_three(caller: Caller) -> None:
    answer = caller.send("POST", content=b"<a/>", headers={"Content-Type": "text/xml"})

    assert failure_in(answer) == Failure(
        "(#100) Content-Type must be one of application/json, application/x-www-form-urlencoded, multipart/form-data."
    )


# -- the size of the request


def test_more_than_1000_users_are_refused_with_their_number(caller: Caller) -> None:
    answer = caller.block(*({"user_id": f"US.{index}"} for index in range(1_001)))

    assert failure_in(answer) == Failure(
        "(#130429) Rate limit hit",
        code=130429,
        subcode=2494055,
        details="block_users has 1001 users; one request may have up to 1000. Send the rest in other requests.",
    )
    assert caller.listed() == []


def test_1000_users_are_accepted(caller: Caller) -> None:
    answer = caller.block(*({"user_id": f"US.{index}"} for index in range(1_000)))

    assert len(answer.json()["block_users"]["added_users"]) == 1_000


def test_a_body_over_the_limit_gets_413_in_the_same_envelope(caller: Caller) -> None:
    answer = exchange(caller.server, request(caller.server, "POST", caller.path, "Content-Length: 1048577"))

    assert (answer.status, answer.error["code"], answer.error["type"]) == (413, 100, "OAuthException")
    assert answer.error["message"] == "(#100) Request body too large"
    assert answer.headers["connection"] == "close"
