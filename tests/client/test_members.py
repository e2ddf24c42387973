"""The calls about the members of a list, which only wablock has."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import UNSET
from tests.client.script import KEY_HEADER, Script, answer_with, calls, refused
from tests.client.shells import methods_of
from tests.running_server import RunningServer, running_server

from wablock.client import (
    ClientError,
    ListsUnsupported,
    MemberChanged,
    NoAnswer,
    NotListed,
    Retries,
    SomeUsersFailed,
    UnknownObject,
    User,
)
from wablock.client.exchange import HttpResponse, Lost

ANNA, BEN = "+16505550101", "+16505550102"
LATER = 4_000_000_000


def add(script: Script, *users: str, retries: Retries | None = None) -> list[Any]:
    return list(script.run(calls(retries).members.add(map(User, users), "cli", "b", "keep")))


def added(*users: str) -> HttpResponse:
    return answer_with({"members": [{"input": user, "effect": "added"} for user in users], "failed": []})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, server: RunningServer) -> Iterator[Any]:
    """Calls a method of a client of an empty list."""
    with methods_of(request.param, server.token, server.phone_number_id, base_url=server.url) as call:
        yield call
        call("unblock", [ANNA, BEN])


def test_members_are_added_and_kept_and_replaced(call: Any) -> None:
    first = call("add_members", ANNA, reason="spam", expires_at=LATER, source="import", batch_id="b")
    kept = call("add_members", [ANNA, BEN], reason="abuse")
    before = call("member", ANNA)
    replaced = call("add_members", ANNA, reason="abuse", if_listed="replace")
    after = call("member", ANNA)

    assert [user.effect for user in (*first, *kept, *replaced)] == ["added", "unchanged", "added", "updated"]
    assert (before.reason, before.expires_at, before.source, before.batch_id) == ("spam", LATER, "import", "b")
    assert (after.reason, after.expires_at, after.updated_by) == ("abuse", None, "test")


def test_a_member_is_edited(call: Any) -> None:
    call("add_members", ANNA, reason="spam", note="old", expires_at=LATER)

    edited = call("edit", ANNA, note=None, expires_at=datetime(2100, 1, 31, tzinfo=UTC))

    assert (edited.reason, edited.note, edited.expires_at) == ("spam", None, 4_105_036_800)
    assert call("member", ANNA) == edited


def test_an_edit_with_an_older_etag_is_refused(call: Any) -> None:
    call("add_members", ANNA)
    etag = call("member", ANNA).etag
    call("edit", ANNA, reason="spam", etag=etag)

    with pytest.raises(MemberChanged, match="was changed after you had read it"):
        call("edit", ANNA, reason="abuse", etag=etag)


def test_a_user_who_is_not_listed_is_an_error_of_its_own(call: Any) -> None:
    with pytest.raises(NotListed):
        call("member", ANNA)
    with pytest.raises(NotListed):
        call("edit", ANNA, reason="abuse")


def test_users_who_cannot_be_added_are_named_with_those_who_were(call: Any) -> None:
    with pytest.raises(SomeUsersFailed) as caught:
        call("add_members", ["12x", ANNA])

    assert [user.input for user in caught.value.failed] == ["12x"]
    assert [user.input for user in caught.value.done] == [ANNA]


def test_an_edit_sends_only_what_is_given_and_quotes_the_user() -> None:
    script = Script(answer_with({"input": ANNA}))

    script.run(calls().members.edit("+1 650#555", "spam", None, LATER, None))
    script.run(calls().members.edit(ANNA, UNSET, UNSET, UNSET, "abc"))

    assert script.bodies() == [{"reason": "spam", "note": None, "expires_at": LATER}, {}]
    assert script.requests[0].path == "/v1/lists/106540352242922/members/%2B1%20650%23555"
    assert [dict(request.headers) for request in script.requests] == [
        dict([KEY_HEADER]),
        dict([KEY_HEADER, ("if-match", '"abc"')]),
    ]


def test_many_members_are_added_in_several_requests() -> None:
    users = [f"+1650556{number:04}" for number in range(1_500)]
    script = Script(added(*users[:1_000]), added(*users[1_000:]))

    assert len(add(script, *users)) == 1_500
    assert [len(body["users"]) for body in script.bodies()] == [1_000, 500]
    assert {(body["source"], body["batch_id"], body["if_listed"]) for body in script.bodies()} == {("cli", "b", "keep")}


def test_a_lost_response_leaves_the_users_of_its_request_unknown() -> None:
    script = Script(Lost("cut"))

    with pytest.raises(NoAnswer) as caught:
        add(script, ANNA, BEN, retries=Retries(most=1))

    assert caught.value.unknown == [ANNA, BEN]


@pytest.mark.parametrize(
    "response",
    [
        refused(2500, message="(#2500) Unknown path components: /106540352242922/members"),
        refused(100, subcode=33, message="Unsupported post request. Object with ID 'v1' does not exist"),
        HttpResponse(404, b"<html>Not found</html>"),
    ],
    ids=["older wablock", "Graph", "another server"],
)
def test_a_server_without_lists_is_an_error_of_its_own(response: HttpResponse) -> None:
    with pytest.raises(ListsUnsupported, match="has no members of lists") as caught:
        add(Script(response), ANNA)

    assert isinstance(caught.value, ClientError)
    assert caught.value.unknown == ()


def test_an_unknown_list_is_not_a_server_without_lists() -> None:
    unknown = refused(100, subcode=33, message="Object with ID '106540352242922' does not exist")

    with pytest.raises(UnknownObject):
        add(Script(unknown), ANNA)


def test_other_errors_are_not_a_server_without_lists() -> None:
    with pytest.raises(NoAnswer):
        add(Script(HttpResponse(403, b"<html>Forbidden</html>")), ANNA)


@pytest.mark.parametrize("user", ["", ".", "..", "0650/5550101"])
def test_a_text_that_cannot_be_in_a_path_is_no_user(call: Any, user: str) -> None:
    for name in ("member", "edit"):
        with pytest.raises(ValueError, match="A user must be a phone number with country code or a user_id, not "):
            call(name, user)
