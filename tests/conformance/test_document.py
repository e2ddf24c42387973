"""The OpenAPI document: it is valid, uses Meta's words, and agrees with the server."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import jsonschema  # type: ignore[import-untyped]
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.conformance.caller import Caller, users_body

from wablock.reference.openapi import document

DOCUMENT = document()
PATH = "/{Version}/{Phone-Number-ID}/block_users"
OPERATIONS = {
    "get": ("Get blocked users", "GetBlockedUsersData"),
    "post": ("Block user(s)", "BlockUsersData"),
    "delete": ("Unblock user(s)", "UnblockUsersData"),
}


def contents(node: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every media type object in the document, with its place."""
    if isinstance(node, dict):
        if "schema" in node and "examples" in node and "name" not in node:
            yield place, node
        for name, value in node.items():
            yield from contents(value, f"{place}/{name}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from contents(value, f"{place}/{index}")


EXAMPLES = {
    f"{place}: {name}": (media["schema"], example["value"])
    for place, media in contents(DOCUMENT)
    for name, example in media["examples"].items()
}


def test_the_document_is_valid_openapi() -> None:
    errors = list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors())

    assert errors == []


def test_the_server_sends_the_document_without_a_token(caller: Caller) -> None:
    answer = httpx2.get(caller.server.url + "/openapi.json")

    assert answer.json() == json.loads(json.dumps(DOCUMENT))
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_agrees_with_its_schema(example: str) -> None:
    schema, value = EXAMPLES[example]

    jsonschema.Draft202012Validator(schema | {"components": DOCUMENT["components"]}).validate(value)


@pytest.mark.parametrize("method", OPERATIONS)
def test_the_operations_have_the_pages_names(method: str) -> None:
    name, schema = OPERATIONS[method]

    operation = DOCUMENT["paths"][PATH][method]

    answered = operation["responses"]["200"]["content"]["application/json"]
    assert operation["summary"] == name
    assert name in answered["examples"]
    assert answered["schema"] == {"$ref": f"#/components/schemas/{schema}"}


def test_the_schemas_have_the_pages_names() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    assert schemas.keys() >= {
        *("GetBlockedUsersData", "BlockedUser", "Paging", "PaginationCursors", "BlockUsersData", "BlockUsersResult"),
        *("BlockedUserOperation", "UnblockUsersData", "UnblockUsersResult"),
    }
    assert list(schemas["BlockUsersData"]["properties"]) == ["block_users", "messaging_product", "error"]
    assert list(schemas["BlockedUserOperation"]["properties"])[:2] == ["input", "wa_id"]
    assert list(schemas["PaginationCursors"]["properties"]) == ["after", "before"]


def test_the_path_has_the_pages_parameters() -> None:
    parameters = {each["name"]: each for each in DOCUMENT["paths"][PATH]["parameters"]}

    assert list(parameters) == ["Version", "Phone-Number-ID", "User-Agent"]
    assert [each.get("required", False) for each in parameters.values()] == [True, True, False]
    assert {"v23.0", "v24.0", "v25.0"} <= parameters["Version"]["examples"].keys()


@pytest.mark.parametrize("name", ["UsersRequest", "UsersForm", "UsersMultipart"])
def test_no_member_of_the_body_is_required_as_on_the_page(name: str) -> None:
    assert "required" not in DOCUMENT["components"]["schemas"][name]


@pytest.mark.parametrize("method", ["post", "delete"])
def test_the_body_is_optional_and_of_the_pages_three_media_types(method: str) -> None:
    body = DOCUMENT["paths"][PATH][method]["requestBody"]

    assert body["required"] is False
    assert list(body["content"]) == [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ]


def test_a_bearer_token_is_required_except_at_the_webhook_and_the_health_routes() -> None:
    free = {
        (path, method)
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method != "parameters" and operation.get("security") == []
    }

    assert DOCUMENT["security"] == [{"bearerAuth": []}]
    assert DOCUMENT["components"]["securitySchemes"]["bearerAuth"]["scheme"] == "bearer"
    assert {path for path, _ in free} == {"/webhooks/whatsapp", "/healthz", "/readyz", "/metrics", "/openapi.json"}


@pytest.mark.parametrize("method", OPERATIONS)
def test_the_documented_answer_is_the_served_one(caller: Caller, method: str) -> None:
    name, _ = OPERATIONS[method]
    caller.block("+16505551234")

    served = caller.send(method.upper(), None if method == "get" else users_body(["+16505551234"]))

    documented = DOCUMENT["paths"][PATH][method]["responses"]["200"]["content"]["application/json"]["examples"][name]
    assert served.json() == documented["value"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json"])
def test_the_health_routes_need_no_token(caller: Caller, path: str) -> None:
    answer = httpx2.get(caller.server.url + path)

    assert answer.status_code == 200
    assert (
        answer.headers["content-type"].partition(";")[0]
        in DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]
    )


def test_a_token_is_created_listed_and_revoked_as_documented(caller: Caller) -> None:
    made = caller.send("POST", {"label": "support desk", "scopes": ["read"]}, path="/v1/tokens")
    token_id = made.json()["token_id"]
    mine = {"Authorization": f"Bearer {made.json()['token']}"}
    before = caller.send("GET", headers=mine)
    listed = caller.send("GET", path="/v1/tokens")
    revoked = caller.send("DELETE", path=f"/v1/tokens/{token_id}")
    after = caller.send("GET", headers=mine)

    assert (made.status_code, before.status_code, revoked.json(), after.status_code) == (
        201,
        200,
        {"success": True},
        401,
    )
    assert token_id in [token["token_id"] for token in listed.json()["data"]]


def test_a_number_is_added_listed_and_changed_as_documented(caller: Caller) -> None:
    number = "106540352249999"

    added = caller.send("POST", {"phone_number_id": number, "display_number": "+16505550177"}, path="/v1/numbers")
    changed = caller.send("PATCH", {"name": "a name for this test"}, path=f"/v1/numbers/{number}")
    shown = caller.send("GET", path=f"/v1/numbers/{number}")
    listed = caller.send("GET", path="/v1/numbers")

    assert (added.status_code, changed.status_code) == (201, 200)
    assert changed.json() == added.json() | {"name": "a name for this test"}
    assert shown.json() == changed.json()
    assert changed.json() in listed.json()["data"]


def test_the_management_routes_read_a_token_only_in_the_header(caller: Caller) -> None:
    answer = httpx2.get(caller.server.url + "/v1/tokens", params={"access_token": caller.server.token})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 104)
