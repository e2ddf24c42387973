"""wablock's own OpenAPI 3.1 document."""

from typing import Any


def document() -> dict[str, Any]:
    return {}
