"""`/v1/users/{user}`: what the account's lists know of one user."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.end_to_end.graph import body
from tests.running_server import ACCOUNT_ID, PHONE_NUMBER_ID, RunningServer, running_server

from wablock.access import ALL_SCOPES, AccessToken, Scope, digest
from wablock.block_list.ports import BusinessNumber

SECOND, FOREIGN = "106540352242923", "777"
ANNA: Final = "+16505550101"
NUMBERS: Final = (
    BusinessNumber(PHONE_NUMBER_ID, ACCOUNT_ID),
    BusinessNumber(SECOND, ACCOUNT_ID),
    BusinessNumber(FOREIGN, "other"),
)
TOKENS: Final = [
    AccessToken(digest("limited"), ACCOUNT_ID, "limited", ALL_SCOPES, frozenset({SECOND}), 0),
    AccessToken(digest("stranger"), "other", "stranger", ALL_SCOPES, None, 0),
    *(AccessToken(digest(scope), ACCOUNT_ID, scope, frozenset({scope}), None, 0) for scope in Scope),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, numbers=NUMBERS, tokens=TOKENS) as running:
        yield running


def call(server: RunningServer, method: str, path: str, token: str = "", **content: Any) -> Any:
    headers = {"authorization": f"Bearer {token or server.token}"}
    answer = httpx2.request(method, f"{server.url}{path}", headers=headers, json=content or None)
    assert answer.status_code < 300, answer.text
    return answer.json()


def shared(server: RunningServer, name: str, kind: str = "block", user: str = ANNA) -> str:
    """A new shared list with one user."""
    list_id: str = call(server, "POST", "/v1/lists", name=name, kind=kind)["list_id"]
    call(server, "POST", f"/v1/lists/{list_id}/members", users=[{"user": user}], reason="chargeback")
    return list_id


def shown(server: RunningServer, user: str = ANNA, token: str = "") -> Any:
    return call(server, "GET", f"/v1/users/{user}", token)


def test_a_user_on_no_list_is_shown_as_read(server: RunningServer) -> None:
    assert shown(server, "+1 650-555-0101") == {
        "input": "+1 650-555-0101",
        "wa_id": "16505550101",
        "blocked_on": [],
        "lists": [],
    }


def test_a_user_on_a_numbers_own_list_is_blocked_there(server: RunningServer) -> None:
    call(server, "POST", f"/v25.0/{PHONE_NUMBER_ID}/block_users", **body([ANNA[1:]]))

    user = shown(server)

    assert user["blocked_on"] == [PHONE_NUMBER_ID]
    (entry,) = user["lists"]
    assert (entry["list_id"], entry["kind"], entry["phone_number_ids"]) == (PHONE_NUMBER_ID, "own", [PHONE_NUMBER_ID])
    assert entry["member"]["input"] == ANNA


def test_a_user_on_a_list_of_all_numbers_is_blocked_on_each(server: RunningServer) -> None:
    list_id = shared(server, "fraud")
    call(server, "POST", f"/v1/lists/{list_id}/attachments", all=True)

    user = shown(server)

    assert user["blocked_on"] == [PHONE_NUMBER_ID, SECOND]
    (entry,) = user["lists"]
    assert (entry["kind"], entry["name"], entry["attached_to_all"]) == ("block", "fraud", True)
    assert entry["member"]["reason"] == "chargeback"


def test_a_list_that_is_not_attached_is_shown_and_blocks_no_one(server: RunningServer) -> None:
    shared(server, "fraud")

    user = shown(server)

    assert user["blocked_on"] == []
    assert [(entry["name"], entry["attached_to_all"]) for entry in user["lists"]] == [("fraud", False)]


def test_an_allow_list_is_shown_with_the_lists_that_it_overrules(server: RunningServer) -> None:
    call(server, "POST", f"/v1/lists/{shared(server, 'fraud')}/attachments", all=True)
    call(server, "POST", f"/v1/lists/{shared(server, 'vip', 'allow')}/attachments", phone_number_id=SECOND)

    user = shown(server)

    assert user["blocked_on"] == [PHONE_NUMBER_ID]
    assert [(entry["name"], entry["kind"]) for entry in user["lists"]] == [("fraud", "block"), ("vip", "allow")]


def test_a_token_for_some_numbers_sees_their_own_lists_alone(server: RunningServer) -> None:
    call(server, "POST", f"/v1/lists/{shared(server, 'fraud')}/attachments", all=True)
    for number in (PHONE_NUMBER_ID, SECOND):
        call(server, "POST", f"/v25.0/{number}/block_users", **body([ANNA[1:]]))

    user = shown(server, token="limited")

    assert [entry["list_id"] for entry in user["lists"]] == [SECOND]
    assert user["blocked_on"] == [SECOND]


def test_a_token_for_some_numbers_sees_that_a_shared_list_blocks_the_user_there(server: RunningServer) -> None:
    call(server, "POST", f"/v1/lists/{shared(server, 'fraud')}/attachments", all=True)

    user = shown(server, token="limited")

    assert (user["lists"], user["blocked_on"]) == ([], [SECOND])


def test_a_token_for_some_numbers_sees_that_an_allow_list_overrules_the_own_list(server: RunningServer) -> None:
    call(server, "POST", f"/v25.0/{SECOND}/block_users", **body([ANNA[1:]]))
    call(server, "POST", f"/v1/lists/{shared(server, 'vip', 'allow')}/attachments", phone_number_id=SECOND)

    user = shown(server, token="limited")

    assert ([entry["list_id"] for entry in user["lists"]], user["blocked_on"]) == ([SECOND], [])


def test_another_account_sees_nothing(server: RunningServer) -> None:
    call(server, "POST", f"/v1/lists/{shared(server, 'fraud')}/attachments", all=True)

    assert shown(server, token="stranger")["lists"] == []


@pytest.mark.parametrize("scope, status", [(it, 200 if it is Scope.READ else 403) for it in Scope])
def test_only_a_token_that_may_read_sees_a_user(server: RunningServer, scope: Scope, status: int) -> None:
    headers = {"authorization": f"Bearer {scope}"}

    assert httpx2.get(f"{server.url}/v1/users/{ANNA}", headers=headers).status_code == status


def test_a_text_that_is_no_user_is_refused(server: RunningServer) -> None:
    answer = httpx2.get(f"{server.url}/v1/users/anna", headers={"authorization": f"Bearer {server.token}"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
