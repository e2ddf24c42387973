"""Sending a request until it is answered, as often as is allowed. No I/O here."""

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
_BEGINNING = 40  # characters of an answer that cannot be read: enough to recognise a proxy's page


_T = TypeVar("_T", bound=msgspec.Struct)


class Retries(msgspec.Struct, frozen=True):
    """How a request is repeated: `most` times, waiting twice as long each time, `longest` seconds in all at most.

    Repeated is what may be repeated: requests whose answer was lost, since a user blocked or unblocked twice is so
    once, and those that the server refused for now. A `Retry-After` is honoured; where it asks for more than is left of
    `longest`, the failure is raised at once.
    """

    most: int = 4
    first: float = 0.25
    longest: float = 60.0


def answered(request: HttpRequest, retries: Retries, chance: Callable[[], float]) -> Exchange[HttpResponse]:
    """The answer to `request`, whose status is not an error's; raises `ClientError`.

    `chance` gives numbers from 0 to 1: they spread the callers that a server's trouble has brought into step.
    """
    repeated, waited = 0, 0.0
    while True:
        answer = yield request
        if isinstance(answer, HttpResponse):
            failure = _failure(answer)
            if failure is None:
                return answer
        else:
            failure = NoAnswer(f"No answer: {answer.reason if answer else 'the request was not sent'}")
        pause = _pause(failure, retries.first * 2.0**repeated * (0.5 + chance() / 2))
        if pause is None or repeated >= retries.most or waited + pause > retries.longest:
            raise failure
        yield Wait(pause)
        repeated, waited = repeated + 1, waited + pause


def decoded_answer(
    request: HttpRequest, kind: type[_T], retries: Retries, chance: Callable[[], float]
) -> Exchange[tuple[_T, HttpResponse]]:
    """The answer to `request` as `kind`, and the answer itself; raises `ClientError`."""
    response = yield from answered(request, retries, chance)
    answer = decoded(response.body, kind)
    if answer is None:
        raise unreadable(response)
    return answer, response


def _failure(answer: HttpResponse) -> ClientError | None:
    """What is wrong with an answer; None for one with a body of its own, be it that some users failed."""
    failure = decoded(answer.body, FailedAnswer)
    if failure is not None and failure.error.code == _SOME_USERS_FAILED and _names_users(answer.body):
        return None
    if failure is not None:
        return api_error(failure.error, answer.status, _retry_after(answer))
    if 200 <= answer.status < 300:
        return None
    return unreadable(answer)


class _NamesUsers(msgspec.Struct):
    block_users: msgspec.Raw


def _names_users(body: bytes) -> bool:
    return decoded(body, _NamesUsers) is not None


def unreadable(answer: HttpResponse) -> NoAnswer:
    """The failure of an answer that is none of this API's."""
    beginning = ascii(answer.body[:_BEGINNING].decode("latin-1"))[1:-1]
    return NoAnswer(
        f"The answer, status {answer.status}, is none of the Block API's; it begins: {beginning}. "
        "Is the base URL right, and is there a proxy between?",
        answer.status,
    )


def _pause(failure: ClientError, backoff: float) -> float | None:
    """Seconds until the request may be repeated; None where repeating it is not safe, or of no use."""
    if isinstance(failure, NoAnswer):
        is_passing = failure.status is None or failure.status >= 500
        return backoff if is_passing else None
    if not isinstance(failure, ApiError):
        return None
    if _asks_too_much(failure):
        return None
    if isinstance(failure, RateLimited | ServerTrouble) or failure.is_transient or failure.status in (429, 503):
        return max(backoff, failure.retry_after or 0.0)
    return None


def _asks_too_much(failure: ApiError) -> bool:
    """Whether the request has more users than one may have: 130429 too, but waiting does not make them fewer."""
    return (
        failure.code == _RATE_LIMIT_HIT
        and failure.retry_after is None
        and _TOO_MANY_USERS.match(failure.details or "") is not None
    )


def _retry_after(answer: HttpResponse) -> float | None:
    """Seconds, where the header says them; a date, which Graph never sends, means nothing here."""
    try:
        seconds = float(answer.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
