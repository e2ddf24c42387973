"""The calls of `/v1/events`, in a script and over HTTP, and the person that a client acts for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.client.script import KEY, Script, answer_with, refused
from tests.client.shells import methods_of
from tests.running_server import RunningServer, running_server

from wablock.client import (
    ApiError,
    CannotUndo,
    Client,
    Event,
    EventsUnsupported,
    NoAnswer,
    Retries,
    UndoneUser,
    UnknownObject,
)
from wablock.client.event_calls import EventCalls, EventFilter, NewEvents, OlderEvents
from wablock.client.exchange import HttpRequest, HttpResponse, Lost

ANNA, BEN = "+16505550101", "+16505550102"
LIST = "106540352242922"
ID = f"{LIST}-1737679688383584"
UNDONE = answer_with({"preview": False, "changed": 0, "left": 1, "users": [{"wa_id": "1", "effect": "unchanged"}]})


def event_calls() -> EventCalls:
    return EventCalls(Retries(), lambda: 1.0, lambda: KEY)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, server: RunningServer) -> Iterator[Any]:
    """Calls a method of a client. Of an iterator it returns the first `first` values, by default all."""
    others = {"base_url": server.url, "on_behalf_of": "maría"}
    with methods_of(request.param, server.token, server.phone_number_id, **others) as call:
        yield call


def test_a_page_of_events_says_who_did_what(call: Any, server: RunningServer) -> None:
    call("add_members", ANNA, reason="spam", batch_id="monday")
    call("remove_member", ANNA, reason="a mistake")

    unblock, block = call("events", user=ANNA).data

    assert (unblock.kind, unblock.reason, unblock.by, unblock.on_behalf_of) == ("unblock", "a mistake", "test", "maría")
    assert unblock.users[0].before.reason == block.users[0].after.reason == "spam"
    assert (block.list_id, block.batch_id, block.user_count) == (server.phone_number_id, "monday", 1)


def test_pages_are_continued_in_both_directions(call: Any) -> None:
    for n in range(1, 6):
        call("add_members", f"+165055501{n:02}")
    newest_first = call("events").data

    page = call("events", limit=2)
    older = call("events", limit=2, after=page.next)
    newer = call("events", since=newest_first[2].event_id)

    assert [*page.data, *older.data] == newest_first[:4]
    assert newer.data == newest_first[:2][::-1]
    assert call("events", since=datetime(2020, 1, 1, tzinfo=UTC)).data == newest_first[::-1]


def test_older_events_are_all_events_newest_first(call: Any) -> None:
    for _ in range(60):
        call("add_members", ANNA)
        call("remove_member", ANNA)

    found = call("older_events")

    assert len(found) == 120
    assert [it.event_id for it in found] == sorted((it.event_id for it in found), reverse=True)
    assert call("older_events", after=found[-2].event_id) == found[-1:]


def test_one_event_has_all_its_users(call: Any) -> None:
    call("add_members", [f"+165055501{n:02}" for n in range(10, 30)])
    [shown] = call("events").data

    assert (len(shown.users), len(call("event", shown.event_id).users)) == (10, 20)


def test_an_event_is_undone_after_a_preview(call: Any) -> None:
    call("add_members", [ANNA, BEN])
    event_id = call("events").data[0].event_id

    preview = call("undo", event_id, preview=True)
    blocked = call("is_blocked", ANNA)
    undone = call("undo", event_id, reason="a wrong file")

    assert (preview.preview, preview.changed, preview.event_id, blocked) == (True, 2, None, True)
    assert undone.users == [UndoneUser("removed", ANNA[1:]), UndoneUser("removed", BEN[1:])]
    assert call("event", undone.event_id).reason == "a wrong file"
    assert not call("is_blocked", ANNA)


def test_an_unknown_event_and_one_that_cannot_be_undone_have_their_errors(call: Any) -> None:
    call("add_list", "fraud")

    with pytest.raises(UnknownObject):
        call("undo", "1-1")
    with pytest.raises(UnknownObject):
        call("events", list_id="1")
    with pytest.raises(CannotUndo, match="cannot be undone"):
        call("undo", call("events").data[0].event_id)


def test_new_events_are_followed_from_a_place(call: Any) -> None:
    for n in range(1, 5):
        call("add_members", f"+165055501{n:02}")
    newest_first = call("events").data

    followed = call("follow_events", since=newest_first[-1].event_id, first=3)

    assert followed == newest_first[:3][::-1]


def test_only_new_events_are_followed_by_default(call: Any) -> None:
    call("add_members", ANNA)
    new = call("new_events")

    before = call("next_events", new)
    call("add_members", BEN)
    after = call("next_events", new)

    assert before == []
    assert [it.users[0].wa_id for it in after] == [BEN[1:]]
    assert call("next_events", new) == []


def test_events_of_an_empty_account_are_followed_from_its_first(call: Any) -> None:
    new = call("new_events")

    before = call("next_events", new)
    call("add_members", BEN)

    assert (before, len(call("next_events", new))) == ([], 1)


# -- new events, in a script


class Timeline:
    """A server whose events have these places, in seconds."""

    def __init__(self, *ats: int) -> None:
        self.ats = list(ats)
        self.requests: list[str] = []

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request.path)
        since = request.path.partition("since=")[2].rpartition("-")[2]
        seconds = int(since or 0) / (1_000_000 if "-" in request.path else 1)
        found = sorted(at for at in self.ats if at >= seconds)[: 100 if since else 1]
        return answer_with({"data": [{"event_id": f"1-{at}000000", "list_id": "1", "at": at} for at in found]})


def turn(new: NewEvents, timeline: Any) -> list[int]:
    return [it.at for it in Script(timeline).run(new.turn())]


def test_an_event_that_becomes_visible_up_to_a_minute_late_is_followed_once() -> None:
    timeline, new = Timeline(1_000, 1_100), NewEvents(event_calls(), EventFilter(), 900)
    first = turn(new, timeline)

    timeline.ats += [1_050, 1_041]
    late = turn(new, timeline)
    timeline.ats += [1_100 + 59]
    later = turn(new, timeline)

    assert (first, late, later, turn(new, timeline)) == ([1_000, 1_100], [1_041, 1_050], [1_159], [])


def test_a_round_does_not_read_more_than_the_last_minute_again() -> None:
    timeline, new = Timeline(1_000, 1_030, 2_000), NewEvents(event_calls(), EventFilter(), 900)

    turn(new, timeline)
    turn(new, timeline)

    assert timeline.requests == ["/v1/events?limit=100&since=900", "/v1/events?limit=100&since=1940"]


def test_following_continues_after_an_error_without_a_gap() -> None:
    timeline, new = Timeline(1_000), NewEvents(EventCalls(Retries(most=0), lambda: 1.0), EventFilter(), 900)
    first = turn(new, timeline)

    timeline.ats.append(1_001)
    with pytest.raises(NoAnswer):
        turn(new, Lost("connection reset"))

    assert (first, turn(new, timeline)) == ([1_000], [1_001])


def test_the_pages_of_a_round_are_read_one_by_one() -> None:
    page = {"data": [{"event_id": ID, "list_id": LIST, "at": 1_737_679_688}], "next": ID}
    script = Script(answer_with(page), answer_with({"data": []}))
    new = NewEvents(event_calls(), EventFilter(), 900)

    first = script.run(new.turn()), new.has_more
    second = script.run(new.turn()), new.has_more

    assert (len(first[0]), first[1], second) == (1, True, ([], False))
    assert script.requests[1].path.endswith(f"since={ID}")


# -- requests and errors


def test_pages_that_repeat_are_an_error() -> None:
    walk = OlderEvents(event_calls(), EventFilter())
    script = Script(answer_with({"data": [{"event_id": ID, "list_id": LIST, "at": 1}], "next": ID}))
    script.run(walk.turn())

    with pytest.raises(NoAnswer, match="again and again"):
        script.run(walk.turn())


def test_following_events_that_repeat_ends_with_an_error() -> None:
    new = NewEvents(event_calls(), EventFilter(), ID)
    script = Script(answer_with({"data": [{"event_id": ID, "list_id": LIST, "at": 1}], "next": ID}))

    with pytest.raises(NoAnswer, match="again and again"):
        script.run(new.turn())


def test_a_lost_undo_is_repeated_with_its_key() -> None:
    script = Script(Lost("connection reset"), UNDONE)

    script.run(event_calls().undo(ID, preview=False, reason="oops"))

    assert script.bodies() == [{"reason": "oops"}] * 2
    assert {it.path for it in script.requests} == {f"/v1/events/{ID}/undo"}
    assert [dict(it.headers)["idempotency-key"] for it in script.requests] == [KEY] * 2


def test_an_undo_has_the_key_of_the_caller() -> None:
    script = Script(UNDONE)

    script.run(event_calls().undo(ID, preview=False, reason=None, key="order 17"))

    assert dict(script.requests[0].headers)["idempotency-key"] == "order 17"


@pytest.mark.parametrize(
    "answer",
    [
        refused(2500, message="Unknown path components: /events"),
        refused(100, subcode=33, message="Object with ID 'v1' does not exist"),
        HttpResponse(404, b"not found"),
    ],
)
def test_a_server_without_events_says_so(answer: HttpResponse) -> None:
    for exchange in (
        event_calls().page(EventFilter(LIST)),
        event_calls().event(ID),
        event_calls().undo(ID, preview=True, reason=None),
    ):
        with pytest.raises(EventsUnsupported, match="has no events"):
            Script(answer).run(exchange)


def test_an_unknown_list_of_an_event_is_no_missing_server() -> None:
    with pytest.raises(UnknownObject):
        Script(refused(100, subcode=33, message=f"Object with ID '{LIST}' does not exist")).run(
            event_calls().undo(ID, preview=False, reason=None)
        )


@pytest.mark.parametrize("event_id", ["", ".", "..", "a/b"])
def test_a_text_that_would_change_the_path_is_not_sent(event_id: str) -> None:
    with pytest.raises(ValueError, match="event_id"):
        Script(UNDONE).run(event_calls().undo(event_id, preview=False, reason=None))


def test_unknown_members_of_an_event_are_ignored() -> None:
    answer = answer_with({"data": [{"event_id": ID, "list_id": LIST, "at": 1, "colour": "red", "kind": "new"}]})

    page = Script(answer).run(event_calls().page(EventFilter()))

    assert page.data == [Event(event_id=ID, list_id=LIST, at=1, kind="new")]
    assert msgspec.to_builtins(page.data[0]) == {"event_id": ID, "list_id": LIST, "at": 1, "kind": "new"}


# -- the person


def test_every_change_has_the_person_and_no_read_has(call: Any) -> None:
    call("block", ANNA)
    call("edit", ANNA, reason="spam")
    call("unblock", ANNA)
    fraud = call("add_list", "fraud")
    call("attach", fraud.list_id)
    call("detach", fraud.list_id)
    call("remove_list", fraud.list_id)

    assert {it.on_behalf_of for it in call("older_events")} == {"maría"}


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x00", "a\u202eb"])
def test_a_name_that_is_none_is_refused_before_a_request(name: str) -> None:
    with pytest.raises(ValueError, match="on_behalf_of"):
        Client("token", LIST, on_behalf_of=name)


def test_a_name_that_is_too_long_is_refused_by_the_server(server: RunningServer) -> None:
    with (
        Client(server.token, LIST, base_url=server.url, on_behalf_of="x" * 101) as client,
        pytest.raises(ApiError, match="1 to 100 characters"),
    ):
        client.block(ANNA)
