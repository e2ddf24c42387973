"""The header Idempotency-Key: a repeated write is answered as the first, and changes nothing."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.block_list.stopped_clock import StoppedClock
from tests.running_server import ACCOUNT_ID, NUMBER, RunningServer, running_server

from wablock.access import ALL_SCOPES, AccessToken, digest
from wablock.block_list.ports import BusinessNumber, Rules

ANNA, BEN, CARA = "+16505550101", "+16505550102", "+16505550103"
KEY = {"Idempotency-Key": "4c1e1f6e-6a39-4b64-a3a5-09f24bb5b0f3"}
OTHER_ACCOUNT, OTHER_NUMBER = "102290129340399", "106540352242923"
TOKENS = [
    AccessToken(digest("colleague"), ACCOUNT_ID, "colleague", ALL_SCOPES, None, 0),
    AccessToken(digest("stranger"), OTHER_ACCOUNT, "stranger", ALL_SCOPES, None, 0),
]
NUMBERS = [NUMBER, BusinessNumber(OTHER_NUMBER, OTHER_ACCOUNT)]
REUSED = "(#100) The Idempotency-Key was sent before with a different request for this list."


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def server(tmp_path: Path, clock: StoppedClock) -> Iterator[RunningServer]:
    with running_server(tmp_path, tokens=TOKENS, numbers=NUMBERS, clock=clock) as running:
        yield running


class Api:
    """Requests to one server."""

    def __init__(self, server: RunningServer, token: str | None = None, number: str | None = None) -> None:
        self._url = server.url
        self._headers = {"authorization": f"Bearer {token or server.token}", "X-Wablock-Effects": "1"}
        number = number or server.phone_number_id
        self.block_users = f"/v25.0/{number}/block_users"
        self.members = f"/v1/lists/{number}/members"

    def send(self, method: str, path: str, body: Any, headers: Sequence[tuple[bytes, bytes]]) -> httpx2.Response:
        """A request with headers that may be repeated, or not be valid."""
        own = [(name.encode(), value.encode()) for name, value in self._headers.items()]
        return httpx2.request(method, self._url + path, json=body, headers=[*own, *headers], timeout=30)

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] = KEY) -> httpx2.Response:
        return httpx2.request(method, self._url + path, json=body, headers=self._headers | headers, timeout=30)

    def block(self, *users: str, headers: dict[str, str] = KEY, **details: Any) -> httpx2.Response:
        items = [{"user": user} | details for user in users]
        return self.call("POST", self.block_users, {"messaging_product": "whatsapp", "block_users": items}, headers)

    def unblock(self, *users: str, headers: dict[str, str] = KEY) -> httpx2.Response:
        body = {"messaging_product": "whatsapp", "block_users": [{"user": user} for user in users]}
        return self.call("DELETE", self.block_users, body, headers)

    def listed(self) -> list[str]:
        return [member["input"] for member in self.call("GET", self.members).json()["data"]]

    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.call("GET", "/v1/events").json()["data"]
        return events


@pytest.fixture
def api(server: RunningServer) -> Api:
    return Api(server)


def content(response: httpx2.Response) -> tuple[int, Any, str | None]:
    """What a repeat has in common with the first response: each has an id of its own."""
    body = response.json()
    body.get("error", {}).pop("fbtrace_id", None)
    return response.status_code, body, response.headers.get("etag")


def is_repeat(response: httpx2.Response) -> bool:
    return response.headers.get("idempotent-replayed") == "true"


def error(response: httpx2.Response) -> tuple[int, int, str]:
    body = response.json()["error"]
    return response.status_code, body["code"], body["message"]


def test_a_repeated_block_is_answered_as_the_first(api: Api) -> None:
    api.block(BEN, headers={})
    first = api.block(ANNA, BEN, "12x")
    api.unblock(ANNA, headers={})

    second = api.block(ANNA, BEN, "12x")

    assert [user["effect"] for user in first.json()["block_users"]["added_users"]] == ["added", "unchanged"]
    assert [user["input"] for user in first.json()["block_users"]["failed_users"]] == ["12x"]
    assert content(second) == content(first)
    assert (is_repeat(first), is_repeat(second)) == (False, True)
    assert api.listed() == [BEN]
    assert len(api.events()) == 3


def test_a_repeated_unblock_is_answered_as_the_first(api: Api) -> None:
    api.block(ANNA, headers={})
    first = api.unblock(ANNA, BEN)
    api.block(ANNA, headers={})

    second = api.unblock(ANNA, BEN)

    assert [user["effect"] for user in first.json()["block_users"]["removed_users"]] == ["removed", "not_there"]
    assert content(second) == content(first)
    assert is_repeat(second)
    assert api.listed() == [ANNA]


def test_a_repeated_addition_of_members_is_answered_as_the_first(api: Api) -> None:
    body = {"users": [{"user": ANNA}, {"user": "12x"}], "reason": "spam", "if_listed": "replace"}
    first = api.call("POST", api.members, body)
    api.unblock(ANNA, headers={})

    second = api.call("POST", api.members, body)

    assert first.json()["added"] == 1
    assert content(second) == content(first)
    assert is_repeat(second)
    assert api.listed() == []


def test_a_repeated_edit_is_answered_as_the_first_with_its_etag(api: Api) -> None:
    api.block(ANNA, headers={})
    first = api.call("PATCH", f"{api.members}/{ANNA}", {"reason": "spam"})
    api.call("PATCH", f"{api.members}/{ANNA}", {"reason": "abuse"}, headers={})

    second = api.call("PATCH", f"{api.members}/{ANNA}", {"reason": "spam"})

    assert first.json()["reason"] == "spam"
    assert content(second) == content(first)
    assert is_repeat(second)
    assert api.call("GET", f"{api.members}/{ANNA}").json()["reason"] == "abuse"


def test_a_repeated_edit_succeeds_though_its_if_match_has_become_old(api: Api) -> None:
    api.block(ANNA, headers={})
    etag = api.call("GET", f"{api.members}/{ANNA}").headers["etag"]
    headers = KEY | {"If-Match": etag}
    first = api.call("PATCH", f"{api.members}/{ANNA}", {"reason": "spam"}, headers)
    api.call("PATCH", f"{api.members}/{ANNA}", {"reason": "abuse"}, headers={})

    assert content(api.call("PATCH", f"{api.members}/{ANNA}", {"reason": "spam"}, headers)) == content(first)


def test_a_repeated_removal_is_answered_as_the_first(api: Api) -> None:
    api.block(ANNA, headers={})
    first = api.call("DELETE", f"{api.members}/{ANNA}?reason=mistake")

    second = api.call("DELETE", f"{api.members}/{ANNA}?reason=mistake")

    assert first.json() == {"success": True, "effect": "removed"}
    assert content(second) == content(first)
    assert is_repeat(second)


def test_a_repeated_undo_is_answered_as_the_first(api: Api) -> None:
    api.block(ANNA, BEN, headers={})
    path = f"/v1/events/{api.events()[0]['event_id']}/undo"
    first = api.call("POST", path, {"reason": "mistake"})
    api.block(ANNA, headers={})

    second = api.call("POST", path, {"reason": "mistake"})

    assert first.json()["changed"] == 2
    assert content(second) == content(first)
    assert is_repeat(second)
    assert api.listed() == [ANNA]


def test_a_preview_of_an_undo_uses_no_key(api: Api) -> None:
    api.block(ANNA, headers={})
    path = f"/v1/events/{api.events()[0]['event_id']}/undo"
    api.call("POST", path, {"preview": True})

    undone = api.call("POST", path, {})

    assert (undone.json()["preview"], undone.json()["changed"], is_repeat(undone)) == (False, 1, False)


def test_the_users_that_an_allow_list_freed_are_named_again(api: Api) -> None:
    vip = api.call("POST", "/v1/lists", {"name": "VIP", "kind": "allow"}).json()["list_id"]
    api.call("POST", f"/v1/lists/{vip}/attachments", {"all": True}, headers={})
    api.block(ANNA, headers={})
    body = {"users": [{"user": ANNA}, {"user": BEN}]}
    first = api.call("POST", f"/v1/lists/{vip}/members", body)

    second = api.call("POST", f"/v1/lists/{vip}/members", body)

    assert first.json()["freed"] == 1
    assert content(second) == content(first)


def test_the_same_key_with_another_request_is_refused(api: Api) -> None:
    api.block(ANNA)

    refused = [
        api.block(BEN),
        api.block(ANNA, reason="spam"),
        api.unblock(ANNA),
        api.call("POST", api.members, {"users": [{"user": ANNA}]}),
        api.call("DELETE", f"{api.members}/{ANNA}"),
        api.block(ANNA, headers=KEY | {"X-Wablock-On-Behalf-Of": "maria"}),
    ]

    assert [error(it) for it in refused] == [(422, 100, REUSED)] * len(refused)
    assert api.listed() == [ANNA]
    assert len(api.events()) == 1


def test_another_token_of_the_account_may_repeat_a_request(server: RunningServer, api: Api) -> None:
    first = api.block(ANNA)

    second = Api(server, "colleague").block(ANNA)

    assert content(second) == content(first)
    assert is_repeat(second)
    assert [event["by"] for event in api.events()] == ["test"]


def test_another_account_may_use_the_same_key(server: RunningServer, api: Api) -> None:
    api.block(ANNA)
    stranger = Api(server, "stranger", OTHER_NUMBER)

    response = stranger.block(BEN)

    assert (response.status_code, is_repeat(response)) == (200, False)
    assert stranger.listed() == [BEN]


def test_another_account_learns_nothing_with_the_key_of_a_request(server: RunningServer, api: Api) -> None:
    api.block(ANNA)

    response = Api(server, "stranger").block(ANNA)

    assert response.status_code == 400
    assert response.json()["error"]["error_subcode"] == 33


def test_a_request_that_failed_as_a_whole_may_be_sent_again(api: Api) -> None:
    missing = api.call("PATCH", f"{api.members}/{ANNA}", {"reason": "spam"})
    api.block(ANNA, headers={})

    edited = api.call("PATCH", f"{api.members}/{ANNA}", {"reason": "spam"})

    assert (missing.status_code, edited.status_code, is_repeat(edited)) == (404, 200, False)


def test_a_request_in_which_every_user_failed_is_answered_as_the_first(api: Api) -> None:
    first = api.block("12x")

    second = api.block("12x")

    assert content(second) == content(first)
    assert (is_repeat(first), is_repeat(second)) == (False, True)
    assert error(api.block(ANNA)) == (422, 100, REUSED)


def test_a_user_who_was_refused_stays_refused_in_a_repeat(tmp_path: Path) -> None:
    with running_server(tmp_path, rules=Rules.META) as running:
        api = Api(running)
        first = api.block(ANNA)
        noted = api.call("PUT", f"/v1/numbers/{running.phone_number_id}/last_inbound", {"users": [ANNA]}, headers={})
        assert noted.status_code == 200

        second = api.block(ANNA)

        assert "failed_users" in first.json()["block_users"]
        assert content(second) == content(first)
        assert "added_users" in api.block(ANNA, headers={}).json()["block_users"]


@pytest.mark.parametrize("operation", ["block", "add", "edit"])
def test_a_repeat_is_answered_also_after_the_block_has_ended(api: Api, clock: StoppedClock, operation: str) -> None:
    end = clock.now // 1_000_000 + 60
    if operation == "edit":
        api.block(ANNA, headers={})

    def send() -> httpx2.Response:
        if operation == "block":
            return api.block(ANNA, expires_at=end)
        if operation == "add":
            return api.call("POST", api.members, {"users": [{"user": ANNA}], "expires_at": end})
        return api.call("PATCH", f"{api.members}/{ANNA}", {"expires_at": end})

    first = send()
    clock.turn(61)

    second = send()

    assert first.status_code == 200
    assert content(second) == content(first)
    assert is_repeat(second)
    assert api.listed() == []


def test_a_block_that_would_have_ended_is_refused_with_a_new_key(api: Api, clock: StoppedClock) -> None:
    response = api.block(ANNA, expires_at=clock.now // 1_000_000 - 1)

    assert error(response)[::2] == (400, "(#100) Param block_users[0][expires_at] must be in the future.")
    assert not is_repeat(api.block(BEN))


@pytest.mark.parametrize("key", ["", "x" * 256, "schl\u00fcssel", "a\tb"])
def test_a_key_that_is_not_valid_is_refused(api: Api, key: str) -> None:
    body = {"messaging_product": "whatsapp", "block_users": [{"user": ANNA}]}

    response = api.send("POST", api.block_users, body, [(b"Idempotency-Key", key.encode())])

    assert error(response)[:2] == (400, 100)
    assert "Idempotency-Key" in error(response)[2]
    assert api.listed() == []


def test_two_keys_in_one_request_are_refused(api: Api) -> None:
    keys = [(b"Idempotency-Key", b"a"), (b"Idempotency-Key", b"b")]

    response = api.send("DELETE", f"{api.members}/{ANNA}", None, keys)

    assert error(response)[:2] == (400, 100)


@pytest.mark.parametrize("key", ["a", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "order 17, try it"])
def test_any_printable_key_is_accepted(api: Api, key: str) -> None:
    headers = {"Idempotency-Key": key}
    first = api.block(ANNA, headers=headers)

    second = api.block(ANNA, headers=headers)

    assert (is_repeat(first), is_repeat(second)) == (False, True)


def test_a_read_ignores_the_key(api: Api) -> None:
    assert api.call("GET", api.block_users, headers={"Idempotency-Key": "x" * 300}).status_code == 200
