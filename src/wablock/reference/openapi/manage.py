"""The operations on tokens and on the times of users' last messages, in the document."""

from typing import Any, Final

from wablock.reference.openapi.operations import MOMENT, NUMBER, NUMBER_ID, USER, WA_ID, operation
from wablock.reference.openapi.responses import REFUSED

_TAG: Final = "Management"
_TOKEN: Final = {
    "token_id": "3f5a1c9be072",
    "label": "support desk",
    "scopes": ["read", "write"],
    "made_by": "b81e07d25c46",
    "created_at": MOMENT,
}


def paths() -> dict[str, Any]:
    return {
        "/v1/tokens": {
            "get": operation(_TAG, "listTokens", "List access tokens", "200", "Tokens", {"data": [_TOKEN]}),
            "post": operation(
                _TAG,
                "createToken",
                "Create an access token",
                "201",
                "TokenInfo",
                _TOKEN | {"token": "wablock_example"},
                request=("NewToken", {"label": "support desk", "scopes": ["read", "write"]}),
                links={
                    "Revoke it": {"operationId": "revokeToken", "parameters": {"token_id": "$response.body#/token_id"}}
                },
            ),
        },
        "/v1/tokens/{token_id}": {
            "delete": operation(_TAG, "revokeToken", "Revoke an access token", "200", "TokenRevoked", {"success": True})
            | {
                "parameters": [
                    {
                        "name": "token_id",
                        "in": "path",
                        "required": True,
                        "description": "The `token_id` from the list of tokens.",
                        "schema": {"type": "string", "pattern": "^[0-9a-f]{12}$"},
                    },
                    {
                        "name": "with_made",
                        "in": "query",
                        "description": "Also revoke all tokens that it created, directly or through other tokens, and "
                        "remove the receivers and upstreams that any of these tokens set.",
                        "schema": {"type": "boolean", "default": False},
                    },
                ]
            }
        },
        f"{NUMBER}/last_inbound": {
            "parameters": [NUMBER_ID],
            "put": operation(
                _TAG,
                "putLastInbound",
                "Record that users wrote to the number",
                "200",
                "LastInboundResult",
                {"users": [{"input": USER, "wa_id": WA_ID}]},
                request=("LastInbound", {"users": [USER], "at": MOMENT}),
                refusals=REFUSED,
            ),
        },
    }
