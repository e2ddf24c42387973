"""The component schemas: msgspec's view of the served types, and the request bodies made of them."""

from typing import Any, Final

import msgspec

from wablock.block_list.rules import MOST_USERS_PER_REQUEST as _MOST
from wablock.contract import wire
from wablock.server import manage

Schema = dict[str, Any]

_SERVED: Final = (
    wire.GetBlockedUsersData,
    wire.BlockUsersData,
    wire.UnblockUsersData,
    wire.ErrorEnvelope,
    wire.User,
    manage.NewToken,
    manage.TokenInfo,
    manage.Tokens,
    manage.TokenRevoked,
    manage.LastInbound,
    manage.LastInboundResult,
)

# Each media type has a schema of its own, though they say the same: generators make one class of each, and tell by the
# class how it is to be sent.
REQUESTS: Final = {
    "application/json": "UsersRequest",
    "application/x-www-form-urlencoded": "UsersForm",
    "multipart/form-data": "UsersMultipart",
}

_HEALTH: Final = {
    "title": "Health",
    "type": "object",
    "properties": {"status": {"type": "string"}},
    "required": ["status"],
}


def reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def components() -> dict[str, Schema]:
    """Every schema by its name."""
    _, served = msgspec.json.schema_components(_SERVED, ref_template="#/components/schemas/{name}")
    for schema in served.values():
        _without_null_defaults(schema)
    served["User"]["anyOf"] = [
        {"required": [name], "properties": {name: {"type": "string"}}} for name in ("user", "user_id")
    ]
    served["ErrorEnvelope"]["required"] = ["error"]
    served["LastInbound"]["required"] = ["users"]
    served["LastInbound"]["properties"]["users"] = {"type": "array", "items": {"type": "string"}, "maxItems": _MOST}
    return served | _requests() | {"Health": _HEALTH}


def _without_null_defaults(schema: Schema) -> None:
    """A member that need not be sent is absent: nobody has to write the null that means the same."""
    for member in schema.get("properties", {}).values():
        if "default" in member and member["default"] is None:
            del member["default"]


def _requests() -> dict[str, Schema]:
    users = {"type": "array", "items": reference("User"), "maxItems": _MOST}
    text = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": users,
        "description": "The array as one JSON text. `block_users[0][user]=…` says the same.",
        "examples": ['[{"user":"+16505551234"}]'],
    }
    shapes = {"UsersRequest": users, "UsersForm": text, "UsersMultipart": text}
    return {
        name: {
            "title": name,
            "description": "Whom to block or unblock.",
            "type": "object",
            "properties": {
                "block_users": shape,
                "messaging_product": {"type": "string", "enum": [wire.WHATSAPP]},
            },
            "required": ["block_users", "messaging_product"],
        }
        for name, shape in shapes.items()
    }
