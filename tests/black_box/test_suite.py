"""The conformance suite: wablock passes all checks, and each fault is found by its check."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx2
import pytest
from tests.black_box.subjects import USERS, Passed, between, checked
from tests.conformance.caller import calling
from tests.running_server import NUMBER, RunningServer, running_server

from wablock.block_list.ports import Rules
from wablock.conformance.check import FactOutcome, Grade
from wablock.conformance.report import markdown, summary
from wablock.conformance.subject import CannotCheck
from wablock.conformance.suite import GROUPS, Report
from wablock.settings import AnswerSettings

STRANGER: Final = "+16505550190"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


def _of(server: RunningServer, **settings: Any) -> Report:
    return checked(settings.pop("url", server.url), server.token, server.phone_number_id, **settings)


def _names(report: Report, *outcomes: FactOutcome) -> list[str]:
    return [result.name for result in report.results if result.outcome in outcomes]


def test_wablock_passes_every_check_under_open_rules(server: RunningServer) -> None:
    report = _of(server, own_number=f"+{NUMBER.wa_id}")

    assert _names(report, FactOutcome.FAILED, FactOutcome.DIFFERS) == []
    assert _names(report, FactOutcome.SKIPPED) == ["only_who_wrote", "changed_while_paging"]
    assert not report.has_failed


@pytest.mark.parametrize("status", [200, 400])
def test_wablock_passes_every_check_under_metas_rules(tmp_path_factory: pytest.TempPathFactory, status: Any) -> None:
    answers = AnswerSettings(partial_failure_status=status, list_has_input=True)
    with running_server(tmp_path_factory.mktemp("meta"), rules=Rules.META, answers=answers) as server:
        with calling(server) as caller:
            caller.send("PUT", {"users": USERS}, path=f"/v1/numbers/{server.phone_number_id}/last_inbound")

        report = _of(server, rules="meta", stranger=STRANGER)

    assert _names(report, FactOutcome.FAILED) == []
    assert _names(report, FactOutcome.DIFFERS) == ([] if status == 200 else ["mixed_status"])


def test_the_list_is_the_same_after_the_checks(server: RunningServer) -> None:
    with calling(server) as caller:
        caller.block("+16505551234")
        _of(server)

        left = caller.listed()
        caller.unblock("+16505551234")

    assert left == ["16505551234"]


def test_users_on_the_list_are_used_only_if_anyway_is_set(server: RunningServer) -> None:
    with calling(server) as caller:
        caller.block(USERS[0])

        with pytest.raises(CannotCheck, match="already on the list"):
            _of(server)
        left = caller.listed()
        report = _of(server, anyway=True)

    assert left == [USERS[0][1:]]
    assert not report.has_failed


def test_read_only_changes_nothing(server: RunningServer) -> None:
    with calling(server) as caller:
        before = caller.get().content
        report = _of(server, read_only=True)
        after = caller.get().content

    assert before == after
    assert report.count(FactOutcome.PASSED) > 15
    assert not report.has_failed


def test_the_suite_waits_for_a_retry_after(server: RunningServer) -> None:
    requests = 0

    def limited(answer: Passed) -> None:
        nonlocal requests
        requests += 1
        if requests % 10 == 0:
            answer.status, answer.headers = 400, answer.headers | {"retry-after": "1"}
            answer.json = {"error": {"message": "(#4) Application request limit reached", "code": 4}}

    with between(server.url, on_answer=limited) as url:
        report = _of(server, url=url)

    assert _names(report, FactOutcome.FAILED, FactOutcome.DIFFERS) == []


def _renames(old: str, new: str) -> Callable[[Passed], None]:
    def change(answer: Passed) -> None:
        answer.body = answer.body.replace(f'"{old}"'.encode(), f'"{new}"'.encode())

    return change


def _sets_status(status: int, when: Callable[[Passed], bool]) -> Callable[[Passed], None]:
    def change(answer: Passed) -> None:
        if when(answer):
            answer.status = status

    return change


def _drops_header(name: str) -> Callable[[Passed], None]:
    def change(answer: Passed) -> None:
        answer.headers = {it: value for it, value in answer.headers.items() if it.lower() != name}

    return change


def _text_code(answer: Passed) -> None:
    data = answer.json
    if isinstance(data, dict) and "error" in data:
        data["error"]["code"] = str(data["error"]["code"])
        answer.json = data


def _no_next(answer: Passed) -> None:
    data = answer.json
    if "paging" in data:
        data["paging"].pop("next", None)
        answer.json = data


def _cursors_alone(answer: Passed) -> None:
    """Keep the shape of the reference page, without wablock's own headers."""
    _drops_header("x-wablock-page")(answer)
    if b'"paging"' in answer.body:
        data = answer.json
        data["paging"] = {"cursors": data["paging"]["cursors"]}
        answer.json = data


