"""The calls of `/v1/lists`, and of the members of shared lists, in a script and over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.script import NUMBER_ID, Script, answer_with, calls, refused
from tests.client.shells import methods_of
from tests.running_server import ACCOUNT_ID, NUMBER, RunningServer, running_server

from wablock.access import ALL_SCOPES, AccessToken, digest
from wablock.client import (
    AttachedList,
    BlockingList,
    Client,
    FreedUser,
    InvalidParameter,
    ListsUnsupported,
    PermissionDenied,
    Retries,
    SharedList,
    UnknownObject,
    User,
)
from wablock.client.exchange import HttpResponse, Lost
from wablock.client.lists import ListCalls

ANNA, BEN, CARA = "+16505550101", "+16505550102", "+16505550103"
LIST = "list_5f2c9a10b7e34d86"
LIMITED = AccessToken(digest("limited"), ACCOUNT_ID, "limited", ALL_SCOPES, frozenset({NUMBER.phone_number_id}), 0)
NAME_TAKEN = refused(100, message="The account has a list named fraud already.")
NO_LIST = refused(100, subcode=33, message=f"Object with ID '{LIST}' does not exist")


def listed(**more: Any) -> HttpResponse:
    return answer_with({"data": [{"list_id": LIST, "name": "fraud", "kind": "block"} | more]})


def list_calls() -> ListCalls:
    return ListCalls(NUMBER_ID, Retries(), lambda: 1.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, tokens=[LIMITED]) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, server: RunningServer) -> Iterator[Any]:
    """Calls a method of a client, and returns all that it yields."""
    with methods_of(request.param, server.token, server.phone_number_id, base_url=server.url) as call:
        yield call


def test_lists_are_added_attached_listed_detached_and_removed(call: Any, server: RunningServer) -> None:
    fraud, vip = call("add_list", "fraud"), call("add_list", "VIP", kind="allow")
    attached = call("attach", fraud.list_id), call("attach", vip.list_id, all_numbers=True)
    shown = call("lists")
    with pytest.raises(InvalidParameter, match="is attached to"):
        call("remove_list", fraud.list_id)
    detached = [call("detach", vip.list_id, all_numbers=where) for where in (False, True, True)]
    call("remove_list", vip.list_id)

    assert attached == (AttachedList("attached"), AttachedList("attached"))
    assert [(it.name, it.kind, it.attached_to_all, it.phone_number_ids) for it in shown] == [
        ("fraud", "block", False, [server.phone_number_id]),
        ("VIP", "allow", True, []),
    ]
    assert detached == [False, True, False]
    assert [it.list_id for it in call("lists")] == [fraud.list_id]


def test_members_of_a_shared_list_are_added_read_edited_listed_and_removed(call: Any) -> None:
    fraud = call("add_list", "fraud").list_id

    added = call("add_members", [ANNA, BEN, CARA], reason="stolen card", list_id=fraud)
    edited = call("edit", ANNA, note="twice", list_id=fraud)

    assert [user.effect for user in added] == ["added"] * 3
    assert (edited.reason, edited.note) == ("stolen card", "twice")
    assert call("member", ANNA, list_id=fraud) == edited
    assert {it.input for it in call("members", list_id=fraud)} == {ANNA, BEN, CARA}
    assert len(call("members", list_id=fraud, limit=1)) == 3
    assert call("remove_member", BEN, list_id=fraud).effect == "removed"
    assert call("remove_member", BEN, list_id=fraud).effect == "not_there"
    assert {it.input for it in call("members", list_id=fraud)} == {ANNA, CARA}
    assert call("members") == []


def test_a_check_and_a_removed_member_name_the_list_that_still_blocks(call: Any) -> None:
    fraud = call("add_list", "fraud").list_id
    call("add_members", ANNA, list_id=fraud)
    call("attach", fraud)

    still = BlockingList(fraud, "fraud")
    assert [user.list for user in call("check", [ANNA, BEN])] == [still, None]
    assert call("remove_member", ANNA).still_blocked == still


def test_freed_users_are_named(call: Any) -> None:
    call("block", [ANNA, BEN])
    vip = call("add_list", "VIP", kind="allow").list_id
    call("add_members", [ANNA, CARA], list_id=vip)

    attached = call("attach", vip)
    added = call("add_members", [BEN, "+16505550104"], list_id=vip)

    assert attached == AttachedList("attached", 1, [FreedUser(ANNA[1:])])
    assert [(user.input, user.freed) for user in added] == [(BEN, True), ("+16505550104", False)]


def test_an_unknown_list_is_an_unknown_object(call: Any) -> None:
    for name in ("remove_list", "attach", "detach"):
        with pytest.raises(UnknownObject):
            call(name, LIST)
    with pytest.raises(UnknownObject):
        call("add_members", ANNA, list_id=LIST)


def test_a_token_for_some_numbers_has_no_shared_lists(server: RunningServer) -> None:
    with (
        Client("limited", server.phone_number_id, base_url=server.url) as client,
        pytest.raises(PermissionDenied, match="for some numbers only"),
    ):
        client.lists()


def test_a_list_is_attached_to_the_number_of_the_client() -> None:
    script = Script(answer_with({"success": True, "effect": "attached"}))

    script.run(list_calls().attach(LIST, all_numbers=False))
    script.run(list_calls().attach(LIST, all_numbers=True))
    script.run(list_calls().detach(LIST, all_numbers=False))

    assert script.bodies() == [{"phone_number_id": NUMBER_ID}, {"all": True}, None]
    assert [(it.method, it.path) for it in script.requests] == [
        ("POST", f"/v1/lists/{LIST}/attachments"),
        ("POST", f"/v1/lists/{LIST}/attachments"),
        ("DELETE", f"/v1/lists/{LIST}/attachments/{NUMBER_ID}"),
    ]


def test_a_list_whose_response_was_lost_is_read_when_the_retry_finds_its_name() -> None:
    script = Script(Lost("closed"), NAME_TAKEN, listed())

    assert script.run(list_calls().add(" fraud ", "block")) == SharedList(LIST, "fraud")


@pytest.mark.parametrize(
    "other", [{"kind": "allow"}, {"name": "abuse"}, {"phone_number_ids": ["7"]}, {"attached_to_all": True}]
)
def test_another_list_of_that_name_is_an_error(other: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter):
        Script(Lost("closed"), NAME_TAKEN, listed(**other)).run(list_calls().add("fraud", "block"))


def test_a_name_that_is_taken_is_an_error() -> None:
    with pytest.raises(InvalidParameter):
        Script(NAME_TAKEN).run(list_calls().add("fraud", "block"))


def test_a_list_that_is_gone_after_a_lost_response_was_removed() -> None:
    Script(Lost("closed"), NO_LIST).run(list_calls().remove(LIST))

    with pytest.raises(UnknownObject):
        Script(NO_LIST).run(list_calls().remove(LIST))


@pytest.mark.parametrize(
    "response",
    [
        refused(2500, message="(#2500) Unknown path components: /lists"),
        refused(100, subcode=33, message="Unsupported get request. Object with ID 'v1' does not exist"),
        HttpResponse(404, b"<html>Not found</html>"),
    ],
    ids=["older wablock", "Graph", "another server"],
)
def test_a_server_without_lists_is_an_error_of_its_own(response: HttpResponse) -> None:
    with pytest.raises(ListsUnsupported):
        Script(response).run(list_calls().lists())
    with pytest.raises(ListsUnsupported):
        Script(response).run(list_calls().remove(LIST))


@pytest.mark.parametrize("list_id", ["", ".", "..", "a/b"])
def test_a_text_that_cannot_be_in_a_path_is_no_list(call: Any, list_id: str) -> None:
    for name in ("remove_list", "attach", "detach"):
        with pytest.raises(ValueError, match="list_id must be the id of a list, such as "):
            call(name, list_id)
    with pytest.raises(ValueError, match="list_id must be the id of a list, such as "):
        call("add_members", ANNA, list_id=list_id)


def test_a_list_id_is_quoted_in_the_path() -> None:
    script = Script(answer_with({"members": [{"input": ANNA}]}))

    script.run(calls().members.of("a b?").add([User(ANNA)], None, None, "keep"))

    assert script.requests[0].path == "/v1/lists/a%20b%3F/members"


def test_a_page_of_members_without_a_link_is_the_last() -> None:
    script = Script(answer_with({"data": [{"input": ANNA}], "paging": {"cursors": {"after": "x", "before": "x"}}}))

    page, _ = script.run(calls().members.linked_page(25, "y", None, None))

    assert (page.has_next, len(page.users)) == (False, 1)
    assert script.requests[0].path == f"/v1/lists/{NUMBER_ID}/members?limit=25&after=y"


def test_a_user_is_shown_with_all_lists(call: Any) -> None:
    shared = call("add_list", "fraud")
    call("add_members", [ANNA], reason="chargeback", list_id=shared.list_id)
    call("attach", shared.list_id, all_numbers=True)

    shown = call("user", ANNA)

    assert (shown.wa_id, list(shown.blocked_on)) == (ANNA[1:], [NUMBER_ID])
    (entry,) = shown.lists
    assert (entry.list_id, entry.kind, entry.name, entry.attached_to_all) == (shared.list_id, "block", "fraud", True)
    assert entry.member.reason == "chargeback"


@pytest.mark.parametrize("text", ["", ".", "1/2"])
def test_a_text_that_would_change_the_path_of_a_user_is_refused(call: Any, text: str) -> None:
    with pytest.raises(ValueError, match="A user must be a phone number"):
        call("user", text)
