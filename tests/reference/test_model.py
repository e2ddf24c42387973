"""The model that the reference makes of a document, without a server."""

import ast
import inspect
import json
import shlex

import pytest

from wablock import failures as own_failures
from wablock.contract import errors
from wablock.contract.errors import GraphError, UserFailure
from wablock.reference.failures import failures
from wablock.reference.model import DocumentedOperation, reference
from wablock.reference.openapi import document
from wablock.reference.rendering import render
from wablock.reference.samples import SampleRequest, samples
from wablock.reference.schemas import rows, type_text

_BASE = "https://blocks.example.com"
_ALL = [operation for group in reference(document(), _BASE).groups for operation in group.operations]


def _operation(operation_id: str) -> DocumentedOperation:
    return next(each for each in _ALL if each.operation_id == operation_id)


def test_every_failure_of_the_contract_is_in_the_table() -> None:
    names = {
        name
        for module in (errors, own_failures)
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, GraphError | UserFailure) and kind not in (GraphError, UserFailure)
    }

    assert {failure.kind for failure in failures()} == names


def test_every_failure_has_advice() -> None:
    assert [failure.kind for failure in failures() if not (failure.meaning and failure.what_to_do)] == []


def test_parts_that_are_not_on_metas_page_are_marked() -> None:
    parameters = {each.name: each.origin for each in _operation("getBlockedUsers").query_parameters}
    users = rows(document()["components"]["schemas"]["User"], document()["components"]["schemas"], "User")

    assert parameters == dict.fromkeys(["limit", "after", "before"], "Meta, elsewhere") | {"fields": "wablock"}
    assert {row.name: row.origin for row in users}["user"] == ""
    assert {row.name: row.origin for row in users}["user_id"] == "Meta, elsewhere"
    assert {row.name: row.origin for row in users}["note"] == "wablock"


@pytest.mark.parametrize("operation_id", ["blockUsers", "unblockUsers"])
def test_no_member_of_a_request_body_is_required_as_on_metas_page(operation_id: str) -> None:
    bodies = _operation(operation_id).bodies

    assert len(bodies) == 3
    assert [row.name for body in bodies for schema in body.rows for row in schema.children if row.required] == []


def test_a_member_that_may_be_null_has_its_other_type() -> None:
    schema = {"properties": {"note": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]}}}

    (row,) = rows(schema, {}, "Any")

    assert (row.type, row.notes) == ("string", "at most 5 characters; may be null")


def test_a_recursive_schema_ends() -> None:
    schema = {"properties": {"child": {"$ref": "#/components/schemas/Node"}}}

    (row,) = rows(schema, {"Node": schema}, "Node")

    assert row.children[0].children[0].name == "child"


def test_types_are_named_as_the_page_names_them() -> None:
    user = {"$ref": "#/components/schemas/User"}

    assert type_text({"type": "array", "items": user}) == "array of User"
    assert type_text({"type": "array", "items": user}, as_object=True) == "array of object (User)"
    assert type_text({"anyOf": [user, {"type": "null"}]}) == "User"


@pytest.mark.parametrize("operation", _ALL, ids=lambda each: each.operation_id)
def test_the_samples_of_every_operation_are_complete(operation: DocumentedOperation) -> None:
    texts = {sample.language: sample.text for sample in operation.samples}

    assert list(texts) == ["bash", "javascript", "python"]
    assert shlex.split(texts["bash"].replace("\\\n", " "))[:3] == ["curl", "--request", operation.method]
    assert ast.parse(texts["python"])
    assert all(operation.method in text and _BASE in text for text in texts.values())


def test_a_quote_in_a_body_stays_in_its_word() -> None:
    made = samples(SampleRequest("POST", _BASE, {}, {"note": "it's"}), curl_body=False)

    assert json.loads(shlex.split(made[0].text.replace("\\\n", " "))[-1]) == {"note": "it's"}


def test_text_of_a_document_is_escaped() -> None:
    hostile = document()
    hostile["paths"]["/healthz"]["get"]["summary"] = "<script>hurt()</script>"

    text = render(hostile).own

    assert "<script>hurt" not in text
    assert "&lt;script&gt;hurt" in text
