"""What can go wrong, as exceptions: by whose fault it is, and with what had been done before."""

from collections.abc import Sequence
from typing import Any

from wablock.client.answers import ErrorBody, FailedUser


class ClientError(Exception):
    """Any failure of a call.

    `done` are the users for whom the call had done its work when it failed, `failed` those whom the server refused one
    by one. All others may be sent again.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.done: Sequence[Any] = ()
        self.failed: Sequence[FailedUser] = ()


class NoAnswer(ClientError):
    """No answer came, or one that is none of this API's: a broken connection, a proxy's page, a list without an end.

    The request may have taken effect. Blocking and unblocking may be repeated: done twice is done once.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ApiError(ClientError):
    """The server refused the request as a whole. Decide by `code` and `subcode`, never by the text.

    `details` says what to do, where the server knows; `fbtrace_id` is the request's name in the server's log;
    `retry_after` the seconds after which it asked to be asked again.
    """

    def __init__(self, error: ErrorBody, status: int, retry_after: float | None = None) -> None:
        said = " ".join(text for text in (error.message, error.details) if text)
        super().__init__(said or f"error {error.code}, status {status}")
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
    """104, 190: there is no access token, or it is unknown, revoked or expired."""


class ExpiredAccessToken(InvalidAccessToken):
    """190 with subcode 463."""


class PermissionDenied(ApiError):
    """10, 200 to 299: the access token may not do this."""


class UnknownObject(ApiError):
    """100 with subcode 33: there is no such phone number id, or the access token may not touch it."""


class InvalidParameter(ApiError):
    """100: something in the request is wrong; the message names it."""


class RateLimited(ApiError):
    """4, 17, 613, 80007, 130429: too many requests, after all the waiting that was allowed."""


class BlocklistChanged(ApiError):
    """139102: the list changes faster than it can be read."""


class ServerTrouble(ApiError):
    """1, 2, 139103, or a status of 500 and more: the server's trouble, which passes."""


class SomeUsersFailed(ApiError):
    """139100: the users in `failed` could not be blocked, unblocked or checked; those in `done` are done.

    `status` is that of the last answer that named somebody who failed.
    """

    def __init__(
        self,
        done: Sequence[Any],
        failed: Sequence[FailedUser],
        error: ErrorBody | None = None,
        status: int = 200,
    ) -> None:
        super().__init__(error or ErrorBody("(#139100) Failed to block/unblock users", code=139100), status)
        self.done = done
        self.failed = failed
        self.args = (f"{len(failed)} of {len(done) + len(failed)} users failed; the first: {failed[0].reason}",)


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
_SUBKINDS = {(100, 33): UnknownObject, (190, 463): ExpiredAccessToken}


def api_error(error: ErrorBody, status: int, retry_after: float | None) -> ApiError:
    """The exception for an error's body."""
    kind = _SUBKINDS.get((error.code, error.error_subcode or 0)) or _KINDS.get(error.code)
    if kind is None and 200 <= error.code <= 299:
        kind = PermissionDenied
    if kind is None:
        kind = ServerTrouble if status >= 500 or error.is_transient else ApiError
    return kind(error, status, retry_after)
