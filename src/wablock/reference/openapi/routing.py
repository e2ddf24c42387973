"""The operations on a number's receivers, upstream and drops, in the document."""

from typing import Any, Final

from wablock.contract import errors
from wablock.contract.errors import GraphError
from wablock.gate.routes.upstreams import META
from wablock.public_address import NotPublic
from wablock.reference.openapi.operations import MOMENT, NUMBER, NUMBER_ID, Success, operation, path, query
from wablock.reference.openapi.responses import REFUSED

_DOWNSTREAM: Final = {
    "downstream_id": "5f2c9a10",
    "url": "https://hooks.example.com/whatsapp",
    "has_secret": True,
    "header_names": ["X-Tenant"],
    "timeout": 5.0,
    "required": True,
    "created_at": MOMENT,
}
_TO_ADD: Final = {
    "url": "https://hooks.example.com/whatsapp",
    "secret": "a-secret-for-signatures",
    "headers": {"X-Tenant": "7"},
}
_UPSTREAM: Final = {"url": META, "timeout": 30.0, "created_at": MOMENT}
_DROP: Final = {"seq": 12, "at": MOMENT, "sender": "165…34", "type": "text", "size": 214}
_REFUSED_RECEIVER: Final[dict[str, GraphError]] = {
    "A private address": errors.InvalidParameter("Param url cannot be used.", str(NotPublic())),
    "A bad header": errors.InvalidParameter(
        "Param headers cannot be sent.", "the header Host is set by wablock itself"
    ),
}
_NO_UPSTREAM: Final[dict[str, GraphError]] = {
    "No upstream": errors.UnknownObject(
        "get", "106540352242922", "The number has no upstream. Set one with: wablock upstream set"
    )
}
_UNKNOWN_DOWNSTREAM: Final[dict[str, GraphError]] = {"Unknown downstream": errors.UnknownObject("delete", "5f2c9a10")}
_BAD_AFTER: Final[dict[str, GraphError]] = {
    "Bad after": errors.InvalidParameter("Param after must be a number from an earlier answer's after.")
}


def paths() -> dict[str, Any]:
    downstream_id = path(
        "downstream_id",
        "The `downstream_id` from the list of downstreams.",
        {"type": "string", "pattern": "^[0-9a-f]{8}$"},
        "5f2c9a10",
    )
    return {
        f"{NUMBER}/downstreams": {"parameters": [NUMBER_ID], "get": _list(), "post": _add()},
        f"{NUMBER}/downstreams/{{downstream_id}}": {"parameters": [NUMBER_ID, downstream_id], "delete": _remove()},
        f"{NUMBER}/upstream": {"parameters": [NUMBER_ID], "get": _get(), "put": _put(), "delete": _delete()},
        f"{NUMBER}/drops": {"parameters": [NUMBER_ID], "get": _drops()},
    }


def _list() -> dict[str, Any]:
    return operation(
        "listDownstreams",
        "List the receivers of the number's webhooks",
        Success("DownstreamList", {"data": [_DOWNSTREAM]}),
        description="The answer never contains their secrets. Scope `manage`.",
        refusals=REFUSED,
    )


def _add() -> dict[str, Any]:
    same = {"phone_number_id": "$request.path.phone_number_id", "downstream_id": "$response.body#/downstream_id"}
    remove = {"operationId": "removeDownstream", "parameters": same}
    return operation(
        "addDownstream",
        "Add a receiver of the number's webhooks",
        Success("DownstreamAdded", _DOWNSTREAM, "201", {"Remove it": remove}),
        description="The address must be public: private, link-local and metadata addresses are refused, now and for "
        "every connection. Scope `manage`.",
        request=("DownstreamToAdd", _TO_ADD),
        refusals=REFUSED | _REFUSED_RECEIVER,
    )


def _remove() -> dict[str, Any]:
    return operation(
        "removeDownstream",
        "Remove a receiver",
        Success("Removed", {"success": True}),
        description="Scope `manage`.",
        refusals=REFUSED | _UNKNOWN_DOWNSTREAM,
    )


def _get() -> dict[str, Any]:
    return operation(
        "getUpstream",
        "Show the API that sends the number's messages",
        Success("UpstreamSet", _UPSTREAM),
        description="The answer never contains its token. Scope `manage`.",
        refusals=REFUSED | _NO_UPSTREAM,
    )


def _put() -> dict[str, Any]:
    return operation(
        "setUpstream",
        "Set the API that sends the number's messages",
        Success("UpstreamSet", _UPSTREAM),
        description="It replaces the previous one. The address must be public. Scope `manage`.",
        request=("UpstreamToSet", {"token": "EAAJB-the-upstreams-own-token"}),
        refusals=REFUSED | _REFUSED_RECEIVER,
    )


def _delete() -> dict[str, Any]:
    return operation(
        "removeUpstream",
        "Remove the upstream",
        Success("Removed", {"success": True}),
        description="Afterwards, the number's messages are refused. Scope `manage`.",
        refusals=REFUSED | _NO_UPSTREAM,
    )


def _drops() -> dict[str, Any]:
    entry = operation(
        "listDrops",
        "List recent drops",
        Success("RecentDropList", {"data": [_DROP], "after": 12}),
        description="The last 100 items of blocked users that this server dropped since its start, oldest "
        "first, with a masked sender and without a body. Scope `read`.",
        refusals=REFUSED | _BAD_AFTER,
    )
    after = {"type": "integer", "minimum": 0, "default": 0}
    entry["parameters"] = [query("after", "Only drops after this one: the `after` of an earlier answer.", after)]
    return entry
