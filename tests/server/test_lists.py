"""`/v1/lists`: shared lists, where they are in force, and who may change them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.running_server import ACCOUNT_ID, NUMBER, PHONE_NUMBER_ID, RunningServer, running_server
from tests.server.turned_clock import TurnedClock

from wablock import account_lists
from wablock.access import ALL_SCOPES, AccessToken, Scope, digest
from wablock.block_list.ports import BusinessNumber
from wablock.block_list.shared_lists import MOST_ATTACHED
from wablock.settings import LimitSettings

ANNA, BEN, CARA = "+16505550101", "+16505550102", "+16505550103"
SECOND, FOREIGN, UNKNOWN = "106540352242923", "777", "106540352242999"
NO_LIST: Final = "list_0000000000000000"
NOON: Final = 1_760_000_400_000_000
NUMBERS: Final = (NUMBER, BusinessNumber(SECOND, ACCOUNT_ID), BusinessNumber(FOREIGN, "other"))
TOKENS: Final = (
    AccessToken(digest("limited"), ACCOUNT_ID, "limited", ALL_SCOPES, frozenset({PHONE_NUMBER_ID}), 0),
    AccessToken(digest("stranger"), "other", "stranger", ALL_SCOPES, None, 0),
    *(AccessToken(digest(scope), ACCOUNT_ID, scope, frozenset({scope}), None, 0) for scope in Scope),
)
_NO_SCOPE: Final = (403, 10)
_NO_OBJECT: Final = (400, 100)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, numbers=NUMBERS, tokens=TOKENS, clock=lambda: NOON) as running:
        yield running


def call(server: RunningServer, method: str, path: str, token: str = "", **body: Any) -> httpx2.Response:
    headers = {"authorization": f"Bearer {token or server.token}"}
    return httpx2.request(method, server.url + path, headers=headers, json=body or None, timeout=30)


def done(response: httpx2.Response) -> Any:
    assert response.status_code in (200, 201), response.text
    return response.json()


def error_of(response: httpx2.Response) -> tuple[int, int, str]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


def add_list(server: RunningServer, name: str = "fraud", kind: str = "block", token: str = "") -> str:
    list_id: str = done(call(server, "POST", "/v1/lists", token, name=name, kind=kind))["list_id"]
    return list_id


def add(server: RunningServer, list_id: str, *users: str, **more: Any) -> Any:
    body: dict[str, Any] = {"users": [{"user": user} for user in users]} | more
    return done(call(server, "POST", f"/v1/lists/{list_id}/members", **body))


def attach(server: RunningServer, list_id: str, number: str | None = PHONE_NUMBER_ID, token: str = "") -> Any:
    place: dict[str, Any] = {"all": True} if number is None else {"phone_number_id": number}
    return done(call(server, "POST", f"/v1/lists/{list_id}/attachments", token, **place))


def detach(server: RunningServer, list_id: str, place: str = PHONE_NUMBER_ID) -> Any:
    return done(call(server, "DELETE", f"/v1/lists/{list_id}/attachments/{place}"))


def check(server: RunningServer, user: str, number: str = PHONE_NUMBER_ID, token: str = "") -> Any:
    return done(call(server, "GET", f"/v1/numbers/{number}/check/{user}", token))


def block(server: RunningServer, *users: str) -> httpx2.Response:
    body: dict[str, Any] = {"messaging_product": "whatsapp", "block_users": [{"user": user} for user in users]}
    return call(server, "POST", server.block_users, **body)


# -- lists


def test_an_added_list_is_shown_with_its_numbers(server: RunningServer) -> None:
    added = call(server, "POST", "/v1/lists", name=" Fraud ")
    list_id = added.json()["list_id"]
    attach(server, list_id, SECOND)

    shown = call(server, "GET", f"/v1/lists/{list_id}")

    expected = {
        "list_id": list_id,
        "name": "Fraud",
        "kind": "block",
        "attached_to_all": False,
        "phone_number_ids": [],
        "created_at": NOON // 1_000_000,
    }
    assert (added.status_code, added.json()) == (201, expected)
    assert (shown.status_code, shown.json()) == (200, expected | {"phone_number_ids": [SECOND]})


def test_lists_are_listed_by_name_with_their_places(server: RunningServer) -> None:
    vip, fraud = add_list(server, "vip", "allow"), add_list(server, "Fraud")
    attach(server, vip, None)
    add_list(server, "theirs", token="stranger")

    listed = done(call(server, "GET", "/v1/lists"))["data"]

    assert [(it["list_id"], it["kind"], it["attached_to_all"]) for it in listed] == [
        (fraud, "block", False),
        (vip, "allow", True),
    ]


@pytest.mark.parametrize(
    "body, message",
    [
        ({}, "The parameter name is required."),
        ({"kind": "allow"}, "The parameter name is required."),
        ({"name": ""}, 'not only digits, as an id has - got "".'),
        ({"name": "1065"}, 'not only digits, as an id has - got "1065".'),
        ({"name": "x" * 65}, "Param name must have 1 to 64 printable characters"),
        ({"name": "a\nb"}, "printable"),
        ({"name": 7}, "Param name must be a string."),
        ({"name": "x", "kind": "own"}, "Param kind must be one of block, allow."),
        ({"name": "x", "kinds": "block"}, "Unknown parameter kinds."),
        ({"name": "FRAUD"}, "The account has a list named FRAUD already."),
    ],
)
def test_a_list_that_cannot_be_added_is_refused_with_the_reason(
    server: RunningServer, body: dict[str, Any], message: str
) -> None:
    add_list(server, "fraud")

    response = call(server, "POST", "/v1/lists", **body)

    assert error_of(response)[:2] == (400, 100)
    assert message in error_of(response)[2]
    assert len(done(call(server, "GET", "/v1/lists"))["data"]) == 1


def test_a_name_of_another_account_is_free(server: RunningServer) -> None:
    assert add_list(server, "fraud") != add_list(server, "fraud", token="stranger")


def test_an_account_has_a_limited_number_of_lists(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_lists, "MOST_LISTS", 1)
    add_list(server)

    response = call(server, "POST", "/v1/lists", name="vip")

    assert error_of(response) == (400, 100, "(#100) The account has 1 shared lists already. Remove one first.")


def test_a_removed_list_is_unknown_with_its_members(server: RunningServer) -> None:
    list_id = add_list(server)
    add(server, list_id, ANNA)

    assert done(call(server, "DELETE", f"/v1/lists/{list_id}")) == {"success": True}

    assert error_of(call(server, "GET", f"/v1/lists/{list_id}/members"))[:2] == _NO_OBJECT
    assert error_of(call(server, "DELETE", f"/v1/lists/{list_id}"))[:2] == _NO_OBJECT


@pytest.mark.parametrize("place, places", [(SECOND, SECOND), (None, "all numbers")])
def test_an_attached_list_cannot_be_removed(server: RunningServer, place: str | None, places: str) -> None:
    list_id = add_list(server)
    attach(server, list_id, place)

    response = call(server, "DELETE", f"/v1/lists/{list_id}", Scope.MANAGE)

    assert error_of(response) == (400, 100, f"(#100) The list fraud is attached to {places}.")
    assert add(server, list_id, ANNA)["added"] == 1


def test_the_error_of_a_list_on_many_numbers_names_the_first(server: RunningServer) -> None:
    list_id = add_list(server)
    for number in range(10, 17):
        done(call(server, "POST", "/v1/numbers", phone_number_id=str(number)))
        attach(server, list_id, str(number))

    message = error_of(call(server, "DELETE", f"/v1/lists/{list_id}"))[2]

    assert message == "(#100) The list fraud is attached to 10, 11, 12, 13, 14 and 2 more."


# -- who may

_OPERATIONS: Final[tuple[tuple[str, str, set[Scope], dict[str, Any]], ...]] = (
    ("GET", "/v1/lists", {Scope.READ}, {}),
    ("POST", "/v1/lists", {Scope.MANAGE}, {"name": "new"}),
    ("GET", "/v1/lists/{}", {Scope.READ}, {}),
    ("DELETE", "/v1/lists/{}", {Scope.MANAGE}, {}),
    ("POST", "/v1/lists/{}/attachments", {Scope.MANAGE}, {"all": True}),
    ("POST", "/v1/lists/{}/attachments", {Scope.MANAGE}, {"phone_number_id": PHONE_NUMBER_ID}),
    ("DELETE", "/v1/lists/{}/attachments/all", {Scope.MANAGE}, {}),
    ("DELETE", f"/v1/lists/{{}}/attachments/{PHONE_NUMBER_ID}", {Scope.MANAGE}, {}),
    ("GET", "/v1/lists/{}/members", {Scope.READ}, {}),
    ("POST", "/v1/lists/{}/members", {Scope.WRITE}, {"users": [{"user": ANNA}]}),
    ("GET", f"/v1/lists/{{}}/members/{BEN}", {Scope.READ}, {}),
    ("PATCH", f"/v1/lists/{{}}/members/{BEN}", {Scope.READ, Scope.WRITE}, {"reason": "x"}),
    ("DELETE", f"/v1/lists/{{}}/members/{BEN}", {Scope.WRITE}, {}),
)
_OF_A_LIST: Final = [it for it in _OPERATIONS if "{}" in it[1]]


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("method, path, needed, body", _OPERATIONS)
def test_each_operation_needs_its_scopes(
    server: RunningServer, method: str, path: str, needed: set[Scope], body: dict[str, Any], scope: Scope
) -> None:
    list_id = add_list(server)
    add(server, list_id, BEN)

    response = call(server, method, path.format(list_id), scope, **body)

    if needed == {scope}:
        assert response.status_code in (200, 201), response.text
    else:
        assert error_of(response)[:2] == _NO_SCOPE
        details = response.json()["error"]["error_data"]["details"]
        assert any(f"lacks the scope {missing}" in details for missing in needed - {scope})


@pytest.mark.parametrize("method, path, _, body", _OPERATIONS)
def test_a_token_for_some_numbers_has_no_shared_lists(
    server: RunningServer, method: str, path: str, _: set[Scope], body: dict[str, Any]
) -> None:
    list_id = add_list(server)
    add(server, list_id, BEN)
    before = _everything(server, list_id)

    response = call(server, method, path.format(list_id), "limited", **body)

    assert error_of(response)[:2] == _NO_SCOPE
    assert "for some numbers only" in response.json()["error"]["error_data"]["details"]
    assert _everything(server, list_id) == before


def test_a_token_for_some_numbers_sees_which_list_blocks_a_user_there(server: RunningServer) -> None:
    list_id = add_list(server)
    add(server, list_id, ANNA)
    attach(server, list_id, None)

    assert check(server, ANNA, token="limited")["list"] == {"list_id": list_id, "name": "fraud"}


@pytest.mark.parametrize("method, path, _, body", _OF_A_LIST)
@pytest.mark.parametrize("token", ["", "stranger"])
def test_a_list_of_another_account_is_as_one_that_does_not_exist(
    server: RunningServer, method: str, path: str, _: set[Scope], body: dict[str, Any], token: str
) -> None:
    list_id = add_list(server)
    add(server, list_id, BEN)
    before = _everything(server, list_id)
    if body.get("phone_number_id") and token:
        body = {"phone_number_id": FOREIGN}  # the stranger's own
    named = list_id if token else NO_LIST

    response = call(server, method, path.format(named), token, **body)

    status, code, message = error_of(response)
    assert (status, code) == _NO_OBJECT
    assert message.startswith(f"Unsupported {method.lower()} request. Object with ID '{named}' does not exist")
    assert _everything(server, list_id) == before


@pytest.mark.parametrize("path", ["/v1/lists", f"/v1/lists/{NO_LIST}", f"/v1/lists/{NO_LIST}/members"])
def test_a_request_without_a_token_is_refused(server: RunningServer, path: str) -> None:
    assert httpx2.get(server.url + path).json()["error"]["code"] == 104


@pytest.mark.parametrize("path", ["", "/attachments/all"])
def test_a_numbers_own_list_is_no_shared_list(server: RunningServer, path: str) -> None:
    assert error_of(call(server, "DELETE", f"/v1/lists/{PHONE_NUMBER_ID}{path}"))[:2] == _NO_OBJECT


def _everything(server: RunningServer, list_id: str) -> tuple[Any, Any]:
    return done(call(server, "GET", "/v1/lists")), done(call(server, "GET", f"/v1/lists/{list_id}/members"))


# -- attaching


@pytest.mark.parametrize("number", [FOREIGN, UNKNOWN])
def test_a_list_cannot_be_attached_to_a_number_of_another_account(server: RunningServer, number: str) -> None:
    list_id = add_list(server)

    response = call(server, "POST", f"/v1/lists/{list_id}/attachments", phone_number_id=number)

    assert error_of(response)[:2] == _NO_OBJECT
    assert f"Object with ID '{number}' does not exist" in error_of(response)[2]
    assert done(call(server, "GET", f"/v1/lists/{list_id}"))["phone_number_ids"] == []


def test_a_list_for_all_numbers_is_not_in_force_in_another_account(server: RunningServer) -> None:
    list_id = add_list(server)
    add(server, list_id, ANNA)

    attach(server, list_id, None)

    assert check(server, ANNA, SECOND)["blocked"]
    assert not check(server, ANNA, FOREIGN, "stranger")["blocked"]


def test_attaching_and_detaching_may_be_repeated(server: RunningServer) -> None:
    list_id = add_list(server)

    effects = [attach(server, list_id) for _ in range(2)] + [detach(server, list_id) for _ in range(2)]

    assert effects == [{"success": True, "effect": it} for it in ("attached", "unchanged", "detached", "not_there")]


def test_an_attachment_to_all_numbers_is_apart_from_one_to_a_number(server: RunningServer) -> None:
    list_id = add_list(server)
    add(server, list_id, ANNA)
    attach(server, list_id)
    attach(server, list_id, None)

    detach(server, list_id, "all")

    assert [check(server, ANNA, number)["blocked"] for number in (PHONE_NUMBER_ID, SECOND)] == [True, False]
    assert detach(server, list_id, "all")["effect"] == "not_there"


def test_a_list_for_all_numbers_is_in_force_on_a_number_that_is_added_later(server: RunningServer) -> None:
    list_id = add_list(server)
    add(server, list_id, ANNA)
    attach(server, list_id, None)

    done(call(server, "POST", "/v1/numbers", phone_number_id=UNKNOWN))

    assert check(server, ANNA, UNKNOWN)["list"] == {"list_id": list_id, "name": "fraud"}


@pytest.mark.parametrize(
    "body, message",
    [
        ({}, "The body must have phone_number_id or all, not both."),
        ({"phone_number_id": PHONE_NUMBER_ID, "all": True}, "The body must have phone_number_id or all, not both."),
        ({"all": False}, "The body must have phone_number_id or all, not both."),
        ({"all": "yes"}, "Param all must be a boolean."),
        ({"phone_number_id": 7}, "Param phone_number_id must be a string."),
        ({"number": PHONE_NUMBER_ID}, "Unknown parameter number."),
        ({"phone_number_id": "sales"}, "Object with ID 'sales' does not exist"),
    ],
)
def test_a_bad_place_is_refused_with_the_reason(server: RunningServer, body: dict[str, Any], message: str) -> None:
    list_id = add_list(server)

    response = call(server, "POST", f"/v1/lists/{list_id}/attachments", **body)

    assert error_of(response)[:2] == (400, 100)
    assert message in error_of(response)[2]
    assert done(call(server, "GET", f"/v1/lists/{list_id}"))["attached_to_all"] is False


@pytest.mark.parametrize("place", ["sales", "ALL", "1" * 33])
def test_a_list_cannot_be_detached_from_what_is_no_place(server: RunningServer, place: str) -> None:
    response = call(server, "DELETE", f"/v1/lists/{add_list(server)}/attachments/{place}")

    assert error_of(response)[:2] == _NO_OBJECT
    assert f"Object with ID '{place}'" in error_of(response)[2]


def test_a_number_has_a_limited_count_of_lists_in_force(server: RunningServer) -> None:
    for count in range(MOST_ATTACHED):
        attach(server, add_list(server, f"list {count}"))
    list_id = add_list(server)

    response = call(server, "POST", f"/v1/lists/{list_id}/attachments", all=True)

    assert error_of(response) == (400, 100, "(#100) A number can have 50 attached lists. Detach one first.")


# -- what is in force


def test_the_check_names_the_list_through_which_a_user_is_blocked(server: RunningServer) -> None:
    list_id = add_list(server)
    add(server, list_id, ANNA, reason="stolen card")
    block(server, BEN)
    attach(server, list_id)

    users = done(call(server, "POST", f"/v1/numbers/{PHONE_NUMBER_ID}/check", users=[ANNA, BEN, CARA]))["users"]

    assert [user["blocked"] for user in users] == [True, True, False]
    assert [user.get("list") for user in users] == [{"list_id": list_id, "name": "fraud"}, None, None]
    assert users[0]["reason"] == "stolen card"
    assert check(server, ANNA) == users[0]
    assert check(server, ANNA, SECOND)["blocked"] is False


def test_the_status_of_a_check_is_that_of_all_lists_in_force(server: RunningServer) -> None:
    fraud, vip = add_list(server), add_list(server, "VIP", "allow")
    add(server, fraud, ANNA)
    path = f"/v1/numbers/{PHONE_NUMBER_ID}/check/{ANNA}?as=status"

    statuses = [call(server, "GET", path).status_code]
    attach(server, fraud)
    statuses.append(call(server, "GET", path).status_code)
    add(server, vip, ANNA)
    attach(server, vip)
    statuses.append(call(server, "GET", path).status_code)

    assert statuses == [204, 403, 204]


def test_the_block_api_shows_the_numbers_own_list_alone(server: RunningServer) -> None:
    list_id = add_list(server)
    add(server, list_id, ANNA)
    attach(server, list_id)
    block(server, BEN)

    shown = done(call(server, "GET", server.block_users))

    assert [user["wa_id"] for user in shown["data"]] == [BEN[1:]]


def test_a_user_on_an_allow_list_cannot_be_blocked_and_the_error_names_it(server: RunningServer) -> None:
    vip = add_list(server, "VIP", "allow")
    add(server, vip, ANNA)
    attach(server, vip)

    response = block(server, ANNA, BEN)

    body = response.json()
    assert (response.status_code, body["error"]["code"]) == (200, 139100)
    assert [user["input"] for user in body["block_users"]["added_users"]] == [BEN]
    (failed,) = body["block_users"]["failed_users"]
    assert (failed["input"], failed["wa_id"]) == (ANNA, ANNA[1:])
    (error,) = failed["errors"]
    assert (error["code"], error["message"]) == (139100, "User is on an allow list")
    assert error["error_data"]["details"].startswith("The allow list VIP has this user, so a block would not")
    assert not check(server, ANNA)["blocked"]


def test_members_who_are_on_an_allow_list_fail_as_in_the_block_api(server: RunningServer) -> None:
    vip = add_list(server, "VIP", "allow")
    add(server, vip, ANNA)
    attach(server, vip, None)

    answer = add(server, PHONE_NUMBER_ID, ANNA, BEN)

    assert (answer["added"], [user["input"] for user in answer["failed"]]) == (1, [ANNA])
    assert "The allow list VIP has this user" in answer["failed"][0]["errors"][0]["error_data"]["details"]


def test_a_removed_member_may_still_be_blocked_by_a_shared_list(server: RunningServer) -> None:
    list_id = add_list(server)
    add(server, list_id, ANNA)
    attach(server, list_id)
    block(server, ANNA, BEN)
    of_number, of_list = (f"/v1/lists/{it}/members/{ANNA}" for it in (PHONE_NUMBER_ID, list_id))

    first, second = done(call(server, "DELETE", of_number)), done(call(server, "DELETE", of_number))
    other = done(call(server, "DELETE", f"/v1/lists/{PHONE_NUMBER_ID}/members/{BEN}"))
    shared = done(call(server, "DELETE", of_list))

    still = {"list_id": list_id, "name": "fraud"}
    assert first == {"success": True, "effect": "removed", "still_blocked": still}
    assert second == {"success": True, "effect": "not_there", "still_blocked": still}
    assert other == shared == {"success": True, "effect": "removed"}
    assert not check(server, ANNA)["blocked"]


def test_members_of_a_shared_list_have_the_details_of_any_list(server: RunningServer) -> None:
    list_id = add_list(server)
    add(server, list_id, ANNA, reason="stolen card", source="import", batch_id="b")

    edited = done(call(server, "PATCH", f"/v1/lists/{list_id}/members/{ANNA}", note="twice"))

    assert (edited["reason"], edited["note"], edited["batch_id"]) == ("stolen card", "twice", "b")
    assert done(call(server, "GET", f"/v1/lists/{list_id}/members"))["data"] == [edited]
    assert done(call(server, "GET", f"/v1/lists/{list_id}/members/{ANNA}")) == edited


def test_a_shared_list_has_no_country_to_read_numbers_by(server: RunningServer) -> None:
    answer = add(server, add_list(server), "(650) 555-0101")

    assert [user["input"] for user in answer["failed"]] == ["(650) 555-0101"]


def test_a_shared_list_has_a_rate_of_its_own(tmp_path: Path) -> None:
    limits = LimitSettings(requests_per_minute_per_number=2)
    with running_server(tmp_path, limits=limits, monotonic=TurnedClock()) as server:
        list_id = add_list(server)
        for _ in range(2):
            add(server, list_id, ANNA)

        refused = call(server, "GET", f"/v1/lists/{list_id}/members").json()["error"]
        own = call(server, "GET", f"/v1/lists/{PHONE_NUMBER_ID}/members")

    assert refused["code"] == 130429
    assert refused["error_data"]["details"].startswith("This list has had too many requests.")
    assert own.status_code == 200
