"""The table of error codes: each failure of the contract, as its class words it, and what to do about it."""

from typing import Final

import msgspec

from wablock.contract import errors
from wablock.contract.errors import GraphError, UserFailure
from wablock.contract.typed_numbers import WITH_COUNTRY_CODE
from wablock.failures import (
    BodyTooLarge,
    InvalidSignature,
    NotDelivered,
    NotSent,
    Overloaded,
    UpstreamTimedOut,
    WrongVerifyToken,
)

_ID: Final = "106540352242922"
_MOMENT: Final = 1_737_679_688_383_584

_OF_A_REQUEST: Final[tuple[tuple[GraphError, str, str], ...]] = (
    (errors.MissingAccessToken(), "The request has no token.", "Send the header `Authorization: Bearer <Token>`."),
    (errors.InvalidAccessToken(), "The token is unknown, or was revoked.", "Use another: `wablock token create`."),
    (
        errors.ExpiredAccessToken(_MOMENT, _MOMENT + 60_000_000),
        "The token was good until then.",
        "Make another: `wablock token create`.",
    ),
    (
        errors.PermissionDenied(),
        "The token lacks a scope, or `wablock dev` refuses a `Host` or an `Origin`; the details name it.",
        "Make one that has it: `wablock token create --scope …`. For `wablock dev`, the details name the option.",
    ),
    (
        errors.UnknownObject("get", _ID),
        "There is no such number, or it is not this token's.",
        "Compare the id with `wablock number list`, and the token with `wablock token list`.",
    ),
    (
        errors.UnknownPath("/block_user"),
        "Nothing answers at this path.",
        "Compare it with `/{Version}/{Phone-Number-ID}/block_users`.",
    ),
    (errors.UnsupportedMethod("put"), "The path is right, the method is not.", "Use a method that this page names."),
    (
        errors.InvalidParameter(),
        "A parameter or the body cannot be read.",
        "Correct what the message and details name.",
    ),
    (
        errors.ParentUserId("block_users[0][user_id]", "US.ENT.11815799212886844830"),
        "A parent user id names no user of this business alone. Nothing was changed.",
        "Send the `user_id` that the user's webhooks show beside it.",
    ),
    (errors.MissingParameter("messaging_product"), "A parameter is missing.", "Send it."),
    (
        errors.WrongMessagingProduct("telegram"),
        "Only WhatsApp is spoken here.",
        'Send `"messaging_product": "whatsapp"`.',
    ),
    (
        BodyTooLarge(1_048_576),
        "The body has too many bytes.",
        "Send fewer users in one request, or raise `--max-body`.",
    ),
    (
        errors.RateLimitHit("The number has had too many requests."),
        "The number's throughput is used up.",
        "Wait as long as Retry-After says.",
    ),
    (errors.TooManyUsers(1_001, 1_000), "One request names too many users.", "Send the rest in others."),
    (
        errors.ApplicationRequestLimit(12),
        "The token has made too many requests.",
        "Wait as long as Retry-After says, or raise `--requests-per-minute-per-token`.",
    ),
    (
        Overloaded("Too many changes are waiting to be written. Nothing was changed."),
        "The server cannot take the request now. Nothing was changed.",
        "Send it again after Retry-After.",
    ),
    (
        errors.BlocklistConcurrentUpdate(),
        "The list changed between two pages; the meta rules alone say so.",
        "Begin at the first page again.",
    ),
    (
        errors.BlocklistInternalError(),
        "Storage trouble. The whole request took effect, or nothing of it.",
        "Send it again: blocking twice is blocking once.",
    ),
    (
        errors.SomeUsersFailed("block"),
        "Some users failed, the others did not.",
        "Read `failed_users`. The status is a setting, `--partial-failure-status`.",
    ),
    (
        errors.BlockedByBusiness(),
        "The message is for a user who is blocked; nothing was sent.",
        "Unblock the user first.",
    ),
    (
        NotSent("The upstream cannot be reached"),
        "The upstream gave no answer.",
        "Find out whether it was sent before sending it again.",
    ),
    (
        UpstreamTimedOut("The upstream took too long"),
        "The upstream was too slow.",
        "Find out whether it was sent before sending it again.",
    ),
    (
        InvalidSignature(),
        "Nobody who may has signed the webhook.",
        "Set the app secret: `wablock account set`.",
    ),
    (WrongVerifyToken(), "The verify token is no account's.", "Set it: `wablock account set`."),
    (
        NotDelivered("The downstream 5f2c9a10 did not take it: it answered 500"),
        "A required receiver did not take the webhook.",
        "Mend the receiver; the sender tries again.",
    ),
)
_OF_A_USER: Final[tuple[tuple[UserFailure, str, str], ...]] = (
    (
        errors.ReEngagementRequired(),
        "Under the meta rules only who wrote lately can be blocked.",
        "Block after the user's next message, or use the open rules.",
    ),
    (
        errors.NotAWhatsAppUser(WITH_COUNTRY_CODE),
        "Nothing can be made of what was typed.",
        "Write the number with + and the country code.",
    ),
    (errors.RecipientIsSender(), "It is the business's own number.", "Leave it out."),
    (
        errors.BlocklistLimitReached(64_000),
        "The list is full; `--open-list-size` is its limit under open rules.",
        "Unblock somebody first.",
    ),
)


class FailureRow(msgspec.Struct, frozen=True):
    """One row of the table. `status` is empty where it is one user who failed, inside an answer."""

    kind: str
    code: int
    subcode: int | None
    status: str
    message: str
    meaning: str
    what_to_do: str


def failures() -> list[FailureRow]:
    """Every class of `contract/errors.py` that is ever answered."""
    whole = [
        FailureRow(type(error).__name__, error.code, error.subcode, str(error.status), error.message, meaning, advice)
        for error, meaning, advice in _OF_A_REQUEST
    ]
    single = [
        FailureRow(type(error).__name__, error.code, None, "", error.message, meaning, advice)
        for error, meaning, advice in _OF_A_USER
    ]
    return whole + single
