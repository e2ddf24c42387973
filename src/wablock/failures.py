"""wablock's own errors, which Meta has not published: those of the server, the gate and the databases.

Each has the code of the nearest error of Meta, in Graph's envelope, so that clients can read it like any other.
"""

from collections.abc import Sequence
from typing import Final

from wablock.contract.errors import GraphError, InvalidParameter, UserFailure

_MOST_SHOWN: Final = 5
"""The most ids in a message, which is also in a header."""

# -- the server


class BodyTooLarge(InvalidParameter):
    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__("Request body too large", f"A request body may have up to {limit} bytes.")


class Overloaded(GraphError):
    """The server cannot take this request now. Nothing was changed."""

    code = 2
    status = 503
    is_transient = True

    def __init__(self, details: str, retry_after: int = 1) -> None:
        super().__init__("(#2) Service temporarily unavailable", details, retry_after=retry_after)


# -- members of a list


class NotListed(InvalidParameter):
    status = 404

    def __init__(self, user: str, list_id: str) -> None:
        super().__init__(
            f'"{user}" is not on the list {list_id}.',
            "The user was never blocked, was unblocked, or the block has expired. "
            f"Add the user with: POST /v1/lists/{list_id}/members",
        )


class CannotUndo(InvalidParameter):
    """The event is not one that can be undone. Nothing was changed."""

    status = 409

    def __init__(self, event_id: str, why: str) -> None:
        super().__init__(f"The event {event_id} cannot be undone: {why}.")


class MemberChanged(InvalidParameter):
    """Another caller has changed the member since this one has read it. Nothing was changed."""

    status = 412

    def __init__(self, user: str, tag: str) -> None:
        super().__init__(
            f'"{user}" was changed after you had read it.',
            f'Its ETag is "{tag}" now. Read the member again, and send the edit with its new ETag in If-Match.',
        )


class IdempotencyKeyReused(InvalidParameter):
    """The key was sent before, with another request for the same list. Nothing was changed."""

    status = 422

    def __init__(self) -> None:
        super().__init__(
            "The Idempotency-Key was sent before with a different request for this list.",
            "Nothing was changed. Send a new key with each new request, and the same key only with an exact repeat.",
        )


# -- the numbers of an account


class NumberTaken(InvalidParameter):
    """The id is registered already. The message does not say in which account."""

    def __init__(self, phone_number_id: str) -> None:
        super().__init__(
            f"The number {phone_number_id} is registered already.",
            "GET /v1/numbers lists your account's numbers. If it is not among them, ask the operator of this server.",
        )


class NumberNameTaken(InvalidParameter):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"Another number of the account has the name {name!r}.",
            "Choose another name: case does not distinguish names.",
        )


# -- the lists of an account


class OnAllowList(UserFailure):
    """A block would not be in force."""

    code = 139100
    message = "User is on an allow list"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The allow list {name} has this user, so a block would not be in force. Remove the user from it first."
        )


class ListNameTaken(InvalidParameter):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"The account has a list named {name} already.", "Choose another name, in any case of letters."
        )


class ListIsAttached(InvalidParameter):
    def __init__(self, name: str, phone_number_ids: Sequence[str] | None) -> None:
        """`phone_number_ids` None: it is attached to all numbers."""
        shown = ["all numbers"] if phone_number_ids is None else list(phone_number_ids[:_MOST_SHOWN])
        more = len(phone_number_ids or ()) - _MOST_SHOWN
        places = ", ".join(shown) + (f" and {more} more" if more > 0 else "")
        super().__init__(f"The list {name} is attached to {places}.", "Detach it there first, then remove it.")


# -- the gate


class NotSent(GraphError):
    """The upstream gave no answer. It may have processed the request, so the message does not suggest a retry."""

    code = 131000
    status = 502

    def __init__(self, details: str) -> None:
        super().__init__("(#131000) Something went wrong", details)


class UpstreamTimedOut(NotSent):
    status = 504


class InvalidSignature(GraphError):
    """The signature is missing or matches no account. The message does not say which accounts exist."""

    status = 401

    def __init__(self) -> None:
        super().__init__(
            "(#100) Invalid signature",
            "X-Hub-Signature-256 must be sha256= and the HMAC-SHA256 of the body under the account's app secret. "
            "Set it with: wablock account set",
        )


class WrongVerifyToken(GraphError):
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "(#100) Wrong verify token", "hub.verify_token matches no account. Set it with: wablock account set"
        )


class NotDelivered(GraphError):
    """A required downstream did not accept a webhook. The sender should send the webhook again."""

    code = 2
    status = 502
    is_transient = True

    def __init__(self, details: str) -> None:
        super().__init__("(#2) Not delivered", details, retry_after=1)
