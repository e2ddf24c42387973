"""`/v1/tokens`: tokens that make tokens."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.running_server import ACCOUNT_ID, RunningServer, running_server
from tests.server.raw_http import Connection, block
from tests.server.turned_clock import TurnedClock

from wablock.access import ALL_SCOPES, AccessToken, Scope, digest
from wablock.block_list.ports import BusinessNumber

TIME = "seconds since 1970 or an ISO 8601 time with a zone, such as 2027-01-31T12:00:00Z"
EXPIRES_AT = 4_000_000_000
NUMBERS = frozenset({"106540352242922"})

TOKENS = [
    AccessToken(digest("limited"), ACCOUNT_ID, "limited", ALL_SCOPES, NUMBERS, 0, EXPIRES_AT * 1_000_000),
    AccessToken(digest("manager"), ACCOUNT_ID, "manager", frozenset({Scope.MANAGE, Scope.READ}), None, 0),
    AccessToken(digest("writer"), ACCOUNT_ID, "writer", frozenset({Scope.WRITE}), None, 0),
    AccessToken(digest("stranger"), "other", "stranger", ALL_SCOPES, None, 0),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all tests of this module; a test changes only tokens that it made."""
    numbers = [BusinessNumber("106540352242922", ACCOUNT_ID), BusinessNumber("777", ACCOUNT_ID)]
    with running_server(tmp_path_factory.mktemp("server"), tokens=TOKENS, numbers=numbers) as server:
        yield server


def _client(server: RunningServer, token: str) -> httpx2.Client:
    return httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def _create(server: RunningServer, maker: str, **members: Any) -> httpx2.Response:
    with _client(server, maker) as client:
        return client.post("/v1/tokens", json={"label": "new", **members})


def _list(server: RunningServer, asker: str) -> list[dict[str, Any]]:
    with _client(server, asker) as client:
        data: list[dict[str, Any]] = client.get("/v1/tokens").json()["data"]
        return data


def test_a_new_token_has_its_makers_rights_by_default(shared: RunningServer) -> None:
    made = _create(shared, "limited")

    assert made.status_code == 201
    info = made.json()
    assert info["scopes"] == ["manage", "read", "send", "write"]
    assert info["phone_number_ids"] == sorted(NUMBERS)
    assert info["expires_at"] == EXPIRES_AT


def test_the_expiry_of_a_token_may_be_iso_8601(shared: RunningServer) -> None:
    made = _create(shared, shared.token, expires_at="2100-01-31T13:00:00+01:00")

    assert made.json()["expires_at"] == datetime(2100, 1, 31, 12, tzinfo=UTC).timestamp()


def test_a_token_that_has_expired_already_is_refused(shared: RunningServer) -> None:
    refused = _create(shared, shared.token, expires_at=1_000_000_000)

    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == "(#100) Param expires_at must be in the future."


@pytest.mark.parametrize("time", ["4105080000.5", "null", "1e10", ""])
def test_a_form_has_only_digits_or_a_time_as_the_expiry_of_a_block(shared: RunningServer, time: str) -> None:
    form = {"messaging_product": "whatsapp", "block_users": f'[{{"user":"+16505550101","expires_at":"{time}"}}]'}

    with _client(shared, shared.token) as client:
        refused = client.post(shared.block_users, data=form)

    assert refused.status_code == 400
    assert "[expires_at] must be seconds since 1970 or an ISO 8601 time" in refused.json()["error"]["message"]


def test_a_made_token_works(shared: RunningServer) -> None:
    token = _create(shared, shared.token, scopes=["read"]).json()["token"]

    with _client(shared, token) as client:
        assert client.get(shared.block_users).status_code == 200
        assert client.request("DELETE", shared.block_users).json()["error"]["code"] == 10


def test_a_made_token_touches_only_the_numbers_that_were_named(shared: RunningServer) -> None:
    token = _create(shared, shared.token, phone_number_ids=["777"]).json()["token"]

    with _client(shared, token) as client:
        assert client.get("/v25.0/777/block_users").status_code == 200
        assert client.get(shared.block_users).json()["error"]["error_subcode"] == 33


def test_a_token_is_shown_once(shared: RunningServer) -> None:
    made = _create(shared, shared.token).json()

    listed = _list(shared, shared.token)

    assert made["token_id"] in [info["token_id"] for info in listed]
    assert made["token"] not in json.dumps(listed)
    assert not any("token" in info for info in listed)


