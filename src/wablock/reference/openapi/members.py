"""The operations on the members of a list, in the document."""

from typing import Any, Final

from wablock.block_list.events import LIST_ID
from wablock.contract import errors, wire
from wablock.contract.errors import GraphError
from wablock.contract.typed_text import COUNTRY_UNCERTAIN
from wablock.failures import MemberChanged, NotListed
from wablock.reference.openapi.operations import (
    MOMENT,
    ON_BEHALF_OF,
    USER,
    WA_ID,
    OperationObject,
    Success,
    operation,
    path,
    query,
    repeatable,
)
from wablock.reference.openapi.responses import BAD_PAGE, REFUSED, failed
from wablock.server.endpoints.check import INVALID_USER

_LIST: Final = "/v1/lists/{list_id}/members"
_ID: Final = "106540352242922"
_ETAG: Final = "0f3c5a9be1d2c4f60718"
_MEMBER: Final = {
    "wa_id": WA_ID,
    "input": USER,
    "reason": "spam",
    "blocked_at": MOMENT,
    "blocked_by": "support desk",
    "source": "import",
    "batch_id": "monday",
    "etag": _ETAG,
}
_EDITED: Final = _MEMBER | {"reason": "abuse", "updated_at": MOMENT, "updated_by": "support desk"}
_ADDED: Final = {
    "members": [{"input": USER, "wa_id": WA_ID, "effect": "added"}],
    "failed": [],
    "added": 1,
    "updated": 0,
    "unchanged": 0,
}
_NOT_LISTED: Final[dict[str, GraphError]] = {"Not on the list": NotListed(USER, _ID)}
_CHANGED: Final[dict[str, GraphError]] = {"Changed by another caller": MemberChanged(USER, _ETAG)}
_INVALID_USER: Final[dict[str, GraphError]] = {
    "Invalid user": errors.InvalidParameter(INVALID_USER, errors.NotAWhatsAppUser(COUNTRY_UNCERTAIN).details)
}
_NO_USERS: Final[dict[str, GraphError]] = {
    "No users": errors.MissingParameter("users", "It is an array of 1 to 1,000 users."),
    "Too many users": errors.TooManyUsers(1_001, 1_000, "users"),
}
_UNKNOWN_DETAIL: Final[dict[str, GraphError]] = {
    "Unknown detail": errors.InvalidParameter("Unknown parameter reasons."),
    "Nothing to change": errors.InvalidParameter("The body must have reason, note or expires_at.", "null removes one."),
}


def paths() -> dict[str, Any]:
    any_list = {"type": "string", "pattern": f"^{LIST_ID}$"}
    list_id = path(
        "list_id",
        "Id of the list. A number's own list has the id of the number. For a shared list, the token must be for all "
        "numbers of the account.",
        any_list,
        _ID,
    )
    text = {"type": "string", "pattern": "^[^/]+$"}
    user = path("user", "A phone number in any spelling, or a `user_id`.", text, USER)
    return {
        _LIST: {"parameters": [list_id], "get": _list(), "post": _add()},
        f"{_LIST}/{{user}}": {"parameters": [list_id, user], "get": _get(), "patch": _edit(), "delete": _remove()},
    }


def _list() -> OperationObject:
    entry = operation(
        "listMembers",
        "List the members of a list",
        Success("ListMembers", {"data": [_MEMBER]}),
        description="Newest block first, with all details. The cursors are those of the Block API. Scope `read`.",
        refusals=REFUSED | BAD_PAGE,
    )
    entry["parameters"] = [
        query(
            "limit",
            "Members on a page; more than 1,000 count as 1,000.",
            {"type": "integer", "minimum": 1, "default": 25},
        ),
        query("after", "Only members after this cursor.", {"type": "string"}),
        query("before", "Only members before this cursor.", {"type": "string"}),
    ]
    return entry


def _add() -> OperationObject:
    entry = operation(
        "addMembers",
        "Add members to a list",
        Success("MembersAdded", _ADDED),
        description="Blocks users. Unlike the Block API's POST, it leaves users who are on the list as they are, "
        "unless `if_listed` is `replace`. Users who cannot be blocked are in `failed`, with the errors of the Block "
        "API. On an allow list, users are freed instead: each who was blocked has `freed`. Scope `write`.",
        request=(
            "MembersToAdd",
            {"users": [{"user": USER}], "reason": "spam", "source": "import", "batch_id": "monday"},
        ),
        refusals=REFUSED | _NO_USERS,
    )
    entry["parameters"] = [ON_BEHALF_OF]
    return repeatable(entry)


def _get() -> OperationObject:
    entry = operation(
        "getMember",
        "Show a member of a list",
        Success("ListMember", _MEMBER),
        description="The header `ETag` has the `etag` in quotes. Scope `read`.",
        refusals=REFUSED | _INVALID_USER,
    )
    return _may_be_missing(entry)


def _edit() -> OperationObject:
    entry = operation(
        "editMember",
        "Edit a member of a list",
        Success("ListMember", _EDITED),
        description="Changes only what the body has; null removes a detail. With `If-Match`, the edit is refused if "
        "another caller has changed the member since. If the member already is as the body says, the edit succeeds, so "
        "it may be repeated. Scopes `read` and `write`: the response has all details.",
        request=("MemberEdit", {"reason": "abuse", "expires_at": None}),
        refusals=REFUSED | _INVALID_USER | _UNKNOWN_DETAIL,
    )
    entry["parameters"] = [
        {
            "name": "If-Match",
            "in": "header",
            "description": "The `etag` that was read, in quotes; or `*`.",
            "schema": {"type": "string"},
        },
        ON_BEHALF_OF,
    ]
    entry["responses"]["412"] = failed("Another caller has changed the member; nothing was changed", _CHANGED)
    return repeatable(_may_be_missing(entry))


def _remove() -> OperationObject:
    entry = operation(
        "removeMember",
        "Remove a member from a list",
        Success("MemberRemoved", {"success": True, "effect": "removed"}),
        description="Unblocks the user, unless `still_blocked` names a shared list that is in force on the number. It "
        "may be repeated: then `effect` is `not_there`, or with an `Idempotency-Key` that of the first request. Scope "
        "`write`.",
        refusals=REFUSED | _INVALID_USER,
    )
    reason = {"type": "string", "maxLength": 200, "pattern": wire.WITHOUT_NUL}
    entry["parameters"] = [query("reason", "Why the user is unblocked, for the event.", reason), ON_BEHALF_OF]
    return repeatable(entry)


def _may_be_missing(entry: OperationObject) -> OperationObject:
    entry["responses"]["404"] = failed("The user is not on the list", _NOT_LISTED)
    return entry
