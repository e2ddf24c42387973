"""wablock's own OpenAPI 3.1 document, with Meta's names and examples, and with schemas from the served types."""

from typing import Any, Final

from wablock import __version__
from wablock.reference.openapi import (
    block_users,
    check,
    health,
    manage,
    messages,
    responses,
    routing,
    schemas,
    webhooks,
)

_DESCRIPTION: Final = """\
Manage the blocked users of WhatsApp business numbers. Wire-compatible with Meta's Block API; not Meta's, and not \
affiliated with Meta.

The `Version` segment may be left out. If the server's settings allow it, the access token may also be the parameter \
`access_token`, in the query or a form."""

_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "Include `Authorization: Bearer your-token-here` in request headers.",
}


def document() -> dict[str, Any]:
    """The complete document, as `/openapi.json` returns it."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "wablock - Block API", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": "/", "description": "The server that sent this document"}],
        "tags": [
            {"name": "Block API", "description": "The operations of Meta's reference page."},
            {
                "name": "Gate",
                "description": "Where a block takes effect: incoming webhooks and outgoing messages.",
            },
            {"name": "Management", "description": "Operations that Meta's API does not have."},
            {"name": "Health", "description": "For the operators of the server. No token is needed."},
        ],
        "security": [{"bearerAuth": []}],
        "paths": {
            path: item
            for part in (block_users, messages, webhooks, check, routing, manage, health)
            for path, item in part.paths().items()
        },
        "components": {
            "schemas": schemas.components(),
            "responses": responses.components(),
            "securitySchemes": {"bearerAuth": _BEARER},
        },
    }