@pytest.mark.parametrize(
    "members",
    [
        {"scopes": ["write"]},
        {"scopes": ["manage", "read", "send", "write"]},
    ],
    ids=["another scope", "more scopes"],
)
def test_a_token_cannot_make_one_with_scopes_that_it_lacks(shared: RunningServer, members: dict[str, Any]) -> None:
    refused = _create(shared, "manager", **members)

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, 10)


@pytest.mark.parametrize(
    "members",
    [{"phone_number_ids": ["777"]}, {"phone_number_ids": ["106540352242922", "777"]}, {"expires_at": EXPIRES_AT + 1}],
    ids=["another number", "more numbers", "a longer life"],
)
def test_a_token_cannot_make_one_with_more_access(shared: RunningServer, members: dict[str, Any]) -> None:
    refused = _create(shared, "limited", **members)

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, 10)


def test_a_token_without_the_scope_makes_lists_and_revokes_nothing(shared: RunningServer) -> None:
    with _client(shared, "writer") as client:
        refused = [
            client.post("/v1/tokens", json={"label": "new"}),
            client.get("/v1/tokens"),
            client.delete("/v1/tokens/abc"),
        ]

    assert [answer.status_code for answer in refused] == [403] * 3


def test_a_token_sees_only_those_that_may_do_no_more_than_itself(shared: RunningServer) -> None:
    seen = {info["label"] for info in _list(shared, "manager")}

    assert "manager" in seen
    assert seen.isdisjoint({"writer", "limited", "test"})


def test_a_token_does_not_see_those_of_another_account(shared: RunningServer) -> None:
    assert [info["label"] for info in _list(shared, "stranger")] == ["stranger"]


def test_a_token_of_another_account_cannot_be_revoked(shared: RunningServer) -> None:
    made = _create(shared, shared.token).json()

    with _client(shared, "stranger") as client:
        refused = client.delete(f"/v1/tokens/{made['token_id']}")

    assert refused.json()["error"]["error_subcode"] == 33
    assert _list(shared, made["token"])


@pytest.mark.parametrize(
    "body,error",
    [
        (b"{}", "label"),
        (b"", "label"),
        (b"[]", "must be an object"),
        (b"nonsense", "must be a JSON object"),
        (b'{"label":""}', "label"),
        (b'{"label":"new","scopes":["all"]}', "scopes"),
        (b'{"label":"new","scope":["read"]}', "scope"),
        (b'{"label":"new","phone_number_ids":"777"}', "phone_number_ids"),
        (b'{"label":"new","expires_at":-1}', "expires_at"),
        (b'{"label":"new","expires_at":99999999999999}', "expires_at"),
        (b"[" * 100_000, "must be an object"),
    ],
)
def test_an_invalid_request_for_a_token_is_refused_by_its_parameter(
    shared: RunningServer, body: bytes, error: str
) -> None:
    with _client(shared, shared.token) as client:
        refused = client.post("/v1/tokens", content=body)

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 100)
    assert error in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    "body,error",
    [
        (b'{"label":"new","labl":1}', "Unknown parameter labl."),
        (b'{"label":"new","str | null":1}', "Unknown parameter str | null."),
        (b'{"label":"new","a - at `$.label":1}', "Unknown parameter a - at `$.label."),
        (b"{}", "The parameter label is required."),
        (b'{"label":"new","scopes":["read","all"]}', "Param scopes[1] must be one of read, write, send, manage."),
        (b'{"label":"new","scopes":["`int` - at `$.x`"]}', "Param scopes[0] must be one of read, write, send, manage."),
        (b'{"label":5}', "Param label must be a string."),
        (b'{"label":""}', "Param label must be a string of length >= 1."),
        (b'{"label":"new","expires_at":-1}', "Param expires_at must be an integer >= 0."),
        (
            b'{"label":"new","expires_at":"tomorrow"}',
            f"Param expires_at must be {TIME}.",
        ),
        (b"[]", "The body must be an object."),
    ],
)
def test_the_error_of_a_request_for_a_token_is_in_graphs_words(shared: RunningServer, body: bytes, error: str) -> None:
    with _client(shared, shared.token) as client:
        refused = client.post("/v1/tokens", content=body)

    assert refused.json()["error"]["message"] == f"(#100) {error}"


