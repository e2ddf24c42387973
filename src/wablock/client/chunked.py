"""Changes of many users, in several requests. A failure says which users are done, failed, and unknown. No I/O here."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from wablock.client.answers import ErrorBody, FailedUser, UserDone
from wablock.client.exchange import Exchange, HttpResponse
from wablock.client.failures import ClientError, SomeUsersFailed
from wablock.client.retrying import results_missing
from wablock.client.users import chunks, results_for
from wablock.contract.wire import User


class ChunkResult(msgspec.Struct, frozen=True):
    """What one request has done. `error` is the response's own, beside users who failed."""

    done: Sequence[UserDone]
    failed: Sequence[FailedUser]
    response: HttpResponse
    error: ErrorBody | None = None


def changed_in_chunks(
    users: Iterable[User], send: Callable[[list[User]], Exchange[ChunkResult]]
) -> Exchange[list[UserDone]]:
    """The results of all requests that `send` makes. Raises `SomeUsersFailed` at the end if users failed."""
    done: list[UserDone] = []
    failed: list[FailedUser] = []
    error: ErrorBody | None = None
    status = 200
    unknown: list[str] = []
    try:
        for chunk in chunks(users):
            unknown = [user.user or user.user_id or "" for user in chunk]
            result = yield from send(chunk)
            done_in_chunk, unknown = results_for(unknown, result.done)
            failed_in_chunk, unknown = results_for(unknown, result.failed)
            done += done_in_chunk
            failed += failed_in_chunk
            if unknown:
                raise results_missing(result.response)
            if failed_in_chunk:
                error, status = result.error or error, result.response.status
    except ClientError as client_error:
        client_error.done, client_error.failed = done, failed
        client_error.unknown = unknown if client_error.may_have_taken_effect else ()
        raise
    if failed:
        raise SomeUsersFailed(done, failed, error, status)
    return done
