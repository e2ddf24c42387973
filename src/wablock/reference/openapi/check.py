"""The operations of the check, in the document."""

from typing import Any, Final

from wablock.contract import errors
from wablock.contract.errors import GraphError
from wablock.contract.typed_text import COUNTRY_UNCERTAIN
from wablock.reference.openapi.operations import (
    MOMENT,
    NUMBER,
    NUMBER_ID,
    USER,
    WA_ID,
    OperationObject,
    Success,
    operation,
    path,
    query,
)
from wablock.reference.openapi.responses import JSON, REFUSED, failed
from wablock.server.endpoints.check import INVALID_USER

_FREE: Final = "16505550101"
_BLOCKED_USER: Final = {"input": USER, "wa_id": WA_ID, "blocked": True, "blocked_at": MOMENT, "reason": "spam"}
_FREE_USER: Final = {"input": _FREE, "wa_id": _FREE, "blocked": False}
_INVALID_USER: Final[dict[str, GraphError]] = {
    "Invalid user": errors.InvalidParameter(INVALID_USER, errors.NotAWhatsAppUser(COUNTRY_UNCERTAIN).details)
}
_NOT_A_CHECK: Final[dict[str, GraphError]] = {
    "No users": errors.MissingParameter("users"),
    "Too many users": errors.TooManyUsers(1_001, 1_000),
}


def paths() -> dict[str, Any]:
    user = path(
        "user",
        "A phone number in any spelling, a `user_id`, or a parent user id from a webhook.",
        {"type": "string", "pattern": "^[^/]+$"},
        USER,
    )
    return {
        f"{NUMBER}/check": {"parameters": [NUMBER_ID], "post": _many()},
        f"{NUMBER}/check/{{user}}": {"parameters": [NUMBER_ID, user], "get": _one()},
    }


def _many() -> OperationObject:
    return operation(
        "checkUsers",
        "Check whether users are blocked",
        Success("CheckResult", {"users": [_BLOCKED_USER, _FREE_USER]}),
        description="For programs that enforce a block elsewhere. If a shared list blocks the user, `list` names it. "
        "Scope `read`.",
        request=("Check", {"users": [USER, _FREE]}),
        refusals=REFUSED | _NOT_A_CHECK,
    )


def _one() -> OperationObject:
    entry = operation(
        "checkUser",
        "Check whether a user is blocked",
        Success("CheckedUser", _BLOCKED_USER),
        description="With `as=status` the response has only a status, for nginx's `auth_request`. Scope `read`.",
        refusals=REFUSED | _INVALID_USER,
    )
    entry["parameters"] = [query("as", "Return only a status, without a body.", {"type": "string", "enum": ["status"]})]
    answers = entry["responses"]
    answers["200"]["content"][JSON]["examples"]["A free user"] = {"value": _FREE_USER}
    answers["204"] = {"description": "With `as=status`: the user is not blocked"}
    answers["403"] = failed(
        "With `as=status`: the user is blocked, and there is no body. Otherwise: the access token has no permission",
        {"No permission": errors.PermissionDenied()},
    )
    del answers["403"]["headers"]  # the answer to `as=status` has no such headers
    return entry
