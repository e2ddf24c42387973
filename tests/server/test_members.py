"""`/v1/lists/{list_id}/members`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.block_list.stopped_clock import StoppedClock
from tests.running_server import ACCOUNT_ID, NUMBER, RunningServer, running_server

from wablock.access import ALL_SCOPES, AccessToken, Scope, digest
from wablock.block_list.ports import BusinessNumber, Rules

ANNA, BEN, CARA = "+16505550101", "+16505550102", "+16505550103"
LATER = 4_000_000_000
FOREIGN, OTHER = "106540352242923", "106540352242924"
TOKENS = [
    AccessToken(digest("reader"), ACCOUNT_ID, "reader", frozenset({Scope.READ}), None, 0),
    AccessToken(digest("writer"), ACCOUNT_ID, "writer", frozenset({Scope.WRITE}), None, 0),
    AccessToken(digest("editor"), ACCOUNT_ID, "editor", frozenset({Scope.READ, Scope.WRITE}), None, 0),
    AccessToken(digest("manager"), ACCOUNT_ID, "manager", frozenset({Scope.MANAGE}), None, 0),
    AccessToken(digest("limited"), ACCOUNT_ID, "limited", ALL_SCOPES, frozenset({OTHER}), 0),
]
NUMBERS = [NUMBER, BusinessNumber(FOREIGN, "another account"), BusinessNumber(OTHER, ACCOUNT_ID)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, tokens=TOKENS, numbers=NUMBERS) as running:
        yield running


class Lists:
    """The members of one list, over HTTP."""

    def __init__(self, server: RunningServer, token: str | None = None, list_id: str | None = None) -> None:
        self._url = f"{server.url}/v1/lists/{list_id or server.phone_number_id}/members"
        self._headers = {"authorization": f"Bearer {token or server.token}"}

    def call(self, method: str, path: str = "", body: Any = None, **headers: str) -> httpx2.Response:
        headers = self._headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.request(method, self._url + path, json=body, headers=headers, timeout=30)

    def add(self, *users: str | dict[str, Any], **members: Any) -> httpx2.Response:
        items = [{"user": user} if isinstance(user, str) else user for user in users]
        return self.call("POST", body={"users": items} | members)

    def get(self, user: str) -> Any:
        response = self.call("GET", f"/{user}")
        assert response.status_code == 200, response.text
        return response.json()

    def edit(self, user: str, body: Any, **headers: str) -> httpx2.Response:
        return self.call("PATCH", f"/{user}", body, **headers)


@pytest.fixture
def members(server: RunningServer) -> Lists:
    return Lists(server)


def error(response: httpx2.Response) -> tuple[int, int, str]:
    body = response.json()["error"]
    return response.status_code, body["code"], body["message"]


def test_added_users_are_on_the_list_with_all_details(members: Lists) -> None:
    details = {"reason": "spam", "note": "third time", "expires_at": LATER, "source": "import", "batch_id": "b-1"}

    response = members.add(ANNA, **details)

    operation = {"input": ANNA, "wa_id": ANNA[1:], "effect": "added"}
    expected = {"members": [operation], "failed": [], "added": 1, "updated": 0, "unchanged": 0}
    assert (response.status_code, response.json()) == (200, expected)
    member = members.get("16505550101")
    assert member.pop("blocked_at") > 1_700_000_000
    assert len(member.pop("etag")) == 20
    assert member == {"wa_id": ANNA[1:], "input": ANNA, "blocked_by": "test"} | details


def test_details_of_a_user_come_before_those_of_the_request(members: Lists) -> None:
    members.add({"user": ANNA, "reason": "abuse"}, BEN, reason="spam")

    assert [members.get(user)["reason"] for user in (ANNA, BEN)] == ["abuse", "spam"]


def test_a_users_details_are_kept_by_default(members: Lists) -> None:
    members.add(ANNA, reason="spam", expires_at=LATER)
    before = members.get(ANNA)

    answer = members.add(ANNA, BEN, reason="campaign").json()

    assert (answer["added"], answer["updated"], answer["unchanged"]) == (1, 0, 1)
    assert [member["effect"] for member in answer["members"]] == ["unchanged", "added"]
    assert members.get(ANNA) == before


def test_a_users_details_are_replaced_on_request(members: Lists) -> None:
    members.add(ANNA, reason="spam", note="old", expires_at=LATER, batch_id="first")

    answer = members.add(ANNA, reason="campaign", if_listed="replace", batch_id="second").json()

    member = members.get(ANNA)
    assert answer["updated"] == 1
    assert (member["reason"], member["updated_by"], member["batch_id"]) == ("campaign", "test", "first")
    assert {"note", "expires_at"}.isdisjoint(member)


def test_the_block_api_renews_as_before(server: RunningServer, members: Lists) -> None:
    members.add(ANNA, reason="spam", expires_at=LATER)

    response = httpx2.post(
        server.url + server.block_users,
        json={"messaging_product": "whatsapp", "block_users": [{"user": ANNA}, {"user": BEN}]},
        headers={"authorization": f"Bearer {server.token}"},
    )

    assert response.status_code == 200
    anna, ben = members.get(ANNA), members.get(BEN)
    assert (anna["reason"], "expires_at" in anna) == ("spam", False)
    assert (ben["source"], "batch_id" in ben) == ("api", False)


def test_a_member_is_found_by_any_spelling_and_by_its_user_id(members: Lists) -> None:
    members.add({"user": "+5511987654321", "user_id": "BR.1"})

    assert members.get("551187654321") == members.get("%2B55%2011%2098765-4321") == members.get("BR.1")


def test_an_edit_changes_only_what_it_names(members: Lists) -> None:
    members.add(ANNA, reason="spam", note="third time", expires_at=LATER)
    before = members.get(ANNA)

    response = members.edit(ANNA, {"reason": "abuse", "expires_at": None})

    after = response.json()
    assert after == members.get(ANNA)
    assert response.headers["etag"] == f'"{after["etag"]}"'
    expected = before | {"reason": "abuse", "updated_by": "test"}
    expected |= {name: after[name] for name in ("updated_at", "etag")}
    del expected["expires_at"]
    assert after == expected
    assert after["etag"] != before["etag"]


def test_an_edit_takes_a_time_with_a_zone(members: Lists) -> None:
    members.add(ANNA)

    assert members.edit(ANNA, {"expires_at": "2096-10-02T07:06:40Z"}).json()["expires_at"] == LATER


TIME = (
    "(#100) Param expires_at must be seconds since 1970 or an ISO 8601 time with a zone, such as 2027-01-31T12:00:00Z."
)


@pytest.mark.parametrize(
    "body, message",
    [
        ({"reasons": "spam"}, "(#100) Unknown parameter reasons."),
        ({"source": "cli"}, "(#100) Unknown parameter source."),
        ({}, "(#100) The body must have reason, note or expires_at."),
        ([], "(#100) The body must be an object."),
        ({"reason": 1}, "(#100) Param reason must be a string."),
        ({"expires_at": 1}, "(#100) Param expires_at must be in the future."),
        ({"expires_at": 4e9 + 0.5}, TIME),
        ({"note": "x" * 2_001}, "(#100) Param note must be a string of length <= 2000."),
    ],
)
def test_a_bad_edit_names_what_is_wrong_and_changes_nothing(members: Lists, body: Any, message: str) -> None:
    members.add(ANNA, reason="spam")
    before = members.get(ANNA)

    response = members.edit(ANNA, body)

    assert error(response) == (400, 100, message)
    assert members.get(ANNA) == before


def test_an_edit_with_the_etag_that_was_read_is_made(members: Lists) -> None:
    members.add(ANNA)
    etag = members.get(ANNA)["etag"]

    response = members.edit(ANNA, {"reason": "abuse"}, if_match=f'"other", "{etag}"')

    assert response.json()["reason"] == "abuse"


def test_an_edit_after_another_edit_is_refused_and_the_error_has_the_etag(members: Lists) -> None:
    members.add(ANNA)
    etag = members.get(ANNA)["etag"]
    members.edit(ANNA, {"note": "another's"})

    response = members.edit(ANNA, {"reason": "abuse"}, if_match=f'"{etag}"')

    assert error(response) == (412, 100, f'(#100) "{ANNA}" was changed after you had read it.')
    member = members.get(ANNA)
    assert member["etag"] in response.json()["error"]["error_data"]["details"]
    assert "reason" not in member


def test_a_repeated_edit_succeeds(members: Lists) -> None:
    members.add(ANNA)
    etag = members.get(ANNA)["etag"]
    first = members.edit(ANNA, {"reason": "abuse"}, if_match=f'"{etag}"')

    second = members.edit(ANNA, {"reason": "abuse"}, if_match=f'"{etag}"')

    assert (second.status_code, second.json()) == (200, first.json())


def test_an_edit_with_any_etag_is_made(members: Lists) -> None:
    members.add(ANNA)

    assert members.edit(ANNA, {"reason": "abuse"}, if_match="*").status_code == 200


@pytest.mark.parametrize("etag", ["abc", 'W/"abc"', '*, "abc"', '"a', ""])
def test_what_is_not_an_etag_is_refused(members: Lists, etag: str) -> None:
    members.add(ANNA)

    response = members.edit(ANNA, {"reason": "abuse"}, if_match=etag)

    assert error(response) == (400, 100, "(#100) If-Match must be * or the ETag of the member in quotes.")


def test_a_user_who_is_not_listed_is_not_found(members: Lists) -> None:
    missing = (404, 100, f'(#100) "{ANNA}" is not on the list 106540352242922.')

    assert error(members.call("GET", f"/{ANNA}")) == missing
    assert error(members.edit(ANNA, {"reason": "abuse"})) == missing
    assert error(members.edit(ANNA, {"reason": "abuse"}, if_match='"abc"')) == missing


def test_a_member_is_removed_once(members: Lists) -> None:
    members.add(ANNA, BEN)

    answers = [members.call("DELETE", f"/{ANNA}").json() for _ in range(2)]

    assert answers == [{"success": True, "effect": "removed"}, {"success": True, "effect": "not_there"}]
    assert [row["input"] for row in members.call("GET").json()["data"]] == [BEN]


def test_a_removal_does_not_ignore_if_match(members: Lists) -> None:
    members.add(ANNA)

    response = members.call("DELETE", f"/{ANNA}", if_match='"abc"')

    assert error(response) == (400, 100, "(#100) If-Match cannot be used to remove a member.")
    assert members.get(ANNA)


def test_an_expired_member_is_not_there(tmp_path: Path) -> None:
    clock = StoppedClock()
    with running_server(tmp_path, clock=clock) as server:
        members = Lists(server)
        end = clock() // 1_000_000 + 60
        members.add(ANNA, reason="spam", expires_at=end)
        clock.turn(61)

        assert members.call("GET", f"/{ANNA}").status_code == 404
        assert members.edit(ANNA, {"reason": "abuse"}).status_code == 404
        assert members.add(ANNA).json()["added"] == 1
        assert "reason" not in members.get(ANNA)


def test_pages_lead_through_the_list_and_back(members: Lists) -> None:
    users = [f"+1650555{number:04}" for number in range(201, 206)]
    members.add(*users, reason="spam")

    first = members.call("GET", "?limit=2").json()
    second = httpx2.get(first["paging"]["next"], headers=members._headers).json()
    third = members.call("GET", f"?limit=2&after={second['paging']['cursors']['after']}").json()
    back = members.call("GET", f"?limit=2&before={third['paging']['cursors']['before']}").json()

    shown = [[row["input"] for row in page["data"]] for page in (first, second, third)]
    assert shown == [users[:2], users[2:4], users[4:]]
    assert back["data"] == second["data"]
    assert ("previous" in first["paging"], "next" in third["paging"]) == (False, False)
    assert first["data"][0] == members.get(users[0])


def test_an_empty_list_has_no_paging(members: Lists) -> None:
    response = members.call("GET")

    assert response.json() == {"data": []}
    assert members.call("GET", if_none_match=response.headers["etag"]).status_code == 304


def test_a_page_with_a_bad_limit_or_cursor_is_refused(members: Lists) -> None:
    assert error(members.call("GET", "?limit=0")) == (400, 100, "(#100) Param limit must be an integer of 1 or more.")
    assert members.call("GET", "?after=x").json()["error"]["error_data"]["details"].startswith("The after cursor")


def test_users_who_fail_are_named_as_in_the_block_api(members: Lists) -> None:
    answer = members.add("12", ANNA, NUMBER.wa_id or "").json()

    assert [(user["input"], user["errors"][0]["code"]) for user in answer["failed"]] == [
        ("12", 131047),
        ("16505550100", 131021),
    ]
    assert [member["input"] for member in answer["members"]] == [ANNA]
    assert answer["added"] == 1


def test_metas_rules_hold(tmp_path: Path) -> None:
    with running_server(tmp_path, rules=Rules.META) as server:
        answer = Lists(server).add(ANNA).json()

    assert [(user["wa_id"], user["errors"][0]["code"]) for user in answer["failed"]] == [(ANNA[1:], 131047)]
    assert (answer["members"], answer["added"]) == ([], 0)


PARENT = "US.ENT.11815799212886844830"


@pytest.mark.parametrize(
    "body, message",
    [
        ({}, "(#100) The parameter users is required."),
        ({"users": []}, "(#100) The parameter users is required."),
        ({"users": [ANNA]}, "(#100) Param users[0] must be an object."),
        ({"users": [{}]}, "(#100) The parameter users[0][user] is required."),
        ({"users": [{"user": ANNA, "expires": 1}]}, "(#100) Unknown parameter users[0][expires]."),
        ({"users": [{"user": ANNA}], "reasons": "x"}, "(#100) Unknown parameter reasons."),
        ({"users": [{"user": ANNA}], "if_listed": "renew"}, "(#100) Param if_listed must be one of keep, replace."),
        ({"users": [{"user": ANNA}], "if_listed": "x"}, "(#100) Param if_listed must be one of keep, replace."),
        (
            {"users": [{"user": ANNA}], "source": "x"},
            "(#100) Param source must be one of api, cli, import, console.",
        ),
        ({"users": [{"user": ANNA}], "batch_id": ""}, "(#100) Param batch_id must be a string of length >= 1."),
        ({"users": [{"user": ANNA}], "expires_at": 1}, "(#100) Param users[0][expires_at] must be in the future."),
        (
            {"users": [{"user_id": PARENT}]},
            f'(#100) Param users[0][user_id] cannot be a parent user id: "{PARENT}".',
        ),
    ],
)
def test_bad_users_are_refused_whole(members: Lists, body: Any, message: str) -> None:
    assert error(members.call("POST", body=body)) == (400, 100, message)
    assert members.call("GET").json() == {"data": []}


def test_too_many_users_are_refused(members: Lists) -> None:
    response = members.add(*["+1"] * 1_001)

    assert response.json()["error"]["code"] == 130429
    assert response.json()["error"]["error_data"]["details"].startswith("users has 1001 users;")
    assert error(members.add(*["+1"] * 11_000)) == (400, 100, "(#100) The body has more than 10000 values.")


def test_a_thousand_users_with_all_details_are_one_request(members: Lists) -> None:
    details = {"reason": "a, b", "note": "[c], {d}" * 20, "expires_at": LATER}
    users = [{"user": f"+1650555{number:04}"} | details for number in range(200, 1_200)]

    assert members.add(*users).json()["added"] == 1_000


@pytest.mark.parametrize("user", ["12", "anna", "US.x-1", PARENT])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_is_not_a_user_is_refused(members: Lists, method: str, user: str) -> None:
    response = members.call(method, f"/{user}", {"reason": "x"} if method == "PATCH" else None)

    status, code, message = error(response)
    assert (status, code) == (400, 100)
    assert message.startswith("(#100) Param user ")


CALLS = [
    ("GET", "", None, {"reader", "editor"}),
    ("POST", "", {"users": [{"user": BEN}]}, {"writer", "editor"}),
    ("GET", f"/{ANNA}", None, {"reader", "editor"}),
    ("PATCH", f"/{ANNA}", {"reason": "abuse"}, {"editor"}),  # its response has all details
    ("DELETE", f"/{ANNA}", None, {"writer", "editor"}),
]


@pytest.mark.parametrize("method, path, body, allowed", CALLS)
@pytest.mark.parametrize("token", ["reader", "writer", "editor", "manager"])
def test_a_call_needs_its_scopes(
    server: RunningServer, members: Lists, method: str, path: str, body: Any, allowed: set[str], token: str
) -> None:
    members.add(ANNA, reason="spam")
    before = members.call("GET").json()

    response = Lists(server, token).call(method, path, body)

    assert response.status_code == (200 if token in allowed else 403)
    if token not in allowed:
        assert response.json()["error"]["code"] == 10
        assert members.call("GET").json() == before


@pytest.mark.parametrize("method, path, body, allowed", CALLS)
@pytest.mark.parametrize(
    "token, list_id", [(None, FOREIGN), (None, "999"), (None, "not-a-number"), ("limited", NUMBER.phone_number_id)]
)
def test_a_list_of_another_account_is_an_unknown_one(
    server: RunningServer,
    method: str,
    path: str,
    body: Any,
    allowed: set[str],  # noqa: ARG001 - all scopes are there
    token: str | None,
    list_id: str,
) -> None:
    response = Lists(server, token, list_id).call(method, path, body)

    number = httpx2.get(
        f"{server.url}/v1/numbers/{list_id}/check/{ANNA}",
        headers={"authorization": f"Bearer {token or server.token}"},
    )
    expected = number.json()["error"]["message"].replace("get", method.lower(), 1)
    assert response.json()["error"]["error_subcode"] == 33
    assert error(response) == (400, 100, expected)


@pytest.mark.parametrize("method, path, body, scope", CALLS)
def test_a_token_is_required(
    server: RunningServer,
    method: str,
    path: str,
    body: Any,
    scope: Scope,  # noqa: ARG001 - no token has a scope
) -> None:
    response = httpx2.request(method, f"{server.url}/v1/lists/106540352242922/members{path}", json=body)

    assert response.json()["error"]["code"] == 104


def test_the_log_has_no_user(server: RunningServer, members: Lists, caplog: pytest.LogCaptureFixture) -> None:
    del server
    with caplog.at_level("INFO"):
        members.call("GET", f"/{ANNA}")

    paths = [getattr(record, "path", "") for record in caplog.records]
    assert "/v1/lists/106…22/members/…" in paths
