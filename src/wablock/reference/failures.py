"""The table of error codes: each error's message from its class, its meaning, and what to do."""

from typing import Final

import msgspec

from wablock.contract import errors
from wablock.contract.errors import GraphError, UserFailure
from wablock.contract.typed_text import COUNTRY_UNCERTAIN
from wablock.failures import (
    BodyTooLarge,
    CannotUndo,
    IdempotencyKeyReused,
    InvalidSignature,
    ListIsAttached,
    ListNameTaken,
    MemberChanged,
    NotDelivered,
    NotListed,
    NotSent,
    NumberNameTaken,
    NumberTaken,
    OnAllowList,
    Overloaded,
    UpstreamTimedOut,
    WrongVerifyToken,
)

_ID: Final = "106540352242922"
_MOMENT: Final = 1_737_679_688_383_584

_OF_A_REQUEST: Final[tuple[tuple[GraphError, str, str], ...]] = (
    (errors.MissingAccessToken(), "The request has no token.", "Send the header `Authorization: Bearer <Token>`."),
    (errors.InvalidAccessToken(), "The token is unknown or revoked.", "Use another token: `wablock token create`."),
    (
        errors.ExpiredAccessToken(_MOMENT, _MOMENT + 60_000_000),
        "The token has expired.",
        "Create another token: `wablock token create`.",
    ),
    (
        errors.PermissionDenied(),
        "The token lacks the scope in the details, or `wablock dev` refuses the `Host` or `Origin` in them.",
        "Create a token with it: `wablock token create --scope …`. For `wablock dev`, set the option in the details.",
    ),
    (
        errors.UnknownObject("get", _ID),
        "The number does not exist, or the token may not use it.",
        "Compare the id with `wablock number list`, and the token with `wablock token list`.",
    ),
    (
        errors.UnknownPath("/block_user"),
        "This path does not exist.",
        "Compare it with `/{Version}/{Phone-Number-ID}/block_users`.",
    ),
    (errors.UnsupportedMethod("put"), "This path does not have this method.", "Use a method from `/docs`."),
    (
        errors.InvalidParameter(),
        "A parameter or the body is invalid.",
        "Correct the parameter that the message and details name.",
    ),
    (
        errors.ParentUserId("block_users[0][user_id]", "US.ENT.11815799212886844830"),
        "A parent user id is not specific to this business. Nothing was changed.",
        "Send the `user_id` that is next to it in the user's webhooks.",
    ),
    (errors.MissingParameter("messaging_product"), "A parameter is missing.", "Send it."),
    (
        errors.WrongMessagingProduct("telegram"),
        "The only product is WhatsApp.",
        'Send `"messaging_product": "whatsapp"`.',
    ),
    (
        NotListed("+16505551234", _ID),
        "The user is not on the list, or the block has expired.",
        "Add the user: `POST /v1/lists/{list_id}/members`.",
    ),
    (
        MemberChanged("+16505551234", "0f3c5a9be1d2c4f60718"),
        "Another caller changed the member after you had read it. Nothing was changed.",
        "Read the member again, then send the edit with its new `ETag`.",
    ),
    (
        CannotUndo(f"{_ID}-1764300000000000", "WhatsApp has shown that two ids are one user"),
        "The event is not one of a block, an unblock, an edit or an undo, or its details were deleted.",
        "Do what the message says. `GET /v1/events` shows what was done.",
    ),
    (
        IdempotencyKeyReused(),
        "The header `Idempotency-Key` has a key of an earlier request for this list, which was a different one.",
        "Send a new key with each new request, and the same key only with an exact repeat.",
    ),
    (
        NumberTaken(_ID),
        "The number was added before, to this account or to another one. The message does not say to which.",
        "Look for it with `GET /v1/numbers`. If it is not there, ask the operator of the server.",
    ),
    (
        NumberNameTaken("sales"),
        "Two numbers of an account cannot have the same name, in any case.",
        "Choose another name, or rename the other number first.",
    ),
    (
        ListNameTaken("fraud"),
        "Two shared lists of an account cannot have the same name, in any case.",
        "Choose another name, or use that list.",
    ),
    (
        ListIsAttached("fraud", [_ID]),
        "A list that is in force on a number cannot be removed.",
        "Detach it there: `DELETE /v1/lists/{list_id}/attachments/{place}`.",
    ),
    (BodyTooLarge(1_048_576), "The body is too large.", "Send fewer users in one request, or raise `--max-body`."),
    (
        errors.RateLimitHit("The number has had too many requests."),
        "The number, or the shared list, has reached its rate limit.",
        "Wait for the seconds in `Retry-After`, then retry.",
    ),
    (errors.TooManyUsers(1_001, 1_000), "The request has too many users.", "Split it into several requests."),
    (
        errors.ApplicationRequestLimit(12),
        "The token has reached its rate limit.",
        "Wait for the seconds in `Retry-After`, then retry; or raise `--requests-per-minute-per-token`.",
    ),
    (
        Overloaded("Too many changes are waiting to be written. Nothing was changed."),
        "The server is overloaded. Nothing was changed.",
        "Wait for the seconds in `Retry-After`, then retry.",
    ),
    (
        errors.BlocklistConcurrentUpdate(),
        "The list changed between two pages. Only the meta rules report this.",
        "Read the list again from the first page.",
    ),
    (
        errors.BlocklistInternalError(),
        "The storage failed. The request was done either completely or not at all.",
        "Retry: blocking a user twice has the same result as blocking once.",
    ),
    (
        errors.SomeUsersFailed("block"),
        "Some users failed, the others did not.",
        "Read `failed_users`. `--partial-failure-status` sets the status of such responses.",
    ),
    (
        errors.BlockedByBusiness(),
        "The recipient of the message is blocked. Nothing was sent.",
        "Unblock the user first.",
    ),
    (
        NotSent("The upstream cannot be reached"),
        "The upstream did not answer.",
        "Before you retry, find out whether the message was sent.",
    ),
    (
        UpstreamTimedOut("The upstream took too long"),
        "The upstream did not answer in time.",
        "Before you retry, find out whether the message was sent.",
    ),
    (
        InvalidSignature(),
        "The signature is missing or matches no account. The message does not say which accounts exist.",
        "Set the app secret: `wablock account set`.",
    ),
    (WrongVerifyToken(), "No account has this verify token.", "Set the verify token: `wablock account set`."),
    (
        NotDelivered("The downstream 5f2c9a10 did not accept it: it answered 500"),
        "A required receiver did not accept the webhook.",
        "Fix the receiver. The sender tries again.",
    ),
)
_OF_A_USER: Final[tuple[tuple[UserFailure, str, str], ...]] = (
    (
        errors.ReEngagementRequired(),
        "Under the meta rules, only users who wrote recently can be blocked.",
        "Block after the user's next message, or use the open rules.",
    ),
    (
        errors.NotAWhatsAppUser(COUNTRY_UNCERTAIN),
        "The text is not a phone number or a user_id.",
        "Send the number with + and the country code.",
    ),
    (errors.RecipientIsSender(), "The user is the business's own number.", "Leave it out."),
    (
        errors.BlocklistLimitReached(64_000),
        "The list is full. `--open-list-size` is its limit under open rules.",
        "Unblock another user first.",
    ),
    (
        OnAllowList("VIP"),
        "An allow list that is in force on the number has the user, so a block would have no effect.",
        "Remove the user from that list first.",
    ),
)


class FailureRow(msgspec.Struct, frozen=True):
    """One row of the table. `status` is empty for the error of one user inside an answer."""

    kind: str
    code: int
    subcode: int | None
    status: str
    message: str
    meaning: str
    what_to_do: str


def failures() -> list[FailureRow]:
    """A row for each class of `contract/errors.py` and `failures.py` that answers contain."""
    whole = [
        FailureRow(type(error).__name__, error.code, error.subcode, str(error.status), error.message, meaning, advice)
        for error, meaning, advice in _OF_A_REQUEST
    ]
    single = [
        FailureRow(type(error).__name__, error.code, None, "", error.message, meaning, advice)
        for error, meaning, advice in _OF_A_USER
    ]
    return whole + single
