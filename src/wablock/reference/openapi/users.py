"""The operation that shows one user, in the document."""

from typing import Any, Final

from wablock.contract import errors
from wablock.contract.errors import GraphError
from wablock.contract.typed_text import COUNTRY_UNCERTAIN
from wablock.reference.openapi.operations import MOMENT, USER, WA_ID, OperationObject, Success, operation, path
from wablock.server.endpoints.check import INVALID_USER

_MEMBER: Final = {
    "wa_id": WA_ID,
    "input": USER,
    "reason": "chargeback",
    "blocked_at": MOMENT,
    "blocked_by": "support desk",
    "source": "api",
    "etag": "0f3c5a9be1d2c4f60718",
}
_USER: Final = {
    "input": USER,
    "wa_id": WA_ID,
    "blocked_on": ["106540352242922", "106540352242923"],
    "lists": [
        {
            "list_id": "list_5d1f0c2b7a9e4836",
            "kind": "block",
            "name": "fraud",
            "attached_to_all": True,
            "phone_number_ids": [],
            "member": _MEMBER,
        }
    ],
}
_REFUSALS: Final[dict[str, GraphError]] = {
    "Invalid user": errors.InvalidParameter(INVALID_USER, errors.NotAWhatsAppUser(COUNTRY_UNCERTAIN).details),
    "No access token": errors.MissingAccessToken(),
}


def paths() -> dict[str, Any]:
    text = {"type": "string", "pattern": "^[^/]+$"}
    user = path("user", "A phone number with country code, in any spelling, a `user_id` or a parent id.", text, USER)
    return {"/v1/users/{user}": {"parameters": [user], "get": _get()}}


def _get() -> OperationObject:
    return operation(
        "getUser",
        "Show a user on all lists",
        Success("UserOfLists", _USER),
        description="All of the account's lists that have the user, with the reason, the author and the end, and the "
        "numbers on which the user is blocked now. A token for some numbers sees the own lists of these numbers, and "
        "on which of them the user is blocked, also by shared lists. Scope `read`.",
        refusals=_REFUSALS,
    )
