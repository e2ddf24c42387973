"""One operation of `/v1` in the document: its request, its answer, and its errors."""

from typing import Any, Final

import msgspec

from wablock.contract import errors, wire
from wablock.contract.errors import GraphError
from wablock.failures import IdempotencyKeyReused
from wablock.reference.openapi.responses import JSON, failed, failures
from wablock.reference.openapi.schemas import SchemaObject, reference

OperationObject = dict[str, Any]


def query(name: str, description: str, schema: SchemaObject, *, required: bool = False) -> dict[str, Any]:
    parameter = {"name": name, "in": "query", "description": description, "schema": schema}
    return parameter | {"required": True} if required else parameter


def path(name: str, description: str, schema: SchemaObject, example: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }


USER: Final = "+16505551234"
WA_ID: Final = "16505551234"
MOMENT: Final = 1737679688  # the time in the cursor on Meta's reference page

NUMBER: Final = "/v1/numbers/{phone_number_id}"
_DIGITS: Final = {"type": "string", "pattern": "^[0-9]{1,32}$"}
NUMBER_ID: Final = path("phone_number_id", "Id of the business number.", _DIGITS, "106540352242922")

ON_BEHALF_OF: Final[dict[str, Any]] = {
    "name": wire.ON_BEHALF_OF_HEADER.title(),
    "in": "header",
    "description": "The person that the caller acts for, such as `maria`: 1 to 100 characters in UTF-8. The event of "
    "the change has it as `on_behalf_of`, and a block as `maria via support desk`. Only wablock reads it.",
    "schema": {"type": "string", "pattern": "^[!-~]([ -~]{0,98}[!-~])?$"},
}
"""The header of every operation that changes lists."""
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A new random key, such as a UUID, for each new request. A request that is repeated with its key "
    "within a day changes nothing again, and gets the outcome of the first one.",
    "schema": {"type": "string", "pattern": "^[ -~]{1,255}$"},
}
REPLAYED: Final = {
    "description": "The outcome is that of an earlier request with the same `Idempotency-Key`; nothing was changed "
    "now. Only wablock sends this header",
    "schema": {"type": "string", "enum": ["true"]},
}
_KEY_REUSED: Final[dict[str, GraphError]] = {"Key of another request": IdempotencyKeyReused()}

_BAD: Final[dict[str, GraphError]] = {
    "No access token": errors.MissingAccessToken(),
    "Bad parameter": errors.InvalidParameter("Param label must be a string."),
}


class Success(msgspec.Struct, frozen=True):
    """The answer of an operation that succeeds: its schema, an example, and links to other operations."""

    schema: str
    example: Any
    status: str = "200"
    links: dict[str, Any] = {}


def operation(
    operation_id: str,
    summary: str,
    success: Success,
    *,
    description: str | None = None,
    request: tuple[str, Any] | None = None,
    refusals: dict[str, GraphError] = _BAD,
) -> OperationObject:
    """One operation. `request` is the schema of its request body, and an example."""
    answer = {"description": summary, "content": {JSON: _media(success.schema, summary, success.example)}}
    if success.links:
        answer["links"] = success.links
    entry: OperationObject = {"operationId": operation_id, "summary": summary}
    if description is not None:
        entry["description"] = description
    if request is not None:
        entry["requestBody"] = {"required": True, "content": {JSON: _media(request[0], summary, request[1])}}
    entry["responses"] = {success.status: answer} | failures(refusals)
    return entry


def repeatable(entry: OperationObject) -> OperationObject:
    """The operation, with an `Idempotency-Key`."""
    entry["parameters"] = [*entry.get("parameters", ()), IDEMPOTENCY_KEY]
    answer = entry["responses"]["200"]
    answer["headers"] = answer.get("headers", {}) | {"Idempotent-Replayed": REPLAYED}
    entry["responses"]["422"] = failed("The key belongs to a different request; nothing was changed", _KEY_REUSED)
    return entry


def _media(schema: str, name: str, example: Any) -> dict[str, Any]:
    return {"schema": reference(schema), "examples": {name: {"value": example}}}