def _ignores_after(request: Passed) -> None:
    request.path = request.path.split("&after=")[0]


def _next_elsewhere(answer: Passed) -> None:
    data = answer.json
    if "next" in data.get("paging", {}):
        data["paging"]["next"] = "https://graph.facebook.com/" + data["paging"]["next"].split("/", 3)[3]
        answer.json = data


def _doubles_at_the_border(answer: Passed) -> None:
    data = answer.json
    if "after=" in answer.path and data.get("data"):
        data["data"].insert(0, data["data"][0])
        answer.json = data


def _ignores_limit(request: Passed) -> None:
    request.path = request.path.replace("limit=2", "limit=25")


def _ignores_before(request: Passed) -> None:
    request.path = request.path.split("&before=")[0]


def _echoes_wa_id(answer: Passed) -> None:
    data = answer.json
    for user in data.get("block_users", {}).get("added_users", []) if isinstance(data.get("block_users"), dict) else []:
        user["input"] = user.get("wa_id", "")
    answer.json = data


def _ignores_unblock(request: Passed) -> None:
    if request.method == "DELETE":
        request.body = b'{"messaging_product":"whatsapp","block_users":[]}'


def _other_order(answer: Passed) -> None:
    data = answer.json
    if isinstance(data, dict) and "block_users" in data:
        answer.json = dict(reversed(data.items()))


def _is_refusal(answer: Passed) -> bool:
    return answer.status == 401


FAULTS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "a key has another name": ({"on_answer": _renames("added_users", "blocked_users")}, "post_answers"),
    "keys come in another order": ({"on_answer": _other_order}, "key_order"),
    "a code is a text": ({"on_answer": _text_code}, "envelope"),
    "a wrong token is 403": ({"on_answer": _sets_status(403, _is_refusal)}, "wrong_token"),
    "there is no next": ({"on_answer": _no_next}, "forward"),
    "next is on another host": ({"on_answer": _next_elsewhere}, "next_address"),
    "a row comes twice": ({"on_answer": _doubles_at_the_border}, "forward"),
    "limit is ignored": ({"on_request": _ignores_limit}, "limit"),
    "before is ignored": ({"on_request": _ignores_before}, "back"),
    "input is made pretty": ({"on_answer": _echoes_wa_id}, "input_is_echoed"),
    "DELETE ignores its body": ({"on_request": _ignores_unblock}, "delete_answers"),
    "the trace id is not in the header": ({"on_answer": _drops_header("x-fb-request-id")}, "trace_id"),
    "answers may be kept": ({"on_answer": _drops_header("cache-control")}, "cache_headers"),
    "there is no ETag": ({"on_answer": _drops_header("etag")}, "etag"),
    "WWW-Authenticate is missing": ({"on_answer": _drops_header("www-authenticate")}, "www_authenticate"),
    "cursors are called otherwise": ({"on_answer": _renames("cursors", "cursor")}, "get_answers"),
}


@pytest.mark.parametrize("fault, caught_by", FAULTS.values(), ids=FAULTS)
def test_each_fault_is_found_by_its_check(server: RunningServer, fault: dict[str, Any], caught_by: str) -> None:
    with between(server.url, **fault) as url:
        report = _of(server, url=url)
    _clean(server)

    assert caught_by in _names(report, FactOutcome.FAILED)


def test_a_server_with_only_cursors_is_read_to_the_end_of_its_list(server: RunningServer) -> None:
    with between(server.url, on_answer=_cursors_alone) as url:
        report = _of(server, url=url)

    assert _names(report, FactOutcome.FAILED, FactOutcome.DIFFERS) == [
        "forward",
        "next_address",
        "ends",
        "token_in_next",
    ]


def test_a_circular_list_causes_no_endless_check(server: RunningServer) -> None:
    with between(server.url, on_request=_ignores_after, on_answer=_cursors_alone) as url:
        report = _of(server, url=url, anyway=True)
    _clean(server)

    [forward] = [result for result in report.results if result.name == "forward"]
    assert forward.expected == "a list that ends"


