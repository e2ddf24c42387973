"""The check over HTTP."""

import httpx2
import pytest
from tests.running_server import RunningServer

ANNA, BEN = "+16505551234", "+16505550101"


def check(server: RunningServer, user: str, **query: str) -> httpx2.Response:
    url = f"{server.url}/v1/numbers/{server.phone_number_id}/check/{user}"
    return httpx2.get(url, params=query, headers={"authorization": f"Bearer {server.token}"})


def check_many(server: RunningServer, body: object) -> httpx2.Response:
    url = f"{server.url}/v1/numbers/{server.phone_number_id}/check"
    return httpx2.post(url, json=body, headers={"authorization": f"Bearer {server.token}"})


@pytest.fixture(autouse=True)
def _anna_is_blocked(server: RunningServer) -> None:
    users = [{"user": ANNA, "reason": "spam", "expires_at": 4_000_000_000}]
    answer = httpx2.post(
        server.url + server.block_users,
        json={"messaging_product": "whatsapp", "block_users": users},
        headers={"authorization": f"Bearer {server.token}"},
    )
    assert answer.status_code == 200


def test_a_blocked_user_is_returned_with_time_and_reason(server: RunningServer) -> None:
    body = check(server, "%2B16505551234").json()

    assert body.pop("blocked_at") > 1_700_000_000
    assert body == {
        "input": ANNA,
        "wa_id": "16505551234",
        "blocked": True,
        "reason": "spam",
        "expires_at": 4_000_000_000,
    }


def test_a_free_user_is_returned_as_not_blocked(server: RunningServer) -> None:
    assert check(server, "16505550101").json() == {"input": "16505550101", "wa_id": "16505550101", "blocked": False}


@pytest.mark.parametrize("user,status", [("16505551234", 403), ("16505550101", 204)])
def test_the_answer_may_be_the_status_alone(server: RunningServer, user: str, status: int) -> None:
    answer = check(server, user, **{"as": "status"})

    assert (answer.status_code, answer.content) == (status, b"")


def test_many_users_are_answered_in_their_order_and_invalid_ones_apart(server: RunningServer) -> None:
    body = check_many(server, {"users": [BEN, ANNA, "anna", *[f"+1650555{n:04d}" for n in range(200, 220)]]}).json()

    assert [(user["input"], user["blocked"]) for user in body["users"][:2]] == [(BEN, False), (ANNA, True)]
    assert len(body["users"]) == 22
    assert [user["input"] for user in body["failed_users"]] == ["anna"]


def test_a_parent_id_that_no_webhook_showed_is_not_blocked(server: RunningServer) -> None:
    assert check(server, "US.ENT.11815799212886844830").json() == {
        "input": "US.ENT.11815799212886844830",
        "blocked": False,
    }


def test_an_invalid_user_is_refused(server: RunningServer) -> None:
    assert check(server, "12").status_code == 400


@pytest.mark.parametrize("body", [{}, {"users": "x"}, {"users": [1]}, {"users": ["+1"] * 1_001}, [], {"user": []}])
def test_a_bad_body_gets_a_graph_error(server: RunningServer, body: object) -> None:
    answer = check_many(server, body)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in (100, 130429)


def test_a_token_is_required(server: RunningServer) -> None:
    answer = httpx2.get(f"{server.url}/v1/numbers/{server.phone_number_id}/check/16505551234")

    assert answer.json()["error"]["code"] == 104


def test_another_method_is_refused(server: RunningServer) -> None:
    url = f"{server.url}/v1/numbers/{server.phone_number_id}/check"
    answer = httpx2.get(url, headers={"authorization": f"Bearer {server.token}"})

    assert answer.status_code == 400


def test_an_unknown_value_of_as_is_refused(server: RunningServer) -> None:
    assert check(server, "16505551234", **{"as": "text"}).status_code == 400
