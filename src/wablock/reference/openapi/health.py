"""The operations for the operators of a server, in the document. They need no token."""

from typing import Any

from wablock.reference.openapi.responses import JSON, common
from wablock.reference.openapi.schemas import reference


def paths() -> dict[str, Any]:
    return {
        "/healthz": _get("getHealth", "Whether the process responds", _health("ok")),
        "/readyz": _get("getReadiness", "Whether changes can be stored", _health("ready"), {"503": common()["503"]}),
        "/metrics": _get("getMetrics", "Counters for Prometheus", {"text/plain": {"schema": {"type": "string"}}}),
        "/openapi.json": _get("getDocument", "This document", {JSON: {"schema": {"type": "object"}}}),
    }


def _get(
    operation_id: str, summary: str, content: dict[str, Any], others: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "get": {
            "operationId": operation_id,
            "summary": summary,
            "security": [],
            "responses": {"200": {"description": summary, "content": content}} | (others or {}),
        }
    }


def _health(status: str) -> dict[str, Any]:
    return {JSON: {"schema": reference("Health"), "examples": {status: {"value": {"status": status}}}}}
