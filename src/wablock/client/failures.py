"""The client's exceptions. Each says what had already been done when the call failed."""

from collections.abc import Sequence
from typing import Any

from wablock.client.answers import ErrorBody, FailedUser


class ClientError(Exception):
    """Any failure of a call.

    `done` has the results that were complete when the call failed. `failed` has the users that the server refused one
    by one. `unknown` has the users of a request that the server may have processed, although its response was lost or
    left these users out. All users that are not in `done` may be sent again.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.done: Sequence[Any] = ()
        self.failed: Sequence[FailedUser] = ()
        self.unknown: Sequence[str] = ()
        self.may_have_taken_effect = False


class NoAnswer(ClientError):
    """No valid response: the connection broke, a proxy sent its own page, or the list never ends.

    The request may have taken effect. It is safe to repeat blocking and unblocking: both are idempotent.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ListsUnsupported(ClientError):
    """The server has no `/v1/lists`, as Meta's API and older wablock servers. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__("The server has no members of lists (/v1/lists), as Meta's API and older wablock servers.")


class EventsUnsupported(ClientError):
    """The server has no `/v1/events`, as Meta's API and older wablock servers. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__("The server has no events (/v1/events), as Meta's API and older wablock servers.")


class ApiError(ClientError):
    """The server refused the whole request. Decide by `code` and `subcode`, never by the text.

    `details` says what to do, if the server sent it. `fbtrace_id` identifies the request in the server's log.
    `retry_after` is the number of seconds to wait before the next attempt, if the server sent it.
    """

    def __init__(self, error: ErrorBody, status: int, retry_after: float | None = None) -> None:
        message = in_sentences(error.message or "", error.details or "")
        super().__init__(message or f"error {error.code}, status {status}")
        self.message = error.message or ""
        self.type = error.type
        self.code = error.code
        self.subcode = error.error_subcode
        self.details = error.details
        self.fbtrace_id = error.fbtrace_id
        self.is_transient = bool(error.is_transient)
        self.status = status
        self.retry_after = retry_after


class InvalidAccessToken(ApiError):
    """104, 190: the access token is missing, unknown, revoked or expired."""


class ExpiredAccessToken(InvalidAccessToken):
    """190 with subcode 463: the access token has expired."""


class PermissionDenied(ApiError):
    """10, 200 to 299: the access token does not have the permission."""


class UnknownObject(ApiError):
    """100 with subcode 33: the phone number id does not exist, or the access token does not cover it."""


class NotListed(ApiError):
    """100 with status 404: the user is not on the list."""


class MemberChanged(ApiError):
    """100 with status 412: another caller has changed the member since its `etag` was read. Nothing was changed."""


class InvalidParameter(ApiError):
    """100: a parameter of the request is invalid; the message names it."""


class CannotUndo(InvalidParameter):
    """100 with status 409: the event cannot be undone; the message says why."""


class RateLimited(ApiError):
    """4, 17, 613, 80007, 130429: too many requests, even after all retries."""


class BlocklistChanged(ApiError):
    """139102: the list changed while it was read, even after all restarts."""


class ServerTrouble(ApiError):
    """1, 2, 139103, or a status of 500 or more: a temporary error of the server."""


class SomeUsersFailed(ApiError):
    """139100: the server could not block, unblock or check the users in `failed`. Those in `done` are complete.

    `status` is the status of the last response that had failed users.
    """

    def __init__(
        self, done: Sequence[Any], failed: Sequence[FailedUser], error: ErrorBody | None = None, status: int = 200
    ) -> None:
        super().__init__(error or ErrorBody("(#139100) Failed to block/unblock users", code=139100), status)
        self.done = done
        self.failed = failed
        self.args = (f"{len(failed)} of {len(done) + len(failed)} users failed; the first: {failed[0].reason}",)


def in_sentences(message: str, details: str) -> str:
    """Both texts of an error. Most messages of Graph end without a full stop."""
    return f"{message.removesuffix('.')}. {details}" if message and details else message or details


_KINDS = {
    10: PermissionDenied,
    104: InvalidAccessToken,
    190: InvalidAccessToken,
    100: InvalidParameter,
    4: RateLimited,
    17: RateLimited,
    613: RateLimited,
    80007: RateLimited,
    130429: RateLimited,
    139102: BlocklistChanged,
    1: ServerTrouble,
    2: ServerTrouble,
    139103: ServerTrouble,
}
_OF_STATUS = {(100, 404): NotListed, (100, 412): MemberChanged, (100, 409): CannotUndo}
_SUBKINDS = {(100, 33): UnknownObject, (190, 463): ExpiredAccessToken}


def api_error(error: ErrorBody, status: int, retry_after: float | None) -> ApiError:
    """The exception for the `error` in a response."""
    kind = _SUBKINDS.get((error.code, error.error_subcode or 0))
    kind = kind or _OF_STATUS.get((error.code, status)) or _KINDS.get(error.code)
    if kind is None and 200 <= error.code <= 299:
        kind = PermissionDenied
    if kind is None:
        kind = ServerTrouble if status >= 500 or error.is_transient else ApiError
    return kind(error, status, retry_after)
