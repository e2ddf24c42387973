"""The headers of every answer."""

import re

import httpx2
import pytest
from tests.conformance.caller import Caller, users_body

from wablock.contract.versions import KNOWN

FBTRACE_ID = re.compile("A[A-Za-z0-9_-]{22}")
TRACE_ID = re.compile("[A-Za-z0-9_-]{11}")


def answers(caller: Caller) -> dict[str, httpx2.Response]:
    """One answer of each kind."""
    return {
        "success": caller.block("+16505551234"),
        "list": caller.get(),
        "some users failed": caller.block("123"),
        "refused": caller.send("POST", {}),
        "bad token": caller.send("GET", headers={"Authorization": "Bearer wrong"}),
        "unknown path": caller.send("GET", path="/foo"),
        "wrong method": caller.send("PUT"),
        "management": caller.send("GET", path="/v1/tokens", headers={"Authorization": "Bearer wrong"}),
    }


def test_every_answer_has_a_graph_trace_id(caller: Caller) -> None:
    answers_by_kind = answers(caller)

    ids = [answer.headers["x-fb-request-id"] for answer in answers_by_kind.values()]
    assert all(FBTRACE_ID.fullmatch(text) for text in ids)
    assert len(set(ids)) == len(ids)
    assert all(TRACE_ID.fullmatch(answer.headers["x-fb-trace-id"]) for answer in answers_by_kind.values())


def test_every_error_has_an_integer_code_and_the_trace_id_of_its_header(caller: Caller) -> None:
    errors = [(answer, answer.json()["error"]) for answer in answers(caller).values() if "error" in answer.json()]

    assert len(errors) == 6
    assert all(type(error["code"]) is int for _, error in errors)
    assert all(error["fbtrace_id"] == answer.headers["x-fb-request-id"] for answer, error in errors)


def test_every_answer_is_json_that_browsers_may_read_and_caches_may_not_store(caller: Caller) -> None:
    for name, answer in answers(caller).items():
        assert answer.headers["content-type"] == "application/json", name
        assert answer.headers["access-control-allow-origin"] == "*", name
        assert answer.headers["vary"] == "Accept-Encoding", name
        assert answer.headers["pragma"] == "no-cache", name
        assert answer.headers["expires"] == "Sat, 01 Jan 2000 00:00:00 GMT", name
        kept = "private, no-cache, no-store, must-revalidate" if answer.status_code == 200 else "no-store"
        assert answer.headers["cache-control"] == kept, name


@pytest.mark.parametrize(
    "answer, kind, message",
    [
        ("refused", "invalid_request", "(#100) The parameter messaging_product is required."),
        ("bad token", "invalid_token", "Invalid OAuth access token - Cannot parse access token"),
        ("unknown path", "invalid_request", "Unknown path components: /foo"),
        ("wrong method", "invalid_request", "Unsupported request - method type: put"),
    ],
)
def test_a_failure_has_its_reason_in_www_authenticate(caller: Caller, answer: str, kind: str, message: str) -> None:
    challenge = answers(caller)[answer].headers["www-authenticate"]

    assert challenge == f'OAuth "Facebook Platform" "{kind}" "{message}"'


@pytest.mark.parametrize("text", ['a"b\\c', "a\r\nSet-Cookie: b=c", "aéb", "x" * 1_000])
def test_a_callers_text_is_harmless_in_a_header(caller: Caller, text: str) -> None:
    answer = caller.send("POST", {"messaging_product": text, "block_users": []})

    challenge = answer.headers["www-authenticate"]
    assert re.fullmatch(r'OAuth "Facebook Platform" "invalid_request" "[ !#-\[\]-~]{1,300}"', challenge)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "prefix, answering",
    [
        ("/v1.0", "v23.0"),
        ("/v22.0", "v23.0"),
        ("", "v23.0"),
        *((f"/{version}", version) for version in KNOWN),
        ("/v25.7", "v25.0"),
        ("/v99.0", KNOWN[-1]),
    ],
)
def test_any_version_is_served_and_the_answering_one_is_named(caller: Caller, prefix: str, answering: str) -> None:
    caller.block("+16505551234")

    answer = caller.send("GET", path=f"{prefix}/{caller.phone_number_id}/block_users")

    assert answer.status_code == 200
    assert answer.headers["facebook-api-version"] == answering


@pytest.mark.parametrize("version", ["v25", "25.0", "V25.0", "v25.0.1", "v.0", "v123456.0"])
def test_an_invalid_version_is_an_unknown_path(caller: Caller, version: str) -> None:
    answer = caller.send("GET", path=f"/{version}/{caller.phone_number_id}/block_users")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 2500)


def test_a_get_with_the_current_etag_gets_304_and_no_body(caller: Caller) -> None:
    caller.block("+16505551234")
    etag = caller.get().headers["etag"]

    same = caller.send("GET", headers={"If-None-Match": etag})
    caller.block("+14155559876")
    changed = caller.send("GET", headers={"If-None-Match": etag})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert (changed.status_code, len(changed.json()["data"])) == (200, 2)


def test_a_list_names_its_first_and_last_page(caller: Caller) -> None:
    caller.block("+16505550101", "+16505550102", "+16505550103")

    first = caller.get(limit=1)
    middle = caller.get(limit=1, after=first.json()["paging"]["cursors"]["after"])
    last = caller.get(limit=1, after=middle.json()["paging"]["cursors"]["after"])
    behind = caller.get(limit=1, after=last.json()["paging"]["cursors"]["after"])

    pages = [first, middle, last, behind, caller.get()]
    assert [page.headers.get("x-wablock-page") for page in pages] == ["first", None, "last", None, "first, last"]


def test_a_post_has_no_etag(caller: Caller) -> None:
    answer = caller.block("+16505551234")

    assert "etag" not in answer.headers


def test_head_is_get_without_its_body(caller: Caller) -> None:
    caller.block("+16505551234")
    got = caller.get()

    answer = caller.send("HEAD")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == got.headers["etag"]
    assert answer.headers["content-length"] == str(len(got.content))


def test_options_answers_a_browsers_preflight_without_a_token(caller: Caller) -> None:
    headers = {"Origin": "https://example.com", "Access-Control-Request-Method": "DELETE"}

    answer = httpx2.options(caller.server.url + caller.path, headers=headers)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    assert "Authorization" in answer.headers["access-control-allow-headers"]


def test_a_mixed_answers_error_has_its_own_trace_id(caller: Caller) -> None:
    answer = caller.send("POST", users_body(["+16505551234", "123"]))

    assert answer.json()["error"]["fbtrace_id"] == answer.headers["x-fb-request-id"]
    assert "www-authenticate" not in answer.headers