def test_a_value_of_a_wrong_type_gets_an_error_that_lists_the_types(shared: RunningServer) -> None:
    with _client(shared, shared.token) as client:
        refused = client.put("/v1/numbers/777/last_inbound", json={"users": ["16505550101"], "at": []})

    assert refused.json()["error"]["message"] == "(#100) Param at must be an integer or string."


@pytest.mark.parametrize("path", ["/v1/tokens/", "/healthz/", "/v1/numbers/777/last_inbound/"])
def test_an_address_with_an_extra_slash_is_an_unknown_path(shared: RunningServer, path: str) -> None:
    with _client(shared, shared.token) as client:
        answer = client.get(path, follow_redirects=False)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 2500)


def test_an_answer_with_a_token_in_it_is_not_stored_and_has_the_headers_of_every_other(shared: RunningServer) -> None:
    made = _create(shared, shared.token)
    with _client(shared, shared.token) as client:
        answers = [made, client.get("/v1/tokens"), client.delete(f"/v1/tokens/{made.json()['token_id']}")]

    for answer in answers:
        assert "no-store" in answer.headers["cache-control"]
        assert answer.headers["facebook-api-version"] == "v23.0"
        assert len(answer.headers.get_list("x-fb-request-id")) == 1
        assert answer.headers["content-type"] == "application/json"


def test_an_unknown_token_cannot_be_revoked(shared: RunningServer) -> None:
    with _client(shared, shared.token) as client:
        assert client.delete("/v1/tokens/abcdef").json()["error"]["error_subcode"] == 33


def test_a_revoked_token_is_refused_at_once(shared: RunningServer) -> None:
    made = _create(shared, shared.token).json()
    with _client(shared, made["token"]) as holder, _client(shared, shared.token) as owner:
        assert holder.get(shared.block_users).status_code == 200

        revoked = owner.delete(f"/v1/tokens/{made['token_id']}")

        assert revoked.json() == {"success": True}
        assert holder.get(shared.block_users).json()["error"]["code"] == 190
    assert "revoked_at" in {info["token_id"]: info for info in _list(shared, shared.token)}[made["token_id"]]


def test_a_token_may_revoke_itself(shared: RunningServer) -> None:
    made = _create(shared, shared.token).json()

    with _client(shared, made["token"]) as client:
        assert client.delete(f"/v1/tokens/{made['token_id']}").json() == {"success": True}
        assert client.get("/v1/tokens").json()["error"]["code"] == 190


def test_a_token_that_one_server_revoked_is_soon_refused_by_another(tmp_path: Path) -> None:
    clock = TurnedClock()
    with running_server(tmp_path) as one, running_server(tmp_path, monotonic=clock) as other:
        made = _create(one, one.token).json()
        with _client(other, made["token"]) as holder, _client(one, one.token) as owner:
            assert holder.get(other.block_users).status_code == 200

            owner.delete(f"/v1/tokens/{made['token_id']}")

            clock.turn(1)  # the documented delay
            assert holder.get(other.block_users).json()["error"]["code"] == 190


def test_a_token_that_is_revoked_while_a_body_arrives_has_no_effect(shared: RunningServer) -> None:
    made = _create(shared, shared.token, label="slow").json()
    body = block("16505550199")
    head = f"POST {shared.block_users} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {made['token']}\r\n"
    with Connection(shared) as connection:
        connection.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:10])
        httpx2.get(f"{shared.url}/healthz")  # by then the first piece has been read
        with _client(shared, shared.token) as owner:
            owner.delete(f"/v1/tokens/{made['token_id']}")

        connection.send(body[10:])

        assert connection.answer().error["code"] == 190


@pytest.mark.parametrize("text", ["", "1\0", "1 ", "1" * 33, "none", "\u0661"])
def test_an_invalid_phone_number_id_is_refused(shared: RunningServer, text: str) -> None:
    refused = _create(shared, "manager", scopes=["read"], phone_number_ids=["777", text])

    assert refused.status_code == 400
    assert "phone_number_ids[1]" in refused.json()["error"]["message"]


def test_a_token_may_have_a_thousand_numbers(shared: RunningServer) -> None:
    numbers = [str(number) for number in range(1_001)]
    statuses = [
        _create(shared, "manager", scopes=["read"], phone_number_ids=ids).status_code for ids in (numbers[1:], numbers)
    ]
    assert statuses == [201, 400]
