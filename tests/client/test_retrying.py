"""The requests that the client repeats, and those that it never repeats."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.script import Script, calls, obliging, refused

from wablock.client import (
    ApiError,
    ExpiredAccessToken,
    InvalidAccessToken,
    InvalidParameter,
    NoAnswer,
    PermissionDenied,
    RateLimited,
    Retries,
    ServerTrouble,
    UnknownObject,
)
from wablock.client.exchange import HttpResponse, Lost
from wablock.contract import errors

USER = "+16505550101"
HTML = HttpResponse(502, b"<html><h1>502 Bad Gateway</h1>")
FOR_NOW = {
    "lost": Lost("connection reset"),
    "a proxy's page": HTML,
    "overloaded": refused(2, 503),
    "internal error": refused(139103, 500),
    "unknown error": refused(1, 500),
    "a number's rate": refused(130429),
    "an application's rate": refused(4),
    "an account's rate": refused(80007),
    "an unknown code, with 500": refused(999, 500),
}
FOR_GOOD = {
    104: (refused(104), InvalidAccessToken),
    190: (refused(190, 401), InvalidAccessToken),
    463: (refused(190, 401, subcode=463), ExpiredAccessToken),
    10: (refused(10, 403), PermissionDenied),
    200: (refused(200, 403), PermissionDenied),
    33: (refused(100, subcode=33), UnknownObject),
    100: (refused(100), InvalidParameter),
    2500: (refused(2500), ApiError),
}


@pytest.mark.parametrize("trouble", FOR_NOW.values(), ids=FOR_NOW)
def test_a_transient_refusal_is_retried(trouble: HttpResponse | Lost) -> None:
    script = Script(trouble, trouble, obliging)

    done = script.run(calls().block(USER, None, None, None))

    assert [user.input for user in done] == [USER]
    assert len(set(script.requests)) == 1
    assert len(script.requests) == 3


@pytest.mark.parametrize("refusal, kind", FOR_GOOD.values(), ids=map(str, FOR_GOOD))
def test_a_permanent_refusal_is_not_retried(refusal: HttpResponse, kind: type[ApiError]) -> None:
    script = Script(refusal)

    with pytest.raises(ApiError) as caught:
        script.run(calls().block(USER, None, None, None))

    assert type(caught.value) is kind
    assert len(script.requests) == 1


def test_a_request_with_too_many_users_is_not_sent_again() -> None:
    script = Script(refused(130429, details=errors.TooManyUsers(1_000, 500).details))

    with pytest.raises(RateLimited, match="Send the rest in other requests"):
        script.run(calls().block(USER, None, None, None))

    assert len(script.requests) == 1


@pytest.mark.parametrize("details", [None, "This number has had too many requests.", "Too many users. Wait."])
def test_any_other_rate_limit_is_retried(details: str | None) -> None:
    script = Script(refused(130429, details=details), obliging)

    script.run(calls().block(USER, None, None, None))

    assert len(script.requests) == 2


def test_the_wording_of_an_error_with_retry_after_does_not_matter() -> None:
    script = Script(refused(130429, details="Too many users in a request", retry_after="1"), obliging)

    script.run(calls().block(USER, None, None, None))

    assert script.waits == [1.0]


def test_a_404_page_of_another_server_is_not_retried() -> None:
    script = Script(HttpResponse(404, b"<html>nothing here"))

    with pytest.raises(NoAnswer, match="status 404"):
        script.run(calls().block(USER, None, None, None))

    assert len(script.requests) == 1


def test_each_wait_is_twice_the_one_before() -> None:
    script = Script(Lost("reset"))

    with pytest.raises(NoAnswer, match="reset"):
        script.run(calls(Retries(most=4, first=0.5)).block(USER, None, None, None))

    assert script.waits == [0.5, 1.0, 2.0, 4.0]


def test_the_servers_retry_after_is_honoured() -> None:
    script = Script(refused(130429, retry_after="7"), obliging)

    script.run(calls().block(USER, None, None, None))

    assert script.waits == [7.0]


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "-5", ""])
def test_an_invalid_retry_after_is_ignored(text: str) -> None:
    script = Script(refused(130429, retry_after=text), obliging)

    script.run(calls().block(USER, None, None, None))

    assert script.waits == [0.25]


def test_a_retry_after_beyond_the_limit_fails_at_once_and_is_shown() -> None:
    script = Script(refused(4, retry_after="3600"))

    with pytest.raises(RateLimited) as caught:
        script.run(calls().block(USER, None, None, None))

    assert caught.value.retry_after == 3600
    assert script.waits == []


def test_without_retries_the_first_failure_is_the_last() -> None:
    script = Script(HTML)

    with pytest.raises(NoAnswer):
        script.run(calls(Retries(most=0)).block(USER, None, None, None))

    assert len(script.requests) == 1


@given(most=st.integers(0, 8), first=st.floats(0, 100), longest=st.floats(0, 100))
def test_retries_stay_within_their_number_and_time(most: int, first: float, longest: float) -> None:
    script = Script(refused(2, 503))

    with pytest.raises(ServerTrouble):
        script.run(calls(Retries(most, first, longest)).block(USER, None, None, None))

    assert len(script.requests) <= most + 1
    assert sum(script.waits) <= longest


def test_the_error_of_an_answer_that_is_not_json_has_its_beginning_and_advice() -> None:
    with pytest.raises(NoAnswer) as caught:
        Script(HttpResponse(200, b"<html>\x1b[2J hello")).run(calls().block(USER, None, None, None))

    assert "<html>\\x1b[2J hello" in str(caught.value)
    assert "base URL" in str(caught.value)
    assert caught.value.status == 200
