"""The model of the reference: values made from the OpenAPI document. Pure."""

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from wablock.contract import versions
from wablock.reference import wording
from wablock.reference.samples import TOKEN, Sample, SampleRequest, samples
from wablock.reference.schemas import Components, SchemaRow, rows, type_text

BLOCK_API: Final = "Block API"
_METHODS: Final = ("get", "put", "post", "patch", "delete")


class DocumentedParameter(msgspec.Struct, frozen=True):
    name: str
    type: str
    required: bool
    description: str
    origin: str
    example: str


class Example(msgspec.Struct, frozen=True):
    name: str
    text: str


class DocumentedBody(msgspec.Struct, frozen=True):
    """A request or response body in one content type."""

    content_type: str
    schema: str
    schema_names: list[str]
    rows: list[SchemaRow]
    examples: list[Example]


class DocumentedAnswer(msgspec.Struct, frozen=True):
    status: str
    description: str
    bodies: list[DocumentedBody]

    @property
    def is_failure(self) -> bool:
        return self.status[0] in "45"


class DocumentedOperation(msgspec.Struct, frozen=True):
    operation_id: str
    method: str
    path: str
    summary: str
    description: str
    needs_token: bool
    header_parameters: list[DocumentedParameter]
    path_parameters: list[DocumentedParameter]
    query_parameters: list[DocumentedParameter]
    body_is_required: bool
    bodies: list[DocumentedBody]
    answers: list[DocumentedAnswer]
    samples: list[Sample]


class OperationGroup(msgspec.Struct, frozen=True):
    name: str
    description: str
    operations: list[DocumentedOperation]


class DocumentedSchema(msgspec.Struct, frozen=True):
    name: str
    description: str
    rows: list[SchemaRow]


class Reference(msgspec.Struct, frozen=True):
    title: str
    version: str
    description: list[str]
    graph_versions: list[str]
    groups: list[OperationGroup]
    schemas: list[DocumentedSchema]


def reference(document: dict[str, Any], base_url: str) -> Reference:
    """All operations and schemas of `document`, in order. The samples use `base_url`."""
    components = document["components"]
    return Reference(
        document["info"]["title"],
        document["info"]["version"],
        document["info"]["description"].split("\n\n"),
        list(versions.KNOWN),
        [
            OperationGroup(tag["name"], tag["description"], list(_operations(document, tag["name"], base_url)))
            for tag in document["tags"]
        ],
        [
            DocumentedSchema(name, schema.get("description", ""), rows(schema, components["schemas"], name))
            for name, schema in components["schemas"].items()
        ],
    )


def _operations(document: dict[str, Any], tag: str, base_url: str) -> Iterator[DocumentedOperation]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if tag in item.get(method, {}).get("tags", ()):
                yield _operation(document, path, method, base_url)


def _operation(document: dict[str, Any], path: str, method: str, base_url: str) -> DocumentedOperation:
    item, operation, components = document["paths"][path], document["paths"][path][method], document["components"]
    is_block_api = BLOCK_API in operation["tags"]
    parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
    by_place = {
        place: [_parameter(each, is_block_api=is_block_api) for each in parameters if each["in"] == place]
        for place in ("header", "path", "query")
    }
    needs_token = operation.get("security", document["security"]) != []
    request = operation.get("requestBody", {"content": {}, "required": False})
    bodies = list(_bodies(request["content"], components["schemas"], of_request=True))
    headers = by_place["header"]
    if needs_token or bodies:
        headers = [
            *headers[:1],
            *_header_parameters(bodies, needs_token=needs_token, is_block_api=is_block_api),
            *headers[1:],
        ]
    example = json.loads(bodies[0].examples[0].text) if bodies else None
    required = {each.name: each.example for each in by_place["query"] if each.required}
    url = base_url + path + (f"?{urlencode(required)}" if required else "")
    to_fill = {"Authorization": f"Bearer {TOKEN}"} if needs_token else {}
    to_fill |= {each.name: f"<{each.name}>" for each in by_place["header"] if each.required}
    return DocumentedOperation(
        operation["operationId"],
        method.upper(),
        path,
        operation["summary"],
        operation.get("description", ""),
        needs_token,
        headers,
        by_place["path"],
        by_place["query"],
        request["required"],
        bodies,
        sorted(
            _answers(operation["responses"], components), key=lambda answer: (answer.status[0] == "d", answer.status)
        ),
        samples(SampleRequest(method.upper(), url, to_fill, example), curl_body=is_block_api),
    )


def _header_parameters(
    bodies: list[DocumentedBody], *, needs_token: bool, is_block_api: bool
) -> Iterator[DocumentedParameter]:
    """Authorization and Content-Type. OpenAPI describes them by `security` and by the content of the bodies."""
    if needs_token:
        yield DocumentedParameter("Authorization", "string", True, wording.AUTHORIZATION, "", "Bearer <Token>")
    if is_block_api or bodies:
        types = wording.CONTENT_TYPES if is_block_api else [body.content_type for body in bodies]
        type_names = ", ".join(f'"{each}"' for each in types)
        text = f"One of {type_names}" if len(types) > 1 else type_names
        yield DocumentedParameter("Content-Type", text, True, wording.CONTENT_TYPE, "", types[0])


def _parameter(parameter: dict[str, Any], *, is_block_api: bool) -> DocumentedParameter:
    example = parameter.get("example", next(iter(parameter.get("examples", {})), None))
    if example is None:
        example = (parameter["schema"].get("enum") or [""])[0]
    return DocumentedParameter(
        parameter["name"],
        type_text(parameter["schema"]),
        parameter.get("required", False),
        parameter.get("description", ""),
        wording.origin("", parameter["name"]) if is_block_api else "",
        str(example),
    )


def _bodies(content: dict[str, Any], schemas: Components, *, of_request: bool = False) -> Iterator[DocumentedBody]:
    for content_type, media in content.items():
        schema = media.get("schema", {})
        shapes = schema.get("anyOf", [schema])
        names = [each["$ref"].rpartition("/")[2] for each in shapes if "$ref" in each]
        yield DocumentedBody(
            content_type,
            type_text(schema, as_object=of_request),
            names,
            [
                SchemaRow(
                    name,
                    description=schemas[name].get("description", ""),
                    children=rows(schemas[name], schemas, name, as_object=of_request),
                )
                for name in names
            ],
            [Example(name, _text(each["value"])) for name, each in media.get("examples", {}).items()],
        )


def _answers(responses: dict[str, Any], components: dict[str, Any]) -> Iterator[DocumentedAnswer]:
    for status, response in responses.items():
        whole = components["responses"][response["$ref"].rpartition("/")[2]] if "$ref" in response else response
        yield DocumentedAnswer(
            status, whole["description"], list(_bodies(whole.get("content", {}), components["schemas"]))
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
