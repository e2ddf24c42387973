"""`/v1` in the document."""

from typing import Any, Final

from wablock.contract import errors
from wablock.contract.errors import GraphError
from wablock.server.openapi.responses import JSON, REFUSED, failures
from wablock.server.openapi.schemas import reference

_MANAGE: Final[dict[str, GraphError]] = {
    "No access token": errors.MissingAccessToken(),
    "Bad parameter": errors.InvalidParameter("Param label must be a string."),
}
_TOKEN: Final = {
    "token_id": "3f5a1c9be072",
    "label": "support desk",
    "scopes": ["read", "write"],
    "created_at": 1737679688,
}


def paths() -> dict[str, Any]:
    return {
        "/v1/tokens": {
            "get": _operation("listTokens", "List access tokens", "200", "Tokens", {"data": [_TOKEN]}),
            "post": _operation(
                "createToken",
                "Make an access token",
                "201",
                "TokenInfo",
                _TOKEN | {"token": "wablock_example"},
                asked=("NewToken", {"label": "support desk", "scopes": ["read", "write"]}),
                links={
                    "Revoke it": {"operationId": "revokeToken", "parameters": {"token_id": "$response.body#/token_id"}}
                },
            ),
        },
        "/v1/tokens/{token_id}": {
            "delete": _operation("revokeToken", "Revoke an access token", "200", "TokenRevoked", {"success": True})
            | {
                "parameters": [
                    {
                        "name": "token_id",
                        "in": "path",
                        "required": True,
                        "description": "As the list of tokens names it.",
                        "schema": {"type": "string", "pattern": "^[0-9a-f]{12}$"},
                    }
                ]
            }
        },
        "/v1/numbers/{phone_number_id}/last_inbound": {
            "put": _operation(
                "putLastInbound",
                "Say that users wrote to the number",
                "200",
                "LastInboundResult",
                {"users": [{"input": "+16505551234", "wa_id": "16505551234"}]},
                asked=("LastInbound", {"users": ["+16505551234"], "at": 1737679688}),
                refusals=REFUSED,
            )
            | {
                "parameters": [
                    {
                        "name": "phone_number_id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "pattern": "^[0-9]{1,32}$"},
                        "example": "106540352242922",
                    }
                ]
            }
        },
    }


def _operation(
    operation_id: str,
    summary: str,
    status: str,
    schema: str,
    example: Any,
    *,
    asked: tuple[str, Any] | None = None,
    links: dict[str, Any] | None = None,
    refusals: dict[str, GraphError] = _MANAGE,
) -> dict[str, Any]:
    """One operation; `asked` is its request body's schema and an example of it."""
    done = {
        "description": summary,
        "content": {JSON: {"schema": reference(schema), "examples": {summary: {"value": example}}}},
    }
    operation: dict[str, Any] = {
        "tags": ["Management"],
        "operationId": operation_id,
        "summary": summary,
        "responses": {status: done | ({"links": links} if links else {})} | failures(refusals),
    }
    if asked is not None:
        body = {"schema": reference(asked[0]), "examples": {summary: {"value": asked[1]}}}
        operation["requestBody"] = {"required": True, "content": {JSON: body}}
    return operation
