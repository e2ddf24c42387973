"""Pages, cursors, and the links to other pages."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from tests.conformance.caller import Caller, calling
from tests.running_server import TOKEN, running_server

from wablock.block_list.ports import Rules
from wablock.settings import AnswerSettings

USERS = [f"+1650555{index:04}" for index in range(101, 108)]
NEWEST_FIRST = [user[1:] for user in USERS]


@pytest.fixture
def seven(caller: Caller) -> Caller:
    """A caller with seven users on its list, blocked with one request."""
    caller.block(*USERS)
    return caller


def walk(caller: Caller, answer: httpx2.Response, direction: str) -> Iterator[list[str]]:
    """The pages from this one on, as a client reads them that follows only links."""
    while True:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        yield [item["wa_id"] for item in body["data"]]
        if direction not in body["paging"]:
            return
        answer = caller.http.get(body["paging"][direction])


def cursor_text(cursor: str) -> Any:
    plain = cursor.replace("ZB", "+").replace("ZC", "/").replace("ZD", "=").replace("ZA", "Z")
    return json.loads(base64.b64decode(plain))


def test_next_leads_through_the_whole_list_and_ends(seven: Caller) -> None:
    pages = list(walk(seven, seven.get(limit=3), "next"))

    assert pages == [NEWEST_FIRST[:3], NEWEST_FIRST[3:6], NEWEST_FIRST[6:]]


def test_previous_leads_back_to_the_start(seven: Caller) -> None:
    last = seven.get(limit=3)
    while "next" in last.json()["paging"]:
        last = seven.http.get(last.json()["paging"]["next"])

    pages = list(walk(seven, last, "previous"))

    assert pages == [NEWEST_FIRST[6:], NEWEST_FIRST[3:6], NEWEST_FIRST[:3]]


def test_users_of_one_request_are_listed_in_its_order(seven: Caller) -> None:
    assert seven.listed() == NEWEST_FIRST


def test_before_and_after_mark_the_first_and_the_last_row(seven: Caller) -> None:
    cursors = seven.get(limit=3).json()["paging"]["cursors"]

    assert (cursor_text(cursors["before"])["offset"], cursor_text(cursors["after"])["offset"]) == (0, 2)
    assert [item["wa_id"] for item in seven.get(after=cursors["after"], limit=3).json()["data"]] == NEWEST_FIRST[3:6]
    assert seven.get(before=cursors["before"]).json() == {"data": []}


def test_the_last_page_has_no_next_and_the_first_no_previous(seven: Caller) -> None:
    whole, first = seven.get().json()["paging"], seven.get(limit=6).json()["paging"]

    assert whole.keys() == {"cursors"}
    assert list(first) == ["cursors", "next"]


def test_the_address_of_a_page_is_absolute_on_the_callers_host(seven: Caller) -> None:
    answer = seven.send("GET", params={"limit": 3}, headers={"Host": "wablock.example:8443"})

    assert answer.json()["paging"]["next"].startswith(f"http://wablock.example:8443{seven.path}?limit=3&after=")


def test_the_address_keeps_the_path_without_a_version(seven: Caller) -> None:
    answer = seven.send("GET", path=f"/{seven.phone_number_id}/block_users", params={"limit": 3})

    assert urlsplit(answer.json()["paging"]["next"]).path == f"/{seven.phone_number_id}/block_users"


@pytest.mark.parametrize("host", ["a b", "a/b", "evil.example/path?", "a\\b", "<script>", ""])
def test_an_invalid_host_is_refused_and_not_repeated(seven: Caller, host: str) -> None:
    answer = seven.send("GET", params={"limit": 3}, headers={"Host": host})

    assert answer.status_code == 400
    assert answer.json()["error"]["error_data"]["details"] == "The Host header is invalid."


def test_behind_a_trusted_proxy_the_address_has_its_scheme(seven: Caller) -> None:
    answer = seven.send("GET", params={"limit": 3}, headers={"X-Forwarded-Proto": "https"})

    assert answer.json()["paging"]["next"].startswith("https://")


def test_a_public_url_overrides_the_callers_host(tmp_path: Path) -> None:
    answers = AnswerSettings(public_url="https://wablock.example/")
    with running_server(tmp_path, answers=answers) as server, calling(server) as caller:
        caller.block(*USERS)
        answer = caller.get(limit=3)

    assert answer.json()["paging"]["next"].startswith(f"https://wablock.example{caller.path}?")


def test_the_address_has_no_token_that_came_in_the_header(seven: Caller) -> None:
    answer = seven.get(limit=3, access_token="ignored")

    assert "access_token" not in answer.json()["paging"]["next"]


def test_the_address_has_the_token_that_came_as_a_parameter(seven: Caller) -> None:
    del seven.http.headers["Authorization"]

    pages = list(walk(seven, seven.get(limit=3, access_token=TOKEN), "next"))

    assert pages[-1] == NEWEST_FIRST[6:]


def test_the_address_keeps_limit_and_fields(seven: Caller) -> None:
    answer = seven.get(limit=3, fields="input,wa_id")

    query = parse_qs(urlsplit(answer.json()["paging"]["next"]).query)
    assert (query["limit"], query["fields"]) == (["3"], ["input,wa_id"])


def test_an_empty_list_is_only_empty_data(caller: Caller) -> None:
    assert caller.get().content == b'{"data":[]}'


def test_a_page_has_25_users_by_default(caller: Caller) -> None:
    caller.block(*(f"+1650555{index:04}" for index in range(100, 126)))

    assert [len(page) for page in walk(caller, caller.get(), "next")] == [25, 1]


@pytest.mark.parametrize("limit", ["1001", "5000", "9" * 50])
def test_a_limit_above_1000_is_1000(caller: Caller, limit: str) -> None:
    for start in (0, 1_000):
        caller.block(*({"user_id": f"US.{index}"} for index in range(start, start + 1_000)))

    answer = caller.get(limit=limit)

    assert len(answer.json()["data"]) == 1_000
    assert "limit=1000&" in answer.json()["paging"]["next"]


# -- invalid cursors


@pytest.mark.parametrize("parameter", ["after", "before"])
@pytest.mark.parametrize("text", ["x", "ZZ", "MjUZD", "eyJvZAmZAzZAXQiOjAsInZA", "é", "a" * 5_000, "null", "\x00"])
def test_an_invalid_cursor_is_refused_by_its_parameter(seven: Caller, parameter: str, text: str) -> None:
    answer = seven.get(**{parameter: text})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["message"]) == (400, 100, "(#100) Invalid parameter")
    assert parameter in error["error_data"]["details"]


def test_the_cursor_of_another_list_is_refused(seven: Caller) -> None:
    cursor = seven.get(limit=3).json()["paging"]["cursors"]["after"]
    other = f"/v25.0/{seven.phone_number_id}9/block_users"
    seven.send("POST", {"messaging_product": "whatsapp", "block_users": [{"user": "+16505551234"}]}, path=other)

    answer = seven.send("GET", path=other, params={"after": cursor})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


@pytest.mark.parametrize("changed", [{"offset": 1}, {"seq": "1737679688383580"}, {"versionId": "1737679688383590"}])
def test_a_cursor_that_was_tampered_with_is_refused(seven: Caller, changed: dict[str, Any]) -> None:
    text = cursor_text(seven.get(limit=3).json()["paging"]["cursors"]["after"]) | changed
    plain = base64.b64encode(json.dumps(text, separators=(",", ":")).encode()).decode()
    forged = plain.replace("Z", "ZA").replace("=", "ZD").replace("+", "ZB").replace("/", "ZC")

    answer = seven.get(after=forged)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


def test_both_directions_at_once_are_refused(seven: Caller) -> None:
    cursor = seven.get(limit=3).json()["paging"]["cursors"]["after"]

    answer = seven.get(after=cursor, before=cursor)

    assert answer.json()["error"]["error_data"]["details"] == "Send after or before, not both."


# -- lists that change meanwhile


def test_under_open_rules_a_change_skips_and_repeats_no_user(seven: Caller) -> None:
    first = seven.get(limit=3).json()
    seven.block("+14155559876")
    seven.unblock(USERS[0])

    rest = list(walk(seven, seven.http.get(first["paging"]["next"]), "next"))

    assert rest == [NEWEST_FIRST[3:6], NEWEST_FIRST[6:]]


def test_under_meta_rules_a_change_ends_the_paging_with_139102(tmp_path: Path) -> None:
    with running_server(tmp_path, rules=Rules.META) as server, calling(server) as caller:
        path = f"/v1/numbers/{caller.phone_number_id}/last_inbound"
        caller.send("PUT", {"users": USERS}, path=path)
        caller.block(*USERS)
        first = caller.get(limit=3).json()
        caller.unblock(USERS[0])

        answer = caller.http.get(first["paging"]["next"])

    error = answer.json()["error"]
    assert (answer.status_code, answer.json()["messaging_product"]) == (400, "whatsapp")
    assert list(answer.json()) == ["messaging_product", "error"]
    assert error | {"fbtrace_id": ""} == {
        "message": "(#139102) Blocklist concurrent update",
        "type": "OAuthException",
        "code": 139102,
        "error_data": {"details": "Blocklist was updated during retrieval - retry with offset 0"},
        "fbtrace_id": "",
    }
