"""A near miss of a member's name is refused in every kind of request, and no user is blocked."""

from collections.abc import Callable
from typing import Any

import httpx2
import msgspec
import pytest
from tests.conformance.caller import Caller, users_body

USER = "+16505550101"
MISSES = {"expires_in_days": "expires_at", "Reason": "reason", "expires-at": "expires_at", "userId": "user_id"}
Sending = Callable[[Caller, dict[str, Any]], httpx2.Response]


def _json(caller: Caller, item: dict[str, Any]) -> httpx2.Response:
    return caller.send("POST", users_body([USER, item]))


def _texts(item: dict[str, Any]) -> dict[str, str]:
    return {"messaging_product": "whatsapp", "block_users": msgspec.json.encode([{"user": USER}, item]).decode()}


def _brackets(item: dict[str, Any]) -> dict[str, str]:
    members = {f"block_users[1][{name}]": str(value) for name, value in item.items()}
    return {"messaging_product": "whatsapp", "block_users[0][user]": USER} | members


SENDINGS: dict[str, Sending] = {
    "json": _json,
    "a form's JSON text": lambda caller, item: caller.send("POST", data=_texts(item)),
    "a form's brackets": lambda caller, item: caller.send("POST", data=_brackets(item)),
    "a query's JSON text": lambda caller, item: caller.send("POST", params=_texts(item)),
    "a query's brackets": lambda caller, item: caller.send("POST", params=_brackets(item)),
    "multipart": lambda caller, item: caller.send("POST", files={k: (None, v) for k, v in _brackets(item).items()}),
    "json and a query": lambda caller, item: caller.send("POST", users_body([USER, item]), params={"pretty": "0"}),
}


@pytest.mark.parametrize("sending", SENDINGS.values(), ids=SENDINGS)
@pytest.mark.parametrize("name, meant", MISSES.items())
def test_a_near_miss_is_refused_with_the_right_name_in_every_kind_of_request(
    caller: Caller, sending: Sending, name: str, meant: str
) -> None:
    answer = sending(caller, {"user": "+16505550102", name: "7"})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, 100)
    assert error["message"] == f"(#100) Unknown parameter block_users[1][{name}]: write block_users[1][{meant}]."
    assert caller.listed() == []


def test_the_refusal_of_a_near_expires_at_names_its_unit(caller: Caller) -> None:
    answer = caller.block({"user": USER, "expires_in_days": 7})

    assert answer.json()["error"]["error_data"]["details"] == (
        "expires_at is in seconds since 1970, or an ISO 8601 time with a zone."
    )


@pytest.mark.parametrize("sending", SENDINGS.values(), ids=SENDINGS)
def test_an_unknown_member_is_ignored_in_every_kind_of_request(caller: Caller, sending: Sending) -> None:
    answer = sending(caller, {"user": "+16505550102", "wa_id": "16505550102", "nick-name": "Sheena"})

    assert answer.status_code == 200
    assert caller.listed() == ["16505550101", "16505550102"]


def test_a_member_whose_name_is_escaped_is_the_member(caller: Caller) -> None:
    content = rb'{"messaging_product":"whatsapp","block_users":[{"us\u0065r":"+16505550101","nick\u006eame":1}]}'

    answer = caller.send("POST", content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code == 200
    assert caller.listed() == ["16505550101"]


def test_a_near_miss_is_refused_on_unblocking_too(caller: Caller) -> None:
    caller.block(USER)

    answer = caller.unblock({"user": USER, "User_Id": "US.1"})

    assert answer.status_code == 400
    assert caller.listed() == ["16505550101"]


def test_the_missing_product_comes_first(caller: Caller) -> None:
    answer = caller.send("POST", {"block_users": [{"User": USER}]})

    assert answer.json()["error"]["message"] == "(#100) The parameter messaging_product is required."
