"""Retries: which failed requests the client repeats, and how long it waits before. No I/O here."""

import math
import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from wablock.client.answers import FailedAnswer, decoded
from wablock.client.exchange import Exchange, HttpRequest, HttpResponse, Wait
from wablock.client.failures import ApiError, ClientError, NoAnswer, RateLimited, ServerTrouble, api_error

_SOME_USERS_FAILED = 139100
_RATE_LIMIT_HIT = 130429
_TOO_MANY_USERS = re.compile(r"(?=.*\busers\b)(?=.*\brequest\b)", re.IGNORECASE | re.DOTALL)
_BEGINNING = 40  # characters of an unreadable response in the message: enough to recognise a proxy's page


_T = TypeVar("_T", bound=msgspec.Struct)


class Retries(msgspec.Struct, frozen=True):
    """The limits on retries: at most `most`, with waits of at most `longest` seconds in total.

    The first wait is about `first` seconds; each later wait is twice as long. The client retries a request if the
    server refused it temporarily, or if the response was lost. That is safe, because blocking and unblocking are
    idempotent. It waits at least as long as `Retry-After` says. If too little is left of `longest`, it raises the error
    immediately.
    """

    most: int = 4
    first: float = 0.25
    longest: float = 60.0


def response_to(request: HttpRequest, retries: Retries, chance: Callable[[], float]) -> Exchange[HttpResponse]:
    """The response to `request`, if it is not an error; raises `ClientError` otherwise.

    `chance` returns random numbers from 0 to 1. They spread the retries of many clients that failed at the same moment.
    """
    retry_count, total_wait, may_have_taken_effect = 0, 0.0, False
    while True:
        response = yield request
        if isinstance(response, HttpResponse):
            error = _error(response)
            if error is None:
                return response
        else:
            error = NoAnswer(f"No answer: {response.reason if response else 'the request was not sent'}")
            error.may_have_taken_effect = response is not None and response.was_sent
        may_have_taken_effect |= error.may_have_taken_effect
        pause = _pause(error, retries.first * 2.0**retry_count * (0.5 + chance() / 2))
        if pause is None or retry_count >= retries.most or total_wait + pause > retries.longest:
            error.may_have_taken_effect = may_have_taken_effect
            raise error
        yield Wait(pause)
        retry_count, total_wait = retry_count + 1, total_wait + pause


def decoded_response(
    request: HttpRequest, kind: type[_T], retries: Retries, chance: Callable[[], float]
) -> Exchange[tuple[_T, HttpResponse]]:
    """The body of the response to `request`, decoded as `kind`, and the response itself; raises `ClientError`."""
    response = yield from response_to(request, retries, chance)
    body = decoded(response.body, kind)
    if body is None:
        raise unreadable(response)
    return body, response


def _error(response: HttpResponse) -> ClientError | None:
    """The error in a response; None if it has none, or if only some of its users failed."""
    body = decoded(response.body, FailedAnswer)
    if body is not None and body.error.code == _SOME_USERS_FAILED and decoded(response.body, _NamesUsers) is not None:
        return None
    if body is not None:
        error = api_error(body.error, response.status, _retry_after(response))
        error.may_have_taken_effect = isinstance(error, ServerTrouble)
        return error
    if 200 <= response.status < 300:
        return None
    return unreadable(response)


class _NamesUsers(msgspec.Struct):
    block_users: msgspec.Raw


def unreadable(response: HttpResponse) -> NoAnswer:
    """The error for a response that is not the Block API's."""
    beginning = ascii(response.body[:_BEGINNING].decode("latin-1"))[1:-1]
    error = NoAnswer(
        f"The response, status {response.status}, is not from a Block API; it begins: {beginning}. "
        "Check the base URL, and whether a proxy sent this response.",
        response.status,
    )
    error.may_have_taken_effect = not 300 <= response.status < 500  # those statuses refuse the request
    return error


def results_missing(response: HttpResponse) -> NoAnswer:
    """The error for a response that has no result for some users."""
    error = NoAnswer("The server did not return a result for every user.", response.status)
    error.may_have_taken_effect = True
    return error


def _pause(error: ClientError, backoff: float) -> float | None:
    """Seconds to wait before the retry; None if a retry is not safe, or cannot succeed."""
    if isinstance(error, NoAnswer):
        is_temporary = error.status is None or error.status >= 500
        return backoff if is_temporary else None
    if not isinstance(error, ApiError):
        return None
    if _has_too_many_users(error):
        return None
    if isinstance(error, RateLimited | ServerTrouble) or error.is_transient or error.status in (429, 503):
        return max(backoff, error.retry_after or 0.0)
    return None


def _has_too_many_users(error: ApiError) -> bool:
    """Whether the request had too many users. Its code is also 130429, but a retry would fail again."""
    return (
        error.code == _RATE_LIMIT_HIT
        and error.retry_after is None
        and _TOO_MANY_USERS.match(error.details or "") is not None
    )


def _retry_after(response: HttpResponse) -> float | None:
    """The header's seconds. A date, which Graph never sends, is ignored."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