def test_without_a_fault_the_proxy_changes_nothing(server: RunningServer) -> None:
    with between(server.url) as url:
        report = _of(server, url=url)

    assert _names(report, FactOutcome.FAILED, FactOutcome.DIFFERS) == []


def test_a_server_without_state_gets_one_note(server: RunningServer) -> None:
    def forgets(answer: Passed) -> None:
        if answer.method == "GET":
            answer.json = {"data": [{"messaging_product": "whatsapp", "wa_id": "16505551234"}]}

    with between(server.url, on_answer=forgets) as url:
        report = _of(server, url=url)
    _clean(server)

    assert report.finding == "The server answers POST with 200, but the user is not on the list: it keeps no state."
    assert "blocked_is_listed" in _names(report, FactOutcome.FAILED)
    followed = [result for result in report.results if result.why == "the server keeps no state"]
    assert len(followed) > 10


def test_a_difference_to_wablocks_own_choice_is_not_a_failure(server: RunningServer) -> None:
    def spaced(answer: Passed) -> None:
        answer.body = answer.body.replace(b":", b": ", 1)

    with between(server.url, on_answer=spaced) as url:
        report = _of(server, url=url)

    assert _names(report, FactOutcome.DIFFERS) == ["compact"]
    assert not report.has_failed


@pytest.mark.parametrize("url", ["http://127.0.0.1:1"])
def test_an_unreachable_server_cannot_be_checked(server: RunningServer, url: str) -> None:
    with pytest.raises(CannotCheck, match="Cannot reach"):
        _of(server, url=url)


def test_a_server_cannot_be_checked_with_a_wrong_token(server: RunningServer) -> None:
    with pytest.raises(CannotCheck, match="returned 401 for the list"):
        checked(server.url, "no-good", server.phone_number_id)


def test_a_server_that_answers_html_cannot_be_checked(server: RunningServer) -> None:
    def html(answer: Passed) -> None:
        answer.body = b"<html>"

    with (
        between(server.url, on_answer=html) as url,
        pytest.raises(CannotCheck, match="not one of the Block API"),
    ):
        _of(server, url=url)


@pytest.mark.parametrize(
    "body", [b"[]", b'"x"', b'{"data":[1]}', b'{"data":[],"paging":7}', b'{"data":[],"paging":{"next":"x"}}']
)
def test_a_server_that_answers_in_another_shape_cannot_be_checked(server: RunningServer, body: bytes) -> None:
    def other(answer: Passed) -> None:
        answer.body = body

    with (
        between(server.url, on_answer=other) as url,
        pytest.raises(CannotCheck, match="not one of the Block API"),
    ):
        _of(server, url=url)


def test_a_server_that_does_not_unblock_is_reported_at_the_end(server: RunningServer) -> None:
    with between(server.url, on_request=_ignores_unblock) as url:
        report = _of(server, url=url)
    _clean(server)

    assert "could not be unblocked" in report.finding


def test_a_token_that_the_server_repeats_is_not_in_the_report(server: RunningServer) -> None:
    def repeats(answer: Passed) -> None:
        answer.json = {"data": [], "token": server.token} if answer.method == "GET" else {"token": server.token}

    with between(server.url, on_answer=repeats) as url:
        report = _of(server, url=url)
    _clean(server)

    assert report.has_failed
    assert server.token not in markdown(report)


def test_a_server_cannot_be_checked_with_too_few_users(server: RunningServer) -> None:
    with pytest.raises(CannotCheck, match="pass at least 5"):
        _of(server, users=USERS[:4])


def test_a_report_in_markdown_has_every_fact_and_no_token(server: RunningServer) -> None:
    report = _of(server, read_only=True)

    text = markdown(report)

    assert all(result.sentence.replace("|", "\\|") in text for result in report.results)
    assert server.token not in text
    assert summary(report) in text


def test_every_check_has_a_unique_name_and_a_grade() -> None:
    checks = [check for group in GROUPS for check in group.facts]

    assert len({check.name for check in checks}) == len(checks)
    assert {check.grade for check in checks} == set(Grade)


def _clean(server: RunningServer) -> None:
    body = {"messaging_product": "whatsapp", "block_users": [{"user": user} for user in USERS]}
    headers = {"authorization": f"Bearer {server.token}"}
    httpx2.request("DELETE", server.url + server.block_users, json=body, headers=headers).raise_for_status()
