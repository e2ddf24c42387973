"""The JSON types of the Block API, named as in Meta's OpenAPI document, with members in the order of the JSON."""

import math
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from wablock.contract.user_ids import is_meant_as_user_id

WHATSAPP: Final = "whatsapp"
WITHOUT_NUL: Final = r"^[^\x00]*$"  # PostgreSQL's text cannot contain NUL, and no user types it


PAGE_HEADER: Final = "x-wablock-page"
"""wablock's own header on the first and the last page of a list; its value is `first`, `last`, or both."""
EFFECTS_HEADER: Final = "x-wablock-effects"
"""With this request header, each user in the response of a change has the member `effect`."""
ON_BEHALF_OF_HEADER: Final = "x-wablock-on-behalf-of"
"""The person that a caller changes a list for. The event of the change has it beside the token's label."""
IDEMPOTENCY_KEY_HEADER: Final = "idempotency-key"
"""With this request header, a change that is requested several times is made once."""
REPLAYED_HEADER: Final = "idempotent-replayed"
"""The header `true` of a response with the outcome of an earlier request. Stripe's has the same name."""
FIRST_PAGE: Final = "first"
LAST_PAGE: Final = "last"


LATEST: Final = 253_402_300_799  # seconds since 1970; the end of the year 9999

Time = Annotated[int, msgspec.Meta(ge=0, le=LATEST)] | Annotated[datetime, msgspec.Meta(tz=True)]
"""A time in a request: seconds since 1970, or ISO 8601 with a zone."""


def seconds_of(time: int | datetime) -> int:
    """Seconds since 1970, without a fraction. Raises `ValueError` for a `datetime` without a zone, and `TypeError` for
    another type.
    """
    if isinstance(time, int) and not isinstance(time, bool):
        return time
    if not isinstance(time, datetime):
        raise TypeError(f"A time must be an int, in seconds since 1970, or a datetime with a zone, not {time!r}")
    if time.utcoffset() is None:
        raise ValueError(f"{time.isoformat()} has no zone: write datetime(…, tzinfo=UTC)")
    return min(max(math.floor(time.timestamp()), 0), LATEST)


class User(msgspec.Struct, omit_defaults=True, gc=False):
    """One item of `block_users`. The members after `user_id` are wablock's extensions and optional."""

    user: str | None = None
    user_id: str | None = None
    reason: Annotated[str, msgspec.Meta(max_length=200, pattern=WITHOUT_NUL)] | None = None
    note: Annotated[str, msgspec.Meta(max_length=2_000, pattern=WITHOUT_NUL)] | None = None
    expires_at: Time | None = None


def user_of(text: str) -> User:
    """The user with this number or `user_id`. A text that begins with two letters and a dot is a `user_id`."""
    return User(user_id=text) if is_meant_as_user_id(text) else User(text)


def names_user(item: User) -> bool:
    """Whether the item names a user. Beside a `user_id`, an empty `user` is as if it were missing, and is removed."""
    if item.user == "" and item.user_id:
        item.user = None
    return item.user is not None or item.user_id is not None


class BlockedUserOperation(msgspec.Struct, omit_defaults=True, gc=False):
    """One user that a request blocked or unblocked. `input` is exactly the text that the caller sent.

    `effect` is wablock's: see `EFFECTS_HEADER`.
    """

    input: str
    wa_id: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    effect: str | UnsetType = UNSET


class ErrorData(msgspec.Struct, omit_defaults=True, kw_only=True):
    messaging_product: str | UnsetType = UNSET
    details: str


class UserError(msgspec.Struct):
    message: str
    code: int
    error_data: ErrorData


class FailedUser(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One user that could not be blocked or unblocked, and the reason."""

    input: str
    wa_id: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    errors: list[UserError]


class Error(msgspec.Struct, omit_defaults=True):
    message: str
    type: str
    code: int
    error_subcode: int | UnsetType = UNSET
    is_transient: bool | UnsetType = UNSET
    error_data: ErrorData | UnsetType = UNSET
    fbtrace_id: str | UnsetType = UNSET


class ErrorEnvelope(msgspec.Struct, omit_defaults=True):
    """The body of every error response."""

    messaging_product: str | UnsetType = UNSET
    error: Error | UnsetType = UNSET


class BlockUsersResult(msgspec.Struct, omit_defaults=True):
    added_users: list[BlockedUserOperation] | UnsetType = UNSET
    failed_users: list[FailedUser] | UnsetType = UNSET


class UnblockUsersResult(msgspec.Struct, omit_defaults=True):
    removed_users: list[BlockedUserOperation] | UnsetType = UNSET
    failed_users: list[FailedUser] | UnsetType = UNSET


class BlockUsersData(msgspec.Struct, omit_defaults=True):
    """The response to POST."""

    block_users: BlockUsersResult
    messaging_product: Literal["whatsapp"] | UnsetType = UNSET
    error: Error | UnsetType = UNSET


class UnblockUsersData(msgspec.Struct, omit_defaults=True):
    """The response to DELETE."""

    block_users: UnblockUsersResult
    messaging_product: Literal["whatsapp"] | UnsetType = UNSET
    error: Error | UnsetType = UNSET


class BlockedUser(msgspec.Struct, omit_defaults=True, gc=False):
    """One row of the list. The members after `user_id` are present only if `fields` requests them."""

    messaging_product: str
    wa_id: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    input: str | UnsetType = UNSET
    reason: str | UnsetType | None = UNSET
    note: str | UnsetType | None = UNSET
    blocked_at: int | UnsetType = UNSET
    blocked_by: str | UnsetType = UNSET
    expires_at: int | UnsetType | None = UNSET
    updated_at: int | UnsetType | None = UNSET
    updated_by: str | UnsetType | None = UNSET
    source: str | UnsetType | None = UNSET
    batch_id: str | UnsetType | None = UNSET


class PaginationCursors(msgspec.Struct):
    after: str
    before: str


class Paging(msgspec.Struct, omit_defaults=True):
    cursors: PaginationCursors
    next: str | UnsetType = UNSET
    previous: str | UnsetType = UNSET


class GetBlockedUsersData(msgspec.Struct, omit_defaults=True):
    """The response to GET."""

    data: list[BlockedUser]
    paging: Paging | UnsetType = UNSET
