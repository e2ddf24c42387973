"""One operation of `/v1` in the document: what is asked, what is answered, what is refused."""

from typing import Any, Final

from wablock.contract import errors
from wablock.contract.errors import GraphError
from wablock.reference.openapi.responses import JSON, failures
from wablock.reference.openapi.schemas import SchemaObject, reference

OperationObject = dict[str, Any]

USER: Final = "+16505551234"
WA_ID: Final = "16505551234"
MOMENT: Final = 1737679688  # of the cursor on Meta's reference page

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
    asked: tuple[str, Any] | None = None,
    links: dict[str, Any] | None = None,
    refusals: dict[str, GraphError] = _BAD,
) -> OperationObject:
    """One operation; `asked` is its request body's schema and an example of it."""
    done = {
        "description": summary,
        "content": {JSON: {"schema": reference(schema), "examples": {summary: {"value": example}}}},
    }
    made: OperationObject = {"tags": [tag], "operationId": operation_id, "summary": summary}
    if description is not None:
        made["description"] = description
    if asked is not None:
        body = {"schema": reference(asked[0]), "examples": {summary: {"value": asked[1]}}}
        made["requestBody"] = {"required": True, "content": {JSON: body}}
    made["responses"] = {status: done | ({"links": links} if links else {})} | failures(refusals)
    return made


def query(name: str, description: str, schema: SchemaObject, *, required: bool = False) -> dict[str, Any]:
    told = {"name": name, "in": "query", "description": description, "schema": schema}
    return told | {"required": True} if required else told


def path(name: str, description: str, schema: SchemaObject, example: str) -> dict[str, Any]:
    """A parameter that is a part of the path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }
