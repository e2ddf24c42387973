"""`/v1/events`: what was done to the lists of an account, and the undoing of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.block_list.stopped_clock import StoppedClock
from tests.running_server import ACCOUNT_ID, NUMBER, RunningServer, running_server

from wablock.access import ALL_SCOPES, AccessToken, Scope, digest
from wablock.block_list.ports import BusinessNumber
from wablock.settings import LimitSettings

ANNA, BEN, CARA = "+16505550101", "+16505550102", "+16505550103"
SALES, SHORT, FOREIGN = NUMBER.phone_number_id, "1234", "106540352242924"
NUMBERS: Final = (NUMBER, BusinessNumber(SHORT, ACCOUNT_ID), BusinessNumber(FOREIGN, "another account"))
TOKENS: Final = [
    AccessToken(digest("reader"), ACCOUNT_ID, "reader", frozenset({Scope.READ}), None, 0),
    AccessToken(digest("writer"), ACCOUNT_ID, "writer", frozenset({Scope.WRITE}), None, 0),
    AccessToken(digest("foreign"), "another account", "foreign", ALL_SCOPES, None, 0),
    AccessToken(digest("limited"), ACCOUNT_ID, "limited", ALL_SCOPES, frozenset({SHORT}), 0),
]


class Events:
    """Requests with one token."""

    def __init__(self, server: RunningServer, token: str | None = None) -> None:
        self.server = server
        self._token = token or server.token

    def using(self, token: str) -> "Events":
        return Events(self.server, token)

    def call(self, method: str, path: str, body: Any = None, **headers: str | bytes) -> httpx2.Response:
        sent = [(b"authorization", f"Bearer {self._token}".encode())]
        for name, value in headers.items():
            sent.append((name.replace("_", "-").encode(), value if isinstance(value, bytes) else value.encode()))
        return httpx2.request(method, self.server.url + path, json=body, headers=sent, timeout=30)

    def done(self, method: str, path: str, body: Any = None, **headers: str | bytes) -> Any:
        response = self.call(method, path, body, **headers)
        assert response.status_code in (200, 201), response.text
        return response.json()

    def block(self, *users: str, on: str = SALES, **members: Any) -> None:
        body = {"users": [{"user": user} for user in users]} | members
        self.done("POST", f"/v1/lists/{on}/members", body)

    def edit(self, user: str, on: str = SALES, **changes: Any) -> None:
        self.done("PATCH", f"/v1/lists/{on}/members/{user}", changes)

    def unblock(self, user: str, on: str = SALES, query: str = "", **headers: str | bytes) -> None:
        self.done("DELETE", f"/v1/lists/{on}/members/{user}{query}", **headers)

    def member(self, user: str, on: str = SALES) -> Any:
        response = self.call("GET", f"/v1/lists/{on}/members/{user}")
        return None if response.status_code == 404 else response.json()

    def page(self, query: str = "") -> Any:
        return self.done("GET", f"/v1/events{query}")

    def data(self, query: str = "") -> list[Any]:
        data: list[Any] = self.page(query)["data"]
        return data

    def newest(self) -> str:
        return str(self.data("?limit=1")[0]["event_id"])

    def undo(self, event_id: str, **members: Any) -> Any:
        return self.done("POST", f"/v1/events/{event_id}/undo", members)


def effects(undone: Any) -> dict[str, str]:
    return {user["wa_id"]: user["effect"] for user in undone["users"]}


def error(response: httpx2.Response) -> tuple[int, int, str]:
    body = response.json()["error"]
    return response.status_code, body["code"], body["message"]


@pytest.fixture
def events(tmp_path: Path) -> Iterator[Events]:
    with running_server(tmp_path, tokens=TOKENS, numbers=NUMBERS) as server:
        yield Events(server)


@pytest.fixture
def at_one_time(tmp_path: Path) -> Iterator[Events]:
    """Three lists with three events each. Those of different lists are at the same time."""
    with running_server(tmp_path, numbers=NUMBERS, clock=StoppedClock()) as server:
        events = Events(server)
        shared = events.done("POST", "/v1/lists", {"name": "fraud"})["list_id"]
        for user in (ANNA, BEN, CARA):
            for list_id in (SALES, SHORT, shared)[: 3 if user != CARA else 2]:
                events.block(user, on=list_id)
        yield events


# -- what an event says


def test_an_event_says_who_did_what_and_what_was_there(events: Events) -> None:
    events.block(ANNA, reason="spam", note="third time", batch_id="monday", source="import")
    events.edit(ANNA, reason="fraud")

    edit, block = events.data()

    assert (block["kind"], block["by"], block["source"], block["batch_id"]) == ("block", "test", "import", "monday")
    after = {"reason": "spam", "note": "third time"}
    assert block["users"] == [{"wa_id": ANNA[1:], "effect": "added", "after": after}]
    [changed] = edit["users"]
    assert (edit["kind"], changed["effect"], changed["before"]["reason"]) == ("edit", "updated", "spam")
    assert changed["after"]["reason"] == "fraud"


def test_the_reason_of_an_unblock_is_in_its_event(events: Events) -> None:
    events.block(ANNA)

    events.unblock(ANNA, query="?reason=a%20mistake")

    assert events.data("?limit=1")[0]["reason"] == "a mistake"


def test_a_change_without_an_effect_is_no_event(events: Events) -> None:
    events.block(ANNA)

    events.block(ANNA)
    events.unblock(BEN)

    assert len(events.data()) == 1


def test_the_request_id_of_the_answer_is_in_the_event(events: Events) -> None:
    body = {"users": [{"user": ANNA}]}
    response = events.call("POST", f"/v1/lists/{SALES}/members", body)

    assert events.data()[0]["request_id"] == response.headers["x-fb-request-id"]


def test_the_block_api_writes_events_as_well(events: Events) -> None:
    body = {"messaging_product": "whatsapp", "block_users": [{"user": ANNA}]}
    for method in ("POST", "DELETE"):
        events.done(method, events.server.block_users, body, x_wablock_on_behalf_of="maria")

    assert [(it["kind"], it["on_behalf_of"]) for it in events.data()] == [("unblock", "maria"), ("block", "maria")]


def test_changes_of_shared_lists_are_events_of_the_list(events: Events) -> None:
    by_maria = {"x_wablock_on_behalf_of": "maria"}
    list_id = events.done("POST", "/v1/lists", {"name": "fraud"}, **by_maria)["list_id"]
    events.done("POST", f"/v1/lists/{list_id}/attachments", {"all": True}, **by_maria)
    events.done("DELETE", f"/v1/lists/{list_id}/attachments/all", **by_maria)
    events.done("DELETE", f"/v1/lists/{list_id}", **by_maria)

    found = events.data(f"?list_id={list_id}")

    assert [it["kind"] for it in found] == ["delete", "detach", "attach", "create"]
    assert {it["on_behalf_of"] for it in found} == {"maria"}
    assert found[2]["everywhere"] is True


def test_a_page_has_ten_users_and_the_event_all(events: Events) -> None:
    events.block(*(f"+165055501{n:02}" for n in range(10, 30)))

    [shown] = events.data()
    whole = events.done("GET", f"/v1/events/{shown['event_id']}")

    assert (shown["user_count"], len(shown["users"]), len(whole["users"])) == (20, 10, 20)


# -- filters and pages


def test_events_are_filtered_by_list_batch_and_user(events: Events) -> None:
    events.block(ANNA, BEN, batch_id="monday")
    events.block(ANNA, on=SHORT, batch_id="tuesday")
    events.unblock(BEN)

    def kinds(query: str) -> list[str]:
        return [f"{it['kind']} {it['list_id']}" for it in events.data(query)]

    assert kinds(f"?list_id={SHORT}") == [f"block {SHORT}"]
    assert kinds("?batch_id=monday") == [f"block {SALES}"]
    assert kinds("?user=%2B1+650+555-0102") == [f"unblock {SALES}", f"block {SALES}"]
    assert kinds(f"?user=16505550101&list_id={SALES}") == [f"block {SALES}"]
    assert kinds("?user=16505550103") == kinds("?batch_id=nosuch") == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_older_pages_have_every_event_once_also_of_equal_times(at_one_time: Events, limit: int) -> None:
    expected = [it["event_id"] for it in at_one_time.data("?limit=100")]

    found, query = [], f"?limit={limit}"
    while True:
        page = at_one_time.page(query)
        found += [it["event_id"] for it in page["data"]]
        if "next" not in page:
            break
        query = f"?limit={limit}&after={page['next']}"

    assert found == expected
    assert len(set(found)) == 9
    assert len({event_id.rpartition("-")[2] for event_id in found}) < 9, "no times are equal"


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_newer_pages_have_every_event_once_also_of_equal_times(at_one_time: Events, limit: int) -> None:
    expected = [it["event_id"] for it in reversed(at_one_time.data("?limit=100"))]

    found, since = [], "0"
    while since:
        page = at_one_time.page(f"?limit={limit}&since={since}")
        found += [it["event_id"] for it in page["data"]]
        since = page.get("next", "")

    assert found == expected


def test_every_event_is_a_place_from_which_both_directions_continue(at_one_time: Events) -> None:
    newest_first = [it["event_id"] for it in at_one_time.data("?limit=100")]

    for index, event_id in enumerate(newest_first):
        older = [it["event_id"] for it in at_one_time.data(f"?limit=100&after={event_id}")]
        newer = [it["event_id"] for it in at_one_time.data(f"?limit=100&since={event_id}")]
        assert (older, newer) == (newest_first[index + 1 :], newest_first[:index][::-1])


def test_since_may_be_a_time(events: Events) -> None:
    events.block(ANNA)
    [block] = events.data()

    assert [events.data(f"?since={it}") for it in (block["at"], "2020-01-01T00:00:00Z")] == [[block], [block]]
    assert events.data("?since=2100-01-01T00:00:00%2B01:00") == []


def test_an_event_of_a_number_whose_id_is_like_a_year_is_a_place(events: Events) -> None:
    events.block(ANNA, on=SHORT)
    [block] = events.data()

    assert events.data(f"?since={block['event_id']}") == []


@pytest.mark.parametrize("place", ["x", "2026-01", "-5", "list_x-5", "1.5", "%00"])
def test_a_place_that_is_none_is_refused(events: Events, place: str) -> None:
    for name in ("after", "since"):
        status, code, message = error(events.call("GET", f"/v1/events?{name}={place}"))
        assert (status, code) == (400, 100)
        assert f"Param {name} is not a place among the events" in message


@pytest.mark.parametrize("time", ["9" * 25, "9" * 4_400, "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00Z"])
def test_a_time_far_off_is_a_place(events: Events, time: str) -> None:
    for name in ("after", "since"):
        assert events.call("GET", f"/v1/events?{name}={time}").status_code == 200


def test_after_and_since_cannot_be_sent_together(events: Events) -> None:
    assert "not both" in error(events.call("GET", "/v1/events?after=1&since=1"))[2]


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", ""])
def test_a_limit_that_is_none_is_refused(events: Events, limit: str) -> None:
    assert error(events.call("GET", f"/v1/events?limit={limit}"))[:2] == (400, 100)


def test_a_page_has_at_most_100_events_and_25_by_default(events: Events) -> None:
    for n in range(1, 52):
        events.block(f"+165055501{n:02}")
        events.unblock(f"+165055501{n:02}")

    assert [len(events.data(query)) for query in ("?limit=1000", "")] == [100, 25]


@pytest.mark.parametrize("query", ["?user=hello", "?user=%00", "?batch_id=%00"])
def test_a_filter_that_is_none_is_refused(events: Events, query: str) -> None:
    assert error(events.call("GET", f"/v1/events{query}"))[:2] == (400, 100)


# -- who may


@pytest.mark.parametrize("list_id", [FOREIGN, "1", "list_0123456789abcdef", "x", "%00", "..%2F"])
def test_events_of_an_unknown_or_foreign_list_are_unknown(events: Events, list_id: str) -> None:
    status, code, message = error(events.call("GET", f"/v1/events?list_id={list_id}"))

    assert (status, code) == (400, 100)
    assert "does not exist" in message


def test_events_of_another_account_are_unknown(events: Events) -> None:
    events.using("foreign").block(ANNA, on=FOREIGN)
    event_id = events.using("foreign").newest()

    assert events.data() == events.data(f"?since={event_id}") == []
    for method, path in (("GET", ""), ("POST", "/undo")):
        assert "does not exist" in error(events.call(method, f"/v1/events/{event_id}{path}", {}))[2]
    assert events.using("foreign").member(ANNA, on=FOREIGN) is not None


@pytest.mark.parametrize("event_id", ["1234-1", "x", "1234-", "1234-x", "%00-1", "1234-" + "9" * 30])
def test_an_unknown_event_is_unknown(events: Events, event_id: str) -> None:
    for method, path in (("GET", ""), ("POST", "/undo")):
        assert error(events.call(method, f"/v1/events/{event_id}{path}", {}))[:2] == (400, 100)


def test_a_token_for_some_numbers_sees_and_undoes_only_their_own_lists(events: Events) -> None:
    events.block(ANNA)
    other = events.newest()
    events.done("POST", "/v1/lists", {"name": "fraud"})
    events.block(ANNA, on=SHORT)
    limited = events.using("limited")

    assert [it["list_id"] for it in limited.data()] == [SHORT]
    assert limited.undo(limited.newest())["changed"] == 1
    assert "does not exist" in error(limited.call("GET", f"/v1/events/{other}"))[2]
    assert "does not exist" in error(limited.call("POST", f"/v1/events/{other}/undo", {}))[2]


def test_reading_and_undoing_need_their_scopes(events: Events) -> None:
    events.block(ANNA)
    event_id = events.newest()

    assert error(events.using("reader").call("POST", f"/v1/events/{event_id}/undo", {}))[0] == 403
    assert error(events.using("writer").call("POST", f"/v1/events/{event_id}/undo", {}))[0] == 403
    assert error(events.using("writer").call("GET", "/v1/events"))[0] == 403
    assert len(events.using("reader").data()) == 1
    assert events.member(ANNA) is not None


def test_events_of_a_deleted_list_can_still_be_read(events: Events) -> None:
    list_id = events.done("POST", "/v1/lists", {"name": "fraud"})["list_id"]
    events.block(ANNA, on=list_id)
    block = events.newest()
    events.done("DELETE", f"/v1/lists/{list_id}")

    assert len(events.data(f"?list_id={list_id}")) == 3
    assert events.done("GET", f"/v1/events/{block}")["kind"] == "block"
    assert "does not exist" in error(events.call("POST", f"/v1/events/{block}/undo", {}))[2]


# -- undo


def test_undo_of_a_block_removes_new_users_and_leaves_others_as_they_were(events: Events) -> None:
    events.block(ANNA, reason="court order")
    before = events.member(ANNA)
    events.block(ANNA, BEN, reason="spam", if_listed="replace")

    undone = events.undo(events.newest(), reason="a wrong file")

    assert effects(undone) == {ANNA[1:]: "updated", BEN[1:]: "removed"}
    assert (undone["changed"], undone["left"]) == (2, 0)
    assert (events.member(ANNA), events.member(BEN)) == (before, None)
    event = events.data("?limit=1")[0]
    assert (event["event_id"], event["kind"], event["reason"]) == (undone["event_id"], "undo", "a wrong file")


def test_undo_of_an_unblock_restores_the_block_with_its_place(events: Events) -> None:
    events.block(ANNA, reason="spam", note="third time")
    events.block(BEN)
    before = events.done("GET", f"/v1/lists/{SALES}/members")["data"]
    events.unblock(ANNA)

    undone = events.undo(events.newest())

    assert effects(undone) == {ANNA[1:]: "restored"}
    assert events.done("GET", f"/v1/lists/{SALES}/members")["data"] == before


def test_a_user_that_was_changed_since_is_left(events: Events) -> None:
    events.block(ANNA, BEN, reason="spam")
    event_id = events.newest()
    events.edit(ANNA, reason="fraud")

    undone = events.undo(event_id)

    assert effects(undone) == {ANNA[1:]: "changed_since", BEN[1:]: "removed"}
    assert (undone["changed"], undone["left"]) == (1, 1)
    assert events.member(ANNA)["reason"] == "fraud"


def test_a_preview_changes_nothing_and_says_what_an_undo_does(events: Events) -> None:
    events.block(ANNA, BEN)
    event_id = events.newest()
    events.edit(ANNA, reason="fraud")
    state = events.data(), events.member(ANNA), events.member(BEN)

    preview = events.undo(event_id, preview=True)

    assert (preview["preview"], "event_id" in preview) == (True, False)
    assert (events.data(), events.member(ANNA), events.member(BEN)) == state
    undone = events.undo(event_id)
    assert (undone["users"], undone["changed"]) == (preview["users"], preview["changed"])


def test_a_repeated_undo_changes_nothing(events: Events) -> None:
    events.block(ANNA, BEN)
    event_id = events.newest()
    events.undo(event_id)
    count = len(events.data())

    again = events.undo(event_id)

    assert effects(again) == {ANNA[1:]: "unchanged", BEN[1:]: "unchanged"}
    assert (again["changed"], "event_id" in again, len(events.data())) == (0, False, count)


def test_an_undo_can_be_undone(events: Events) -> None:
    events.block(ANNA, reason="spam")
    before = events.member(ANNA)
    undone = events.undo(events.newest())

    again = events.undo(undone["event_id"])

    assert effects(again) == {ANNA[1:]: "restored"}
    assert events.member(ANNA) == before
    assert events.data("?limit=1")[0]["undoes"] == undone["event_id"]


def test_a_user_on_an_allow_list_is_not_restored(events: Events) -> None:
    events.block(ANNA)
    events.unblock(ANNA)
    event_id = events.newest()
    vip = events.done("POST", "/v1/lists", {"name": "vip", "kind": "allow"})["list_id"]
    events.block(ANNA, on=vip)
    events.done("POST", f"/v1/lists/{vip}/attachments", {"all": True})

    undone = events.undo(event_id)

    assert undone["users"] == [{"wa_id": ANNA[1:], "effect": "refused", "allowed_by": "vip"}]
    assert events.member(ANNA) is None


def test_a_list_that_was_created_is_not_undone(events: Events) -> None:
    events.done("POST", "/v1/lists", {"name": "fraud"})
    event_id = events.newest()

    response = events.call("POST", f"/v1/events/{event_id}/undo", {})

    assert response.status_code == 409
    assert error(response)[2].endswith("cannot be undone: it made a list. Delete the list.")


def test_a_page_of_large_events_ends_early_and_no_event_is_left_out(events: Events) -> None:
    for batch in range(25):
        events.block(*(f"+4930{batch:02}{user:06}" for user in range(1_000)), reason="x" * 200)
    pages, after = list[int](), ""

    while True:
        page = events.done("GET", f"/v1/events?limit=100{after}")
        pages.append(len(page["data"]))
        if "next" not in page:
            break
        after = f"&after={page['next']}"

    assert len(pages) > 1
    assert sum(pages) == 25


def test_undos_of_several_events_can_be_one_batch(events: Events) -> None:
    for user in (ANNA, BEN):
        events.block(user)
        events.done("POST", f"/v1/events/{events.newest()}/undo", {"batch_id": "undo-monday"})

    found = events.done("GET", "/v1/events?batch_id=undo-monday", None)["data"]

    assert [(it["kind"], it["users"][0]["wa_id"]) for it in found] == [("undo", BEN[1:]), ("undo", ANNA[1:])]


@pytest.mark.parametrize(
    "body",
    [
        {"reason": ""},
        {"reason": "x" * 201},
        {"batch_id": ""},
        {"batch_id": "x" * 101},
        {"reasons": "x"},
        {"preview": 1},
        [],
    ],
)
def test_an_undo_that_is_not_understood_is_refused(events: Events, body: Any) -> None:
    events.block(ANNA)

    assert error(events.call("POST", f"/v1/events/{events.newest()}/undo", body))[:2] == (400, 100)
    assert events.member(ANNA) is not None


# -- the person


def test_the_person_is_in_the_row_and_in_the_event(events: Events) -> None:
    body = {"users": [{"user": ANNA}]}
    events.done("POST", f"/v1/lists/{SALES}/members", body, x_wablock_on_behalf_of="maría".encode())

    assert events.member(ANNA)["blocked_by"] == "maría via test"
    [block] = events.data()
    assert (block["by"], block["on_behalf_of"]) == ("test", "maría")


def test_the_person_of_an_edit_an_unblock_and_an_undo_is_in_their_events(events: Events) -> None:
    events.block(ANNA)
    by_maria = {"x_wablock_on_behalf_of": "maria"}
    events.done("PATCH", f"/v1/lists/{SALES}/members/{ANNA}", {"reason": "spam"}, **by_maria)
    events.unblock(ANNA, **by_maria)
    events.done("POST", f"/v1/events/{events.newest()}/undo", {}, **by_maria)

    found = events.data()

    assert [it.get("on_behalf_of") for it in found] == ["maria", "maria", "maria", None]
    assert events.member(ANNA)["updated_by"] == "maria via test"


@pytest.mark.parametrize("name", [b"", b"x" * 101, b"\xff", b"a\tb", "a\u202eb".encode()])
def test_a_bad_name_of_a_person_is_refused_and_nothing_is_changed(events: Events, name: bytes) -> None:
    body = {"users": [{"user": ANNA}]}
    response = events.call("POST", f"/v1/lists/{SALES}/members", body, x_wablock_on_behalf_of=name)

    assert error(response)[:2] == (400, 100)
    assert "x-wablock-on-behalf-of" in error(response)[2]
    assert events.member(ANNA) is None


def test_an_undo_counts_against_the_rate_of_its_number(tmp_path: Path) -> None:
    limits = LimitSettings(requests_per_minute_per_number=2)
    with running_server(tmp_path, limits=limits) as server:
        events = Events(server)
        events.block(ANNA)
        (blocked,) = events.done("GET", "/v1/events")["data"]
        events.done("POST", f"/v1/events/{blocked['event_id']}/undo")

        refused = events.call("POST", f"/v1/events/{blocked['event_id']}/undo")

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 130429)


def test_an_unblock_of_users_with_several_reasons_keeps_all_of_them(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        events = Events(server)
        events.block(ANNA, BEN)
        users = [{"user": ANNA, "reason": "typo"}, {"user": BEN, "reason": "court"}]

        events.done("DELETE", server.block_users, {"messaging_product": "whatsapp", "block_users": users})

        assert events.done("GET", "/v1/events")["data"][0]["reason"] == "typo; court"
