"""One operation of `/v1` in the document: its request, its answer, and its errors."""

from typing import Any, Final

from wablock.contract import errors
from wablock.contract.errors import GraphError
from wablock.reference.openapi.responses import JSON, failures
from wablock.reference.openapi.schemas import SchemaObject, reference

OperationObject = dict[str, Any]

USER: Final = "+16505551234"
WA_ID: Final = "16505551234"
MOMENT: Final = 1737679688  # the time in the cursor on Meta's reference page

NUMBER: Final = "/v1/numbers/{phone_number_id}"
NUMBER_ID: Final = {
    "name": "phone_number_id",
    "in": "path",
    "required": True,
    "description": "Id of the business number.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,32}$"},
    "example": "106540352242922",
}

_BAD: Final[dict[str, GraphError]] = {
    "No access token": errors.MissingAccessToken(),
    "Bad parameter": errors.InvalidParameter("Param label must be a string."),
}


def operation(
    tag: str,
    operation_id: str,
    summary: str,
    status: str,
    schema: str,
    example: Any,
    *,
    description: str | None = None,
    request: tuple[str, Any] | None = None,
    links: dict[str, Any] | None = None,
    refusals: dict[str, GraphError] = _BAD,
) -> OperationObject:
    """One operation. `request` is the schema of its request body, and an example."""
    success = {
        "description": summary,
        "content": {JSON: {"schema": reference(schema), "examples": {summary: {"value": example}}}},
    }
    entry: OperationObject = {"tags": [tag], "operationId": operation_id, "summary": summary}
    if description is not None:
        entry["description"] = description
    if request is not None:
        body = {"schema": reference(request[0]), "examples": {summary: {"value": request[1]}}}
        entry["requestBody"] = {"required": True, "content": {JSON: body}}
    entry["responses"] = {status: success | ({"links": links} if links else {})} | failures(refusals)
    return entry


def query(name: str, description: str, schema: SchemaObject, *, required: bool = False) -> dict[str, Any]:
    parameter = {"name": name, "in": "query", "description": description, "schema": schema}
    return parameter | {"required": True} if required else parameter


def path(name: str, description: str, schema: SchemaObject, example: str) -> dict[str, Any]:
    """A parameter in the path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }
