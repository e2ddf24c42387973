"""The component schemas: msgspec's schemas of the served types, and the request bodies."""

from typing import Any, Final

import msgspec

from wablock.block_list.rules import MOST_USERS_PER_REQUEST as _MOST
from wablock.contract import wire
from wablock.server.answers import Removed
from wablock.server.endpoints import (
    check,
    downstreams,
    drops,
    events,
    last_inbound,
    listed_members,
    lists,
    members,
    numbers,
    subscriptions,
    tokens,
    upstreams,
    users,
)
from wablock.server.event_info import EventInfo

SchemaObject = dict[str, Any]

_SERVED: Final = (
    wire.GetBlockedUsersData,
    wire.BlockUsersData,
    wire.UnblockUsersData,
    wire.ErrorEnvelope,
    wire.User,
    tokens.NewToken,
    tokens.TokenInfo,
    tokens.Tokens,
    tokens.TokenRevoked,
    numbers.NumberToAdd,
    numbers.NumberToChange,
    numbers.NumberInfo,
    numbers.NumberList,
    last_inbound.LastInbound,
    last_inbound.LastInboundResult,
    check.Check,
    check.CheckedUser,
    check.CheckResult,
    members.MembersToAdd,
    members.MembersAdded,
    listed_members.ListMember,
    listed_members.ListMembers,
    members.MemberEdit,
    members.MemberRemoved,
    lists.ListToAdd,
    lists.SharedListInfo,
    lists.SharedLists,
    lists.ListPlace,
    lists.ListAttached,
    lists.ListDetached,
    lists.ListRemoved,
    users.UserEntry,
    users.UserOfLists,
    EventInfo,
    events.EventList,
    events.UndoRequest,
    events.UndoResult,
    downstreams.DownstreamToAdd,
    downstreams.DownstreamAdded,
    downstreams.DownstreamList,
    drops.RecentDropList,
    subscriptions.SubscriptionToAdd,
    subscriptions.SubscriptionInfo,
    subscriptions.SubscriptionAdded,
    subscriptions.SubscriptionList,
    Removed,
    upstreams.UpstreamToSet,
    upstreams.UpstreamSet,
)

# The schemas are equal, but each media type needs its own: generators make a class of each schema, and the class
# decides how the body is sent.
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
_WEB_ADDRESS: Final = {"pattern": "^[hH][tT][tT][pP][sS]?://"}
# Rules for members that the server enforces, but that their types do not express.
_MEMBER_RULES: Final = (
    ("DownstreamToAdd", "url", _WEB_ADDRESS),
    ("DownstreamToAdd", "secret", {"writeOnly": True}),
    (
        "DownstreamToAdd",
        "headers",
        {
            "writeOnly": True,
            "propertyNames": {"pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
            "additionalProperties": {"type": "string", "pattern": "^[ -~]*$"},
        },
    ),
    ("SubscriptionToAdd", "url", _WEB_ADDRESS),
    ("SubscriptionToAdd", "secret", {"writeOnly": True}),
    ("UpstreamToSet", "url", _WEB_ADDRESS),
    ("UpstreamToSet", "token", {"writeOnly": True, "pattern": "^[!-~]+$"}),
)
# Bodies that the gate passes on. Their schemas say almost nothing.
_PASSED_ON: Final = {
    "Webhook": {
        "title": "Webhook",
        "description": "A webhook from Meta. Undocumented webhooks are accepted too.",
        "type": "object",
    },
    "WebhookTaken": {
        "title": "WebhookTaken",
        "type": "object",
        "properties": {"success": {"type": "boolean"}},
        "required": ["success"],
    },
    "Message": {
        "title": "Message",
        "description": "A message, as the upstream expects it. wablock reads only the recipient.",
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("to", "recipient", "recipient_type")},
    },
}


def reference(name: str) -> SchemaObject:
    return {"$ref": f"#/components/schemas/{name}"}


def components() -> dict[str, SchemaObject]:
    """All schemas by name."""
    _, served = msgspec.json.schema_components(_SERVED, ref_template="#/components/schemas/{name}")
    for schema in served.values():
        _without_null_defaults(schema)
    for name in ("User", "MemberToAdd"):
        served[name]["anyOf"] = [
            {"required": [one], "properties": {one: {"type": "string"}}} for one in ("user", "user_id")
        ]
    users = {"type": "array", "items": reference("MemberToAdd"), "minItems": 1, "maxItems": _MOST}
    served["MembersToAdd"] |= {"required": ["users"]}
    served["MembersToAdd"]["properties"]["users"] = users
    served["MemberEdit"]["minProperties"] = 1
    served["ErrorEnvelope"]["required"] = ["error"]
    served["ListToAdd"]["required"] = ["name"]
    served["ListToAdd"]["properties"]["name"] = {"type": "string", "minLength": 1, "maxLength": 64}
    served["ListPlace"]["oneOf"] = [
        {"required": ["phone_number_id"], "properties": {"phone_number_id": {"type": "string"}}},
        {"required": ["all"], "properties": {"all": {"const": True}}},
    ]
    for name in ("LastInbound", "Check"):
        served[name]["required"] = ["users"]
        served[name]["properties"]["users"] = {"type": "array", "items": {"type": "string"}, "maxItems": _MOST}
    for name, member, rules in _MEMBER_RULES:
        served[name]["properties"][member] |= rules
    return served | _requests() | _PASSED_ON | {"Health": _HEALTH}


def _without_null_defaults(schema: SchemaObject) -> None:
    """Remove defaults of null, because a missing member means the same."""
    for member in schema.get("properties", {}).values():
        if "default" in member and member["default"] is None:
            del member["default"]


def _requests() -> dict[str, SchemaObject]:
    users = {"type": "array", "items": reference("User"), "maxItems": _MOST}
    text = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": users,
        "description": "The array as one JSON text. `block_users[0][user]=…` means the same.",
        "examples": ['[{"user":"+16505551234"}]'],
    }
    shapes = {"UsersRequest": users, "UsersForm": text, "UsersMultipart": text}
    return {
        name: {
            "title": name,
            "description": "The users to block or unblock.",
            "type": "object",
            # None is required, as on Meta's page: both may be in the query instead.
            "properties": {"block_users": shape, "messaging_product": {"type": "string", "enum": [wire.WHATSAPP]}},
        }
        for name, shape in shapes.items()
    }
