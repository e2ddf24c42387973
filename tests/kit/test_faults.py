"""Injected failures: the answer, the number of failing requests, and whether a request took effect."""

import time

import httpx2
import pytest
from tests.kit.caller import block, dev, listed

from wablock.kit.fixture import Wablock

USER, WA_ID = "+16505550101", "16505550101"


@pytest.mark.parametrize(
    "code, status, message",
    [
        (4, 400, "(#4) Application request limit reached"),
        (10, 403, "(#10) Application does not have permission for this action"),
        (190, 401, "Invalid OAuth access token - Cannot parse access token"),
        (130429, 400, "(#130429) Rate limit hit"),
        (139102, 400, "(#139102) Blocklist concurrent update"),
        (139103, 500, "(#139103) Internal error"),
        (80007, 400, "(#80007) An injected fault"),
    ],
)
def test_a_code_is_answered_in_the_contracts_words_if_it_has_some(
    wablock: Wablock, code: int, status: int, message: str
) -> None:
    wablock.fail_next(code=code)

    answer = block(wablock, USER)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["message"]) == (status, code, message)
    assert error["fbtrace_id"] == answer.headers["x-fb-request-id"]
    assert listed(wablock) == []


def test_a_status_and_a_retry_after_may_be_chosen(wablock: Wablock) -> None:
    wablock.fail_next(code=130429, status=429, subcode=7, retry_after=5)

    answer = block(wablock, USER, version="v24.0")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    assert answer.json()["error"]["error_subcode"] == 7
    assert answer.headers["facebook-api-version"] == "v24.0"


def test_a_status_alone_is_an_internal_error(wablock: Wablock) -> None:
    wablock.fail_next(status=503)

    answer = block(wablock, USER)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, 139103)


def test_exactly_this_number_of_requests_fails(wablock: Wablock) -> None:
    wablock.fail_next(code=2, times=3)

    statuses = [block(wablock, USER).status_code for _ in range(5)]

    assert statuses == [503, 503, 503, 200, 200]


def test_only_requests_that_match_fail(wablock: Wablock) -> None:
    wablock.fail_next(code=2, method="delete", path=f"/v25.0/{wablock.phone_number_id}")

    answers = [block(wablock, USER), block(wablock, USER, method="DELETE", version="v24.0")]
    failed = block(wablock, USER, method="DELETE")

    assert [answer.status_code for answer in answers] == [200, 200]
    assert failed.status_code == 503


@pytest.mark.parametrize(
    "expression, status", [("/block_users$", 503), (r"^/v2\d\.0/", 503), ("^/block_users", 200), ("/block_user$", 200)]
)
def test_requests_whose_path_matches_an_expression_fail(wablock: Wablock, expression: str, status: int) -> None:
    wablock.fail_next(code=2, path_matches=expression)

    assert block(wablock, USER).status_code == status


def test_a_request_must_match_the_beginning_and_the_expression(wablock: Wablock) -> None:
    wablock.fail_next(code=2, path="/v24.0/", path_matches="block_users$")

    assert [block(wablock, USER, version=version).status_code for version in ("v25.0", "v24.0")] == [200, 503]


def test_an_invalid_expression_is_refused_with_the_reason(wablock: Wablock) -> None:
    answer = dev(wablock, "POST", "faults", {"code": 2, "path_matches": "(v25"})

    assert answer.status_code == 400
    assert "path_matches is not a valid regular expression: missing ), unterminated subpattern" in answer.text
    assert dev(wablock, "GET", "faults").json() == {"data": []}


def test_a_dropped_request_has_no_answer_and_no_effect(wablock: Wablock) -> None:
    wablock.fail_next(drop=True)

    with pytest.raises(httpx2.RemoteProtocolError):
        block(wablock, USER)

    assert listed(wablock) == []


def test_a_lost_answer_is_that_of_a_request_that_took_effect(wablock: Wablock) -> None:
    wablock.fail_next(drop=True, after=True)

    with pytest.raises(httpx2.RemoteProtocolError):
        block(wablock, USER)

    assert listed(wablock) == [WA_ID]


def test_a_failure_may_come_after_the_effect(wablock: Wablock) -> None:
    wablock.fail_next(code=139103, after=True)

    answer = block(wablock, USER)

    assert answer.status_code == 500
    assert listed(wablock) == [WA_ID]


def test_a_delayed_request_takes_effect_and_time(wablock: Wablock) -> None:
    wablock.fail_next(delay=0.2)
    began = time.monotonic()

    answer = block(wablock, USER)

    assert answer.status_code == 200
    assert time.monotonic() - began >= 0.2


def test_wablocks_own_client_retries_after_a_lost_answer(wablock: Wablock) -> None:
    wablock.fail_next(drop=True, after=True)

    with wablock.client() as client:
        client.block(USER)

    assert [(entry.status, entry.fault_id is not None) for entry in wablock.journal] == [(0, True), (200, False)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"delay": -1},
        {"status": 200},
        {"times": 0},
        {"code": "2"},
        {"drop": "yes"},
        {"nosuch": 1},
        {"delay": 1e9},
        {"drop": True, "method": "FOO"},
        {"drop": True, "path": "v25.0"},
    ],
)
def test_an_invalid_fault_is_refused(wablock: Wablock, body: dict[str, object]) -> None:
    answer = dev(wablock, "POST", "faults", body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert dev(wablock, "GET", "faults").json() == {"data": []}


def test_faults_are_listed_with_their_counts_and_removed(wablock: Wablock) -> None:
    wablock.fail_next(code=2, times=5)
    block(wablock, USER)

    [state] = dev(wablock, "GET", "faults").json()["data"]
    dev(wablock, "DELETE", "faults")

    assert (state["fault"]["times"], state["applied"]) == (5, 1)
    assert block(wablock, USER).status_code == 200
