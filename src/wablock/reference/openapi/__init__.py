"""wablock's own OpenAPI 3.1 document, with Meta's names and examples, and with schemas from the served types."""

from typing import Any, Final

from wablock import __version__
from wablock.reference.openapi import (
    block_users,
    check,
    events,
    health,
    lists,
    manage,
    members,
    messages,
    numbers,
    responses,
    routing,
    schemas,
    subscriptions,
    users,
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

_TAGS: Final = {
    "Block API": "As on Meta's reference page.",
    "Lists": "Shared lists, which are in force on several numbers, and the members of each list, with reasons, notes "
    "and ends; who changed them, and the undoing of it. Meta's API does not have them.",
    "Gate": "Where a block takes effect: incoming webhooks and outgoing messages.",
    "Management": "Operations that Meta's API does not have.",
    "Health": "For the operators of the server. No token is needed.",
}
_PARTS: Final = {
    "Block API": (block_users,),
    "Lists": (lists, members, users, events),
    "Gate": (messages, webhooks, check, routing),
    "Management": (numbers, manage, subscriptions),
    "Health": (health,),
}


def document() -> dict[str, Any]:
    """The complete document, as `/openapi.json` returns it."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "wablock - Block API", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": "/", "description": "The server that sent this document"}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "security": [{"bearerAuth": []}],
        "paths": {
            path: _tagged(item, tag)
            for tag, parts in _PARTS.items()
            for part in parts
            for path, item in part.paths().items()
        },
        "components": {
            "schemas": schemas.components(),
            "responses": responses.components(),
            "securitySchemes": {"bearerAuth": _BEARER},
        },
    }


def _tagged(item: dict[str, Any], tag: str) -> dict[str, Any]:
    """The operations of a path with their tag."""
    return {name: it if name == "parameters" else {"tags": [tag]} | it for name, it in item.items()}
