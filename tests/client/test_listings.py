"""Reading a list, and searching a user in it, with recorded answers."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from tests.client.script import NUMBER_ID, Script, answer_with, calls, refused

from wablock.client import BlockedUser, BlocklistChanged, InvalidAccessToken, NoAnswer, Page, Retries, SomeUsersFailed
from wablock.client.calls import Calls, Walk
from wablock.client.exchange import Exchange, HttpRequest, HttpResponse

CHANGED = refused(139102)
NO_CHECK = {
    "wablock and emulators": refused(2500, message="Unknown path components: /numbers/106540352242922/check"),
    "Graph": refused(100, subcode=33, message="Unsupported post request. Object with ID 'v1' does not exist"),
    "another server": refused(100, 404),
}


def page(first: int, last: int, *, after: str | None = None, has_next: bool = False) -> HttpResponse:
    users = [{"messaging_product": "whatsapp", "wa_id": f"1650555{n:04d}"} for n in range(first, last)]
    links = {"next": "https://elsewhere.example/never-requested"} if has_next else {}
    return answer_with({"data": users, "paging": {"cursors": {"after": after, "before": "b"}} | links})


def walked(walk: Walk) -> Exchange[list[Page]]:
    pages = []
    while (turned := (yield from walk.turn())) is not None:
        pages.append(turned)
    return pages


def wa_ids(pages: list[Page]) -> list[str | None]:
    return [user.wa_id for page_of_users in pages for user in page_of_users.users]


def queries(script: Script) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(request.path).query) for request in script.requests]


def test_a_walk_continues_by_cursor_while_there_is_a_next_page() -> None:
    script = Script(
        page(0, 2, after="a1", has_next=True), page(2, 4, after="a2", has_next=True), page(4, 5, after="a3")
    )

    pages = script.run(walked(Walk(calls(), 2, None, forward=True)))

    assert wa_ids(pages) == [f"1650555{n:04d}" for n in range(5)]
    assert queries(script) == [{"limit": ["2"]}, {"limit": ["2"], "after": ["a1"]}, {"limit": ["2"], "after": ["a2"]}]


def test_the_address_of_the_next_page_is_never_requested() -> None:
    script = Script(page(0, 2, after="a1", has_next=True), page(2, 4))

    script.run(walked(Walk(calls(), None, None, forward=True)))

    assert all(request.path.startswith(f"/v25.0/{NUMBER_ID}/") for request in script.requests)


def test_a_server_that_repeats_one_page_forever_ends_the_walk() -> None:
    with pytest.raises(NoAnswer, match="repeats its pages"):
        Script(page(0, 2, after="a1", has_next=True)).run(walked(Walk(calls(), None, None, forward=True)))


def test_the_cursor_of_the_next_page_is_that_of_its_link() -> None:
    first = {
        "data": [{"wa_id": "16505550000"}],
        "paging": {"cursors": {"after": "a"}, "next": "https://x.example/?after=b"},
    }
    script = Script(answer_with(first), page(1, 2))

    script.run(walked(Walk(calls(), None, None, forward=True)))

    assert queries(script)[1] == {"after": ["b"]}


def test_an_empty_list_is_one_page_without_users() -> None:
    assert Script(answer_with({"data": []})).run(walked(Walk(calls(), None, None, forward=True))) == [Page([])]


def test_a_changed_list_is_read_again_and_no_user_is_returned_twice() -> None:
    script = Script(page(0, 2, after="a1", has_next=True), CHANGED, page(1, 4, after="a2", has_next=True), page(4, 5))

    pages = script.run(walked(Walk(calls(), None, None, forward=True)))

    assert wa_ids(pages) == [f"1650555{n:04d}" for n in range(5)]
    assert "after" not in queries(script)[2]


def test_a_list_that_always_changes_is_given_up() -> None:
    script = Script(page(0, 2, after="a1", has_next=True), CHANGED)

    with pytest.raises(BlocklistChanged):
        script.run(walked(Walk(calls(), None, None, forward=True)))

    assert len(script.requests) == 12


@pytest.mark.parametrize("forward", [True, False])
def test_a_walk_from_a_cursor_is_not_started_again_elsewhere(forward: bool) -> None:  # noqa: FBT001 - a case
    script = Script(CHANGED)

    with pytest.raises(BlocklistChanged):
        script.run(walked(Walk(calls(), None, "a cursor", forward=forward)))

    assert len(script.requests) == 1


def test_rows_may_have_a_user_id_alone_or_more_than_was_requested() -> None:
    rows: list[dict[str, Any]] = [
        {"messaging_product": "whatsapp", "user_id": "US.1"},
        {"messaging_product": "whatsapp", "wa_id": "16505550101", "input": "+16505550101", "unheard_of": 1},
    ]

    page_of_users = Script(answer_with({"data": rows})).run(calls().page(None, None, None, None))

    assert page_of_users.users == [BlockedUser(None, "US.1"), BlockedUser("16505550101", input="+16505550101")]


def test_a_check_sends_1000_users_at_a_time_and_keeps_the_order() -> None:
    def answering(request: HttpRequest) -> HttpResponse:
        users = msgspec.json.decode(request.body or b"")["users"]
        return answer_with({"users": [{"input": user, "blocked": user.endswith("1")} for user in users]})

    script = Script(answering)
    users = [f"+1650555{n:04d}" for n in range(2_001)]

    results = script.run(calls().check(users))

    assert [user.input for user in results] == users
    assert [user.input for user in results if user.blocked] == [user for user in users if user.endswith("1")]
    assert [len(body["users"]) for body in script.bodies()] == [1_000, 1_000, 1]


def test_a_check_with_invalid_users_names_them_and_answers_for_the_others() -> None:
    failed = [{"input": "hello", "errors": [{"message": "Re-engagement required", "code": 131047}]}]
    script = Script(answer_with({"users": [{"input": "+16505550101", "blocked": True}], "failed_users": failed}))

    with pytest.raises(SomeUsersFailed) as caught:
        script.run(calls().check(["+16505550101", "hello"]))

    assert [user.input for user in caught.value.failed] == ["hello"]
    assert [user.blocked for user in caught.value.done] == [True]


def test_a_check_that_fails_in_the_middle_has_the_results_so_far() -> None:
    failed = [{"input": "hello", "errors": [{"message": "Re-engagement required", "code": 131047}]}]
    first = answer_with({"users": [{"input": "+16505550101", "blocked": True}], "failed_users": failed})
    script = Script(first, refused(190, 401))

    with pytest.raises(InvalidAccessToken) as caught:
        script.run(calls().check(["hello"] + ["+16505550101"] * 1_000))

    assert [user.input for user in caught.value.done] == ["+16505550101"]
    assert [user.input for user in caught.value.failed] == ["hello"]


@pytest.mark.parametrize("refusal", NO_CHECK.values(), ids=NO_CHECK)
def test_the_list_is_searched_if_the_server_has_no_check(refusal: HttpResponse) -> None:
    script = Script(refusal, page(0, 2, after="a1", has_next=True), page(2, 4))

    results = script.run(calls().check(["+1 650 555 0003", "16505550009"]))

    assert [(user.input, user.blocked) for user in results] == [("+1 650 555 0003", True), ("16505550009", False)]


def test_a_missing_check_is_detected_once() -> None:
    script = Script(NO_CHECK["Graph"], page(0, 2))
    asking = calls()

    script.run(asking.check("+16505550001"))
    script.run(asking.check("+16505550001"))

    assert [request.method for request in script.requests] == ["POST", "GET", "GET"]


def test_the_search_ends_when_all_users_are_found() -> None:
    script = Script(NO_CHECK["Graph"], page(0, 2, after="a1", has_next=True))

    script.run(calls().check(["+16505550000", "+16505550001"]))

    assert len(script.requests) == 2


def test_the_search_finds_both_spellings_and_user_ids() -> None:
    rows = [{"wa_id": "5511987654321"}, {"user_id": "US.1"}]
    script = Script(NO_CHECK["Graph"], answer_with({"data": rows}))

    results = script.run(calls().check(["+55 11 8765-4321", "US.1", "US.2"]))

    assert [user.blocked for user in results] == [True, True, False]


@pytest.mark.parametrize("wa_id", ["+16505551234", "16505551234@s.whatsapp.net", "+1 650-555-1234"])
def test_the_search_finds_a_user_in_any_spelling_of_a_list(wa_id: str) -> None:
    script = Script(NO_CHECK["Graph"], answer_with({"data": [{"wa_id": "5"}, {"wa_id": wa_id}]}))

    [checked] = script.run(calls().check("16505551234"))

    assert checked.blocked


@pytest.mark.parametrize("user", ["(650) 555-0101", "0650 5550101", "hello", "12", "650-555-0101"])
def test_a_national_number_cannot_be_searched_in_a_list(user: str) -> None:
    script = Script(NO_CHECK["Graph"], page(0, 2))

    with pytest.raises(ValueError, match="with \\+ and the country code"):
        script.run(calls().check(user))


def test_an_unknown_number_id_does_not_mean_a_missing_check() -> None:
    unknown = refused(100, subcode=33, message=f"Unsupported post request. Object with ID '{NUMBER_ID}' does not exist")
    script = Script(unknown)

    with pytest.raises(Exception, match="does not exist"):
        script.run(calls().check("+16505550001"))

    assert len(script.requests) == 1


@pytest.mark.parametrize("number_id", ["", "me", "../admin", "1/2", "+16505550100", "1" * 33])
def test_an_invalid_number_id_is_not_put_into_a_path(number_id: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        Calls(number_id, "v25.0", Retries(), lambda: 1.0)


@pytest.mark.parametrize("version", ["25.0", "v25", "v25.0/..", "latest"])
def test_an_invalid_version_is_not_put_into_a_path(version: str) -> None:
    with pytest.raises(ValueError, match=r"v25\.0"):
        Calls(NUMBER_ID, version, Retries(), lambda: 1.0)
