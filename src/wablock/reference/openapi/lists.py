"""The operations on the shared lists of an account, in the document."""

from typing import Any, Final

from wablock.contract import errors
from wablock.contract.errors import GraphError
from wablock.failures import ListIsAttached, ListNameTaken
from wablock.reference.openapi.operations import (
    MOMENT,
    ON_BEHALF_OF,
    WA_ID,
    OperationObject,
    Success,
    operation,
    path,
)

_ID: Final = "list_5f2c9a10b7e34d86"
_NUMBER_ID: Final = "106540352242922"
_LIST: Final = {
    "list_id": _ID,
    "name": "fraud",
    "kind": "block",
    "attached_to_all": False,
    "phone_number_ids": [_NUMBER_ID],
    "created_at": MOMENT,
}
_FREED: Final = {"success": True, "effect": "attached", "freed": 1, "freed_users": [{"wa_id": WA_ID}]}
_NO_TOKEN: Final[dict[str, GraphError]] = {"No access token": errors.MissingAccessToken()}
_UNKNOWN: Final[dict[str, GraphError]] = {
    "No access token": errors.MissingAccessToken(),
    "Unknown list": errors.UnknownObject("get", _ID),
}
_LINKS: Final = {
    name: {"operationId": operation_id, "parameters": {"list_id": "$response.body#/list_id"}}
    for name, operation_id in (
        ("Add members", "addMembers"),
        ("Attach it", "attachList"),
        ("Show it", "getList"),
        ("Remove it", "removeList"),
    )
}


def paths() -> dict[str, Any]:
    list_id = path("list_id", "Id of the shared list.", {"type": "string", "pattern": "^list_[0-9a-f]{16}$"}, _ID)
    place = path(
        "place",
        "Id of the business number; or `all`, if the list is attached to all numbers.",
        {"type": "string", "pattern": "^([0-9]{1,32}|all)$"},
        _NUMBER_ID,
    )
    one = "/v1/lists/{list_id}"
    return {
        "/v1/lists": {"get": _list(), "post": _named(_add())},
        one: {"parameters": [list_id], "get": _get(), "delete": _named(_remove())},
        f"{one}/attachments": {"parameters": [list_id], "post": _named(_attach())},
        f"{one}/attachments/{{place}}": {"parameters": [list_id, place], "delete": _named(_detach())},
    }


def _named(entry: OperationObject) -> OperationObject:
    """The operation with the header for the person."""
    return entry | {"parameters": [ON_BEHALF_OF]}


def _list() -> OperationObject:
    return operation(
        "listLists",
        "List the shared lists",
        Success("SharedLists", {"data": [_LIST]}),
        description="The account's shared lists, by name, each with the numbers on which it is in force. The token "
        "must be for all numbers of the account, as for every operation on shared lists. Scope `read`.",
        refusals=_NO_TOKEN,
    )


def _add() -> OperationObject:
    return operation(
        "addList",
        "Add a shared list",
        Success("SharedListInfo", _LIST | {"phone_number_ids": []}, "201", _LINKS),
        description="The list has no members, and is in force nowhere before it is attached. On the numbers where a "
        "`block` list is attached, its members are blocked. Members of an attached `allow` list are not blocked there, "
        "whatever other lists have. Kind and name cannot be changed. Scope `manage`.",
        request=("ListToAdd", {"name": "fraud", "kind": "block"}),
        refusals=_NO_TOKEN | {"The name is taken": ListNameTaken("fraud")},
    )


def _get() -> OperationObject:
    return operation(
        "getList",
        "Show a shared list",
        Success("SharedListInfo", _LIST),
        description="Its members are at `/v1/lists/{list_id}/members`. Scope `read`.",
        refusals=_UNKNOWN,
    )


def _remove() -> OperationObject:
    return operation(
        "removeList",
        "Remove a shared list",
        Success("ListRemoved", {"success": True}),
        description="Its members go with it. A list that is attached cannot be removed. Scope `manage`.",
        refusals=_UNKNOWN | {"The list is attached": ListIsAttached("fraud", [_NUMBER_ID])},
    )


def _attach() -> OperationObject:
    entry = operation(
        "attachList",
        "Attach a shared list",
        Success("ListAttached", {"success": True, "effect": "attached"}),
        description="With the response, the list is in force on the number, or on all numbers of the account: for the "
        "next webhook, on every node. If it is an allow list, the response says which users it freed; their "
        "numbers need the scope `read`, too. It may be repeated: then `effect` is `unchanged`. Up to 50 lists can be "
        "in force on a number. Scope `manage`.",
        request=("ListPlace", {"phone_number_id": _NUMBER_ID}),
        refusals=_UNKNOWN
        | {"No place": errors.InvalidParameter("The body must have phone_number_id or all, not both.")},
    )
    entry["responses"]["200"]["content"]["application/json"]["examples"]["An allow list"] = {"value": _FREED}
    return entry


def _detach() -> OperationObject:
    return operation(
        "detachList",
        "Detach a shared list",
        Success("ListDetached", {"success": True, "effect": "detached"}),
        description="With the response, the list is not in force there any more, unless it is also attached to all "
        "numbers. It may be repeated: then `effect` is `not_there`. Scope `manage`.",
        refusals=_UNKNOWN,
    )
