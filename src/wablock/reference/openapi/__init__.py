"""wablock's own OpenAPI 3.1 document: Meta's names and examples, the schemas taken from the types that are served."""

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

The `Version` segment may be left out. The access token may also come as the parameter `access_token`, in the query or \
a form, where the server's settings allow it."""

_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "Include `Authorization: Bearer your-token-here` in request headers.",
}


def document() -> dict[str, Any]:
    """The whole document, as `/openapi.json` shows it."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "wablock - Block API", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": "/", "description": "The server that sent this document"}],
        "tags": [
            {"name": "Block API", "description": "As Meta's reference page has it."},
            {
                "name": "Gate",
                "description": "Where a block holds: webhooks coming in, messages going out.",
            },
            {"name": "Management", "description": "What Meta's API has no words for."},
            {"name": "Health", "description": "For whoever runs the server. No token is needed."},
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
