"""The errors that Meta has published: one class each, with its code, type and HTTP status.

A rule raises the class; only `server/` turns it into a response. A `GraphError` fails a whole request, a
`UserFailure` only one of its users. wablock's own errors, which Meta has not published, are in `wablock/failures.py`.
"""

from datetime import UTC, datetime
from typing import ClassVar, Final

OAUTH: Final = "OAuthException"
GRAPH_METHOD: Final = "GraphMethodException"


class GraphError(Exception):
    """The failure of a whole request. `message` is Graph's text. `details` says what to do next."""

    code: ClassVar[int] = 100
    subcode: ClassVar[int | None] = None
    type: ClassVar[str] = OAUTH
    status: ClassVar[int] = 400
    is_transient: ClassVar[bool] = False
    names_product: ClassVar[bool] = False
    """Whether the body has `messaging_product` beside the error."""
    data_names_product: ClassVar[bool] = False
    """Whether `error_data` has `messaging_product` beside the details."""

    def __init__(self, message: str, details: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.retry_after = retry_after


# -- the caller's credentials


class MissingAccessToken(GraphError):
    code = 104

    def __init__(self, details: str | None = None) -> None:
        super().__init__("An access token is required to request this resource.", details)


class InvalidAccessToken(GraphError):
    code = 190
    status = 401

    def __init__(self) -> None:
        super().__init__("Invalid OAuth access token - Cannot parse access token")


class ExpiredAccessToken(InvalidAccessToken):
    subcode = 463

    def __init__(self, expired_at: int, now: int) -> None:
        """Both times are in microseconds since 1970."""
        GraphError.__init__(
            self,
            f"Error validating access token: Session has expired on {_graph_time(expired_at)}. "
            f"The current time is {_graph_time(now)}.",
        )


def _graph_time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).strftime("%A, %d-%b-%y %H:%M:%S GMT")


class PermissionDenied(GraphError):
    code = 10
    status = 403

    def __init__(self, details: str | None = None) -> None:
        super().__init__("(#10) Application does not have permission for this action", details)


# -- the object, path and parameters of the request


class UnknownObject(GraphError):
    """The object does not exist, or the token does not cover it: both cases have the same response."""

    subcode = 33
    type = GRAPH_METHOD

    def __init__(self, method: str, object_id: str, details: str | None = None) -> None:
        super().__init__(
            f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, cannot be loaded due "
            "to missing permissions, or does not support this operation. Please read the Graph API documentation at "
            "https://developers.facebook.com/docs/graph-api",
            details,
        )


class UnknownPath(GraphError):
    code = 2500

    def __init__(self, path: str) -> None:
        super().__init__(f"Unknown path components: {path}")


class UnsupportedMethod(GraphError):
    type = GRAPH_METHOD

    def __init__(self, method: str) -> None:
        super().__init__(f"Unsupported request - method type: {method.lower()}")


class InvalidParameter(GraphError):
    def __init__(self, message: str = "Invalid parameter", details: str | None = None) -> None:
        super().__init__(f"(#100) {message}", details)


class MissingParameter(InvalidParameter):
    def __init__(self, name: str, details: str | None = None) -> None:
        super().__init__(f"The parameter {name} is required.", details)


class WrongMessagingProduct(InvalidParameter):
    def __init__(self, value: str) -> None:
        super().__init__(f'Param messaging_product must be one of {{WHATSAPP}} - got "{value}".')


class ParentUserId(InvalidParameter):
    """A parent user id in a request. Only a `user_id`, which belongs to this business, identifies a user to block."""

    def __init__(self, place: str, parent_user_id: str) -> None:
        super().__init__(
            f'Param {place} cannot be a parent user id: "{parent_user_id}".',
            "Send the user_id that the user's webhooks show with it. Nothing was changed.",
        )


# -- the size and rate of requests


class RateLimitHit(GraphError):
    """The business number has used its throughput, or one request is too large."""

    code = 130429
    subcode = 2494055
    data_names_product = True

    def __init__(self, details: str, retry_after: int | None = None) -> None:
        super().__init__("(#130429) Rate limit hit", details, retry_after=retry_after)


class TooManyUsers(RateLimitHit):
    def __init__(self, count: int, limit: int, parameter: str = "block_users") -> None:
        super().__init__(
            f"{parameter} has {count} users; one request may have up to {limit}. Send the rest in other requests."
        )


class ApplicationRequestLimit(GraphError):
    """Too many requests with one access token."""

    code = 4

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "(#4) Application request limit reached",
            f"This access token has made too many requests. Try again in {retry_after} s.",
            retry_after=retry_after,
        )


# -- the block list


class BlocklistConcurrentUpdate(GraphError):
    code = 139102
    names_product = True

    def __init__(self) -> None:
        super().__init__(
            "(#139102) Blocklist concurrent update", "Blocklist was updated during retrieval - retry with offset 0"
        )


class BlocklistInternalError(GraphError):
    """A storage error. The request took effect completely or not at all, and it is safe to send it again."""

    code = 139103
    status = 500
    is_transient = True

    def __init__(self, details: str = "The block list could not be stored or read. Send the request again.") -> None:
        super().__init__("(#139103) Internal error", details)


class SomeUsersFailed(GraphError):
    """The error beside `failed_users`. Its status is a setting; see `docs/fidelity.md`."""

    code = 139100

    def __init__(self, operation: str) -> None:
        """`operation` is "block" or "unblock"."""
        super().__init__(
            "(#139100) Failed to block/unblock users",
            f"Failed to {operation} some users, see the block_users response list for details",
        )


# -- the gate


class BlockedByBusiness(GraphError):
    """A message to a user that the business has blocked. It was not sent."""

    code = 130403

    def __init__(self) -> None:
        super().__init__(
            "(#130403) The business has blocked the user",
            "Unable to deliver the message. This business has blocked the end user on WhatsApp",
        )


# -- one user


class UserFailure(Exception):
    """The failure of one user in a request. It does not affect the other users."""

    code: ClassVar[int]
    message: ClassVar[str]

    def __init__(self, details: str) -> None:
        super().__init__(details)
        self.details = details


class ReEngagementRequired(UserFailure):
    code = 131047
    message = "Re-engagement required"

    def __init__(self, details: str = "User has not messaged in the last 24 hours") -> None:
        super().__init__(details)


class NotAWhatsAppUser(ReEngagementRequired):
    """The text is not a phone number or `user_id`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Not a valid WhatsApp user: {reason}")


class RecipientIsSender(UserFailure):
    code = 131021
    message = "Recipient cannot be sender"

    def __init__(self) -> None:
        super().__init__("The business's own number cannot be blocked.")


class BlocklistLimitReached(UserFailure):
    code = 139101
    message = "Blocklist limit reached"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The block list holds {limit} users, its limit. Unblock a user first.")
