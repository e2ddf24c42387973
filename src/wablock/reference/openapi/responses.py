"""The errors in the document. Their texts come from the error classes, so the two cannot differ."""

import json
from collections.abc import Sequence
from typing import Any, Final

from wablock.contract import errors
from wablock.contract.errors import GraphError
from wablock.failures import BodyTooLarge, Overloaded
from wablock.reference.openapi.schemas import reference
from wablock.server.answers import failure
from wablock.server.request_ids import RequestIds

ResponseObject = dict[str, Any]

JSON: Final = "application/json"
IDS: Final = RequestIds("AGaOBl2yM-g8gdON-dhzl5y", "E7riEe9OW2e")

_OBJECT_ID: Final = "106540352242922"
_MOMENT: Final = 1_737_679_688_383_584

REFUSED: Final = {
    "No access token": errors.MissingAccessToken(),
    "Unknown phone number": errors.UnknownObject("get", _OBJECT_ID),
    "Too many requests": errors.ApplicationRequestLimit(12),
}
NOT_A_LIST_REQUEST: Final = {
    "No messaging_product": errors.MissingParameter("messaging_product"),
    "Not a string": errors.InvalidParameter("Param block_users[0][user] must be a string."),
    "Too many users": errors.TooManyUsers(1_001, 1_000),
}
BAD_PAGE: Final = {
    "Bad cursor": errors.InvalidParameter(details="The after cursor is not one of this list"),
    "List changed while paging": errors.BlocklistConcurrentUpdate(),
}

_COMMON: Final[dict[str, tuple[str, str, dict[str, GraphError]]]] = {
    "401": (
        "BadToken",
        "The access token is invalid",
        {
            "Unknown access token": errors.InvalidAccessToken(),
            "Expired access token": errors.ExpiredAccessToken(_MOMENT, _MOMENT + 60_000_000),
        },
    ),
    "403": ("PermissionDenied", "The access token does not allow this", {"No permission": errors.PermissionDenied()}),
    "408": ("TooSlow", "The request was too slow", {}),
    "413": ("BodyTooLarge", "The request body is too large", {"Body too large": BodyTooLarge(1_048_576)}),
    "431": ("HeadTooLarge", "The request line and headers are too large", {}),
    "500": (
        "InternalError",
        "The storage failed; all changes were made, or none",
        {"Internal error": errors.BlocklistInternalError()},
    ),
    "503": (
        "Overloaded",
        "The server is overloaded; nothing was changed",
        {"Overloaded": Overloaded("Too many changes are waiting to be written. Nothing was changed.")},
    ),
}

_TRACE_HEADERS: Final = {
    "facebook-api-version": {
        "description": "The Graph API version of the response",
        "required": True,
        "schema": {"type": "string", "pattern": r"^v\d+\.\d+$"},
    },
    "x-fb-request-id": {
        "description": "The id of the request, equal to `fbtrace_id`",
        "required": True,
        "schema": {"type": "string", "pattern": "^A[A-Za-z0-9_-]{22}$"},
    },
    "x-fb-trace-id": {
        "description": "Another id of the request",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{11}$"},
    },
}
_FAILURE_HEADERS: Final = _TRACE_HEADERS | {
    "WWW-Authenticate": {
        "description": "The error in one line",
        "required": True,
        "schema": {"type": "string", "pattern": '^OAuth "Facebook Platform" "invalid_(token|request)" "'},
    },
    "Retry-After": {"description": "Seconds to wait before a retry", "schema": {"type": "integer", "minimum": 1}},
}


def success(description: str, schema: str, examples: dict[str, Any], **headers: Any) -> ResponseObject:
    """An answer of the Block API, with `examples` by name."""
    return {
        "description": description,
        "headers": _TRACE_HEADERS | headers,
        "content": {
            JSON: {
                "schema": reference(schema),
                "examples": {name: {"value": value} for name, value in examples.items()},
            }
        },
    }


def failures(refusals: dict[str, GraphError], also: Sequence[str] = ()) -> dict[str, ResponseObject]:
    """All errors by status. `refusals`: the operation's own 400s; `also`: other schemas of a 400."""
    refused = failed("The request was refused", refusals)
    if also:
        shapes = [reference(name) for name in (*also, "ErrorEnvelope")]
        refused["content"][JSON]["schema"] = {"anyOf": shapes}
    return {"400": refused} | common()


def common() -> dict[str, ResponseObject]:
    """The errors that all operations share, by status."""
    return {status: {"$ref": f"#/components/responses/{name}"} for status, (name, _, _) in _COMMON.items()}


def components() -> dict[str, ResponseObject]:
    """The components that `common` refers to."""
    return {name: failed(text, examples) for name, text, examples in _COMMON.values()}


def failed(description: str, examples: dict[str, GraphError]) -> ResponseObject:
    content: dict[str, Any] = {"schema": reference("ErrorEnvelope")}
    if examples:
        content["examples"] = {name: {"value": _body(error)} for name, error in examples.items()}
    return {"description": description, "headers": _FAILURE_HEADERS, "content": {JSON: content}}


def _body(error: GraphError) -> Any:
    return json.loads(failure(error, IDS, "v25.0").body)
