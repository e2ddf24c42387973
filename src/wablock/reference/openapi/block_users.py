"""The three operations of the Block API, with the names and examples of Meta's reference page."""

from typing import Any, Final

import msgspec

from wablock.block_list.rules import DEFAULT_LIMIT, LARGEST_LIMIT
from wablock.contract import cursor, errors, wire
from wablock.contract.cursor import Cursor
from wablock.reference.openapi.operations import NUMBER_ID, ON_BEHALF_OF, query, repeatable
from wablock.reference.openapi.responses import BAD_PAGE, IDS, NOT_A_LIST_REQUEST, REFUSED, failures, success
from wablock.reference.openapi.schemas import REQUESTS, reference
from wablock.server.answers import error_body
from wablock.server.parameters import FIELDS

_PATH: Final = "/{Version}/{Phone-Number-ID}/block_users"
_INPUT: Final = "+16505551234"
_WA_ID: Final = "16505551234"
_OTHER: Final = "+14155559876"
_MOMENT: Final = 1_737_679_688_383_584  # the version in the cursor of Meta's reference page

PATH_PARAMETERS: Final = [
    {
        "name": "Version",
        "in": "path",
        "required": True,
        "description": "Graph API version. An unknown one is handled like the known version before it.",
        "schema": {"type": "string", "pattern": r"^v[0-9]{1,4}\.[0-9]{1,4}$"},
        "examples": {name: {"value": name} for name in ("v25.0", "v24.0", "v23.0")},
    },
    NUMBER_ID | {"name": "Phone-Number-ID"},
]
# Meta's page also lists Authorization and Content-Type. Here, `security` and the content of the bodies describe them:
# by OpenAPI's rules, tools ignore header parameters with these names.
_USER_AGENT: Final = {
    "name": "User-Agent",
    "in": "header",
    "description": "The user agent string identifying the client software making the request.",
    "schema": {"type": "string"},
}


def paths() -> dict[str, Any]:
    blocked = _value(wire.BlockUsersData(wire.BlockUsersResult([_done()]), wire.WHATSAPP))
    unblocked = _value(wire.UnblockUsersData(wire.UnblockUsersResult([_done()]), wire.WHATSAPP))
    return {
        _PATH: {
            "parameters": [*PATH_PARAMETERS, _USER_AGENT],
            "get": _get(),
            "post": _change("Block user(s)", "blockUsers", "BlockUsersData", blocked, _some_blocked()),
            "delete": _change("Unblock user(s)", "unblockUsers", "UnblockUsersData", unblocked, _some_unblocked()),
        }
    }


def _get() -> dict[str, Any]:
    etag = {"description": "Identifies this state of the page", "schema": {"type": "string"}}
    place = {
        "description": "Whether this is the first page of the list, the last, or both. Only wablock sends this header",
        "schema": {"type": "string", "enum": ["first", "last", "first, last"]},
    }
    headers = {"ETag": etag, "X-Wablock-Page": place}
    response = success("Get blocked users", "GetBlockedUsersData", {"Get blocked users": _listed()}, **headers)
    response["links"] = {
        "Next page": _to_list(after="$response.body#/paging/cursors/after"),
        "Previous page": _to_list(before="$response.body#/paging/cursors/before"),
    }
    return {
        "operationId": "getBlockedUsers",
        "summary": "Get blocked users",
        "description": "The block list of the business number, newest block first.",
        "parameters": [
            query(
                "limit",
                f"Largest number of users on a page. More than {LARGEST_LIMIT} counts as {LARGEST_LIMIT}.",
                {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT},
            )
            | {"allowEmptyValue": True},
            query("after", "Return the page after this cursor, from a response's `paging`.", {"type": "string"}),
            query("before", "Return the page before this cursor. Do not send both.", {"type": "string"}),
            query(
                "fields",
                f"More members of each user, separated by commas: {', '.join(sorted(FIELDS))}.",
                {"type": "string", "pattern": rf"^(({'|'.join(sorted(FIELDS))})(,|$))*$"},
            ),
            {
                "name": "If-None-Match",
                "in": "header",
                "description": "An ETag of an earlier response. If nothing has changed, the status is 304.",
                "schema": {"type": "string"},
            },
        ],
        "responses": {"200": response, "304": {"description": "Nothing has changed"}} | failures(REFUSED | BAD_PAGE),
    }


def _change(summary: str, operation: str, schema: str, done: Any, mixed: Any) -> dict[str, Any]:
    request = {"block_users": [{"user": _INPUT}], "messaging_product": wire.WHATSAPP}
    as_text = request | {"block_users": msgspec.json.encode(request["block_users"]).decode()}
    examples = {media: request if media == "application/json" else as_text for media in REQUESTS}
    some_failed = f"{summary}: some users failed"
    response = success(summary, schema, {summary: done, some_failed: mixed})
    response["links"] = {"The list": _to_list()}
    refusals = failures({**REFUSED, **NOT_A_LIST_REQUEST}, also=[schema])
    refusals["400"]["description"] += ", or some users failed and `--partial-failure-status` is 400"
    entry = {
        "operationId": operation,
        "summary": summary,
        "description": "`block_users` and `messaging_product` must be in the body or in the query. In the "
        "query, `block_users` is one JSON text.",
        "parameters": [ON_BEHALF_OF],
        "requestBody": {
            "required": False,
            "content": {
                media: {"schema": reference(name), "examples": {summary: {"value": examples[media]}}}
                for media, name in REQUESTS.items()
            },
        },
        "responses": {"200": response} | refusals,
    }
    return repeatable(entry)


def _to_list(**query: str) -> dict[str, Any]:
    """A link to the same number's list."""
    same = {name: f"$request.path.{name}" for name in ("Version", "Phone-Number-ID")}
    return {"operationId": "getBlockedUsers", "parameters": same | query}


# -- Meta's examples, as the served types write them


def _listed() -> Any:
    mark = cursor.encode(Cursor(0, _MOMENT, _MOMENT), "")
    paging = wire.Paging(wire.PaginationCursors(mark, mark))
    return _value(wire.GetBlockedUsersData([wire.BlockedUser(wire.WHATSAPP, _WA_ID)], paging))


def _some_blocked() -> Any:
    failed = _failed(_OTHER, errors.ReEngagementRequired())
    failed.wa_id = _OTHER[1:]
    result = wire.BlockUsersResult([_done()], [failed])
    return _value(wire.BlockUsersData(result, wire.WHATSAPP, error_body(errors.SomeUsersFailed("block"), IDS)))


def _some_unblocked() -> Any:
    why = "'hello' has no digits. Write a phone number, such as +16505551234."
    result = wire.UnblockUsersResult([_done()], [_failed("hello", errors.NotAWhatsAppUser(why))])
    return _value(wire.UnblockUsersData(result, wire.WHATSAPP, error_body(errors.SomeUsersFailed("unblock"), IDS)))


def _done() -> wire.BlockedUserOperation:
    return wire.BlockedUserOperation(_INPUT, _WA_ID)


def _failed(typed: str, failure: errors.UserFailure) -> wire.FailedUser:
    error = wire.UserError(failure.message, failure.code, wire.ErrorData(details=failure.details))
    return wire.FailedUser(input=typed, errors=[error])


def _value(data: msgspec.Struct) -> Any:
    return msgspec.to_builtins(data)
