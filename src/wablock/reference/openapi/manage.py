"""The operations on tokens and on the times of users' last messages, in the document."""

from typing import Any, Final

from wablock.reference.openapi.operations import MOMENT, NUMBER, NUMBER_ID, USER, WA_ID, Success, operation, query
from wablock.reference.openapi.responses import REFUSED

_TOKEN: Final = {
    "token_id": "3f5a1c9be072",
    "label": "support desk",
    "scopes": ["read", "write"],
    "made_by": "b81e07d25c46",
    "created_at": MOMENT,
}
_REVOKE: Final = {"operationId": "revokeToken", "parameters": {"token_id": "$response.body#/token_id"}}


def paths() -> dict[str, Any]:
    return {
        "/v1/tokens": {
            "get": operation("listTokens", "List access tokens", Success("Tokens", {"data": [_TOKEN]})),
            "post": operation(
                "createToken",
                "Create an access token",
                Success("TokenInfo", _TOKEN | {"token": "wablock_example"}, "201", {"Revoke it": _REVOKE}),
                request=("NewToken", {"label": "support desk", "scopes": ["read", "write"]}),
            ),
        },
        "/v1/tokens/{token_id}": {
            "delete": operation("revokeToken", "Revoke an access token", Success("TokenRevoked", {"success": True}))
            | {
                "parameters": [
                    {
                        "name": "token_id",
                        "in": "path",
                        "required": True,
                        "description": "The `token_id` from the list of tokens.",
                        "schema": {"type": "string", "pattern": "^[0-9a-f]{12}$"},
                    },
                    query(
                        "with_made",
                        "Also revoke all tokens that it created, directly or through other tokens, and remove the "
                        "receivers and upstreams that any of these tokens set.",
                        {"type": "boolean", "default": False},
                    ),
                ]
            }
        },
        f"{NUMBER}/last_inbound": {
            "parameters": [NUMBER_ID],
            "put": operation(
                "putLastInbound",
                "Record that users wrote to the number",
                Success("LastInboundResult", {"users": [{"input": USER, "wa_id": WA_ID}]}),
                request=("LastInbound", {"users": [USER], "at": MOMENT}),
                refusals=REFUSED,
            ),
        },
    }
