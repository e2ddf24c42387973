"""Every failure's status, type, code and message, as in Meta's documents and recorded answers."""

from typing import TypeVar

import pytest

from wablock import failures
from wablock.contract import errors
from wablock.contract.errors import GRAPH_METHOD, OAUTH, GraphError, UserFailure

_E = TypeVar("_E", bound=Exception)

UNKNOWN_OBJECT = (
    "Unsupported post request. Object with ID 'XXXXX' does not exist, cannot be loaded due to missing permissions, "
    "or does not support this operation. Please read the Graph API documentation at "
    "https://developers.facebook.com/docs/graph-api"
)
EXPIRED = (
    "Error validating access token: Session has expired on Thursday, 29-Jul-21 17:00:00 GMT. "
    "The current time is Friday, 30-Jul-21 13:41:07 GMT."
)
THURSDAY = 1_627_578_000_000_000
FRIDAY = 1_627_652_467_999_999


@pytest.mark.parametrize(
    "error, status, kind, code, subcode, message",
    [
        (
            errors.MissingAccessToken(),
            400,
            OAUTH,
            104,
            None,
            "An access token is required to request this resource.",
        ),
        (
            errors.InvalidAccessToken(),
            401,
            OAUTH,
            190,
            None,
            "Invalid OAuth access token - Cannot parse access token",
        ),
        (
            errors.ExpiredAccessToken(THURSDAY, FRIDAY),
            401,
            OAUTH,
            190,
            463,
            EXPIRED,
        ),
        (
            errors.PermissionDenied(),
            403,
            OAUTH,
            10,
            None,
            "(#10) Application does not have permission for this action",
        ),
        (errors.UnknownObject("POST", "XXXXX"), 400, GRAPH_METHOD, 100, 33, UNKNOWN_OBJECT),
        (
            errors.UnknownPath("/instagram_business_account"),
            400,
            OAUTH,
            2500,
            None,
            "Unknown path components: /instagram_business_account",
        ),
        (errors.UnsupportedMethod("PUT"), 400, GRAPH_METHOD, 100, None, "Unsupported request - method type: put"),
        (errors.InvalidParameter(), 400, OAUTH, 100, None, "(#100) Invalid parameter"),
        (
            errors.MissingParameter("messaging_product"),
            400,
            OAUTH,
            100,
            None,
            "(#100) The parameter messaging_product is required.",
        ),
        (
            errors.WrongMessagingProduct("sms"),
            400,
            OAUTH,
            100,
            None,
            '(#100) Param messaging_product must be one of {WHATSAPP} - got "sms".',
        ),
        (failures.BodyTooLarge(1_000), 413, OAUTH, 100, None, "(#100) Request body too large"),
        (errors.RateLimitHit("Slow down"), 400, OAUTH, 130429, 2494055, "(#130429) Rate limit hit"),
        (errors.TooManyUsers(1_001, 1_000), 400, OAUTH, 130429, 2494055, "(#130429) Rate limit hit"),
        (errors.ApplicationRequestLimit(3), 400, OAUTH, 4, None, "(#4) Application request limit reached"),
        (failures.Overloaded("Full"), 503, OAUTH, 2, None, "(#2) Service temporarily unavailable"),
        (errors.BlocklistConcurrentUpdate(), 400, OAUTH, 139102, None, "(#139102) Blocklist concurrent update"),
        (errors.BlocklistInternalError(), 500, OAUTH, 139103, None, "(#139103) Internal error"),
        (errors.SomeUsersFailed("block"), 200, OAUTH, 139100, None, "(#139100) Failed to block/unblock users"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, GraphError) else "",
)
def test_a_failure_has_the_status_type_code_and_message_of_the_contract(
    error: GraphError, status: int, kind: str, code: int, subcode: int | None, message: str
) -> None:
    if not isinstance(error, errors.SomeUsersFailed):  # its status is a setting
        assert error.status == status
    assert (error.type, error.code, error.subcode) == (kind, code, subcode)
    assert error.message == str(error) == message


@pytest.mark.parametrize(
    "failure, code, message, details",
    [
        (
            errors.ReEngagementRequired(),
            131047,
            "Re-engagement required",
            "User has not messaged in the last 24 hours",
        ),
        (
            errors.NotAWhatsAppUser("it is not a phone number"),
            131047,
            "Re-engagement required",
            "Not a valid WhatsApp user: it is not a phone number",
        ),
        (
            errors.RecipientIsSender(),
            131021,
            "Recipient cannot be sender",
            "The business's own number cannot be blocked.",
        ),
        (
            errors.BlocklistLimitReached(64_000),
            139101,
            "Blocklist limit reached",
            "The block list holds 64000 users, its limit. Unblock a user first.",
        ),
    ],
)
def test_one_users_failure_has_its_code_and_a_message_without_it(
    failure: UserFailure, code: int, message: str, details: str
) -> None:
    assert (failure.code, failure.message, failure.details) == (code, message, details)


def test_the_error_of_a_list_that_changed_while_paging_says_to_start_again() -> None:
    assert errors.BlocklistConcurrentUpdate().details == "Blocklist was updated during retrieval - retry with offset 0"


def test_a_rate_limit_names_the_product_in_its_data() -> None:
    assert errors.RateLimitHit("Slow down").data_names_product


def test_only_a_list_that_changed_while_paging_names_the_product_beside_the_error() -> None:
    naming = [error for error in _all_of(GraphError) if error.names_product]

    assert naming == [errors.BlocklistConcurrentUpdate]


@pytest.mark.parametrize("operation", ["block", "unblock"])
def test_the_error_beside_failed_users_says_which_operation_failed(operation: str) -> None:
    error = errors.SomeUsersFailed(operation)

    assert error.details == f"Failed to {operation} some users, see the block_users response list for details"


def test_the_error_for_too_many_users_names_the_limit() -> None:
    error = errors.TooManyUsers(1_001, 1_000)

    assert (
        error.details == "block_users has 1001 users; one request may have up to 1000. Send the rest in other requests."
    )


def test_a_failure_that_a_retry_may_solve_is_transient() -> None:
    # Without the errors of a store, which are subclasses of these.
    modules = errors.__name__, failures.__name__
    transient = {error for error in _all_of(GraphError) if error.__module__ in modules and error.is_transient}

    assert transient == {failures.Overloaded, errors.BlocklistInternalError, failures.NotDelivered}


@pytest.mark.parametrize(
    "error", [errors.RateLimitHit("Slow down", 3), errors.ApplicationRequestLimit(3), failures.Overloaded("Full", 3)]
)
def test_a_rate_limit_error_has_a_retry_after(error: GraphError) -> None:
    assert error.retry_after == 3


def test_an_expired_token_is_a_kind_of_invalid_token() -> None:
    assert issubclass(errors.ExpiredAccessToken, errors.InvalidAccessToken)


def test_every_code_is_an_integer() -> None:
    codes = [error.code for error in (*_all_of(GraphError), *_all_of(UserFailure)) if hasattr(error, "code")]

    assert all(type(code) is int for code in codes)


def _all_of(kind: type[_E]) -> list[type[_E]]:
    kinds: list[type[_E]] = []
    for child in kind.__subclasses__():
        kinds += [child, *_all_of(child)]
    return kinds


def test_a_message_to_a_blocked_user_has_metas_code_and_details() -> None:
    error = errors.BlockedByBusiness()

    assert (error.code, error.status) == (130403, 400)
    assert error.details == "Unable to deliver the message. This business has blocked the end user on WhatsApp"
