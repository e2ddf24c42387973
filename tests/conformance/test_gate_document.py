"""The gate's part of the OpenAPI document: the answers agree with it, and it shows no secret."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import jsonschema  # type: ignore[import-untyped]
import pytest
from tests.conformance.caller import Caller, calling
from tests.running_server import running_server

from wablock.reference.openapi import document
from wablock.settings import KeySettings

DOCUMENT = document()
NUMBER = "/v1/numbers/{phone_number_id}"
WRITE_ONLY = [("DownstreamToAdd", "secret"), ("DownstreamToAdd", "headers"), ("UpstreamToSet", "token")]


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """A caller of a server with a secret key of its own."""
    folder: Path = tmp_path_factory.mktemp("gate")
    with (
        running_server(folder, key=KeySettings(secret_key_file=folder / "secret.key")) as server,
        calling(server) as made,
    ):
        yield made


def operation(method: str, path: str) -> dict[str, Any]:
    documented: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return documented


def example(method: str, path: str) -> Any:
    """The first example of an operation's request body."""
    examples = operation(method, path)["requestBody"]["content"]["application/json"]["examples"]
    return next(iter(examples.values()))["value"]


def ask(caller: Caller, method: str, path: str, body: Any = None, **place: str) -> httpx2.Response:
    """Send one request, and check that its answer agrees with the document."""
    number = caller.phone_number_id
    place = {"phone_number_id": number, "Version": "v25.0", "Phone-Number-ID": number} | place
    url = path
    for name, value in place.items():
        url = url.replace(f"{{{name}}}", value)
    answer = caller.send(method, body, path=url)
    response = operation(method, path)["responses"][str(answer.status_code)]
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = response["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator(schema | {"components": DOCUMENT["components"]}).validate(answer.json())
    return answer


def test_a_check_of_many_is_as_documented(caller: Caller) -> None:
    users = [*example("POST", NUMBER + "/check")["users"], "unknown"]
    caller.block(users[0])

    answer = ask(caller, "POST", NUMBER + "/check", {"users": users}).json()

    assert [user["blocked"] for user in answer["users"]] == [True, False]
    assert [user["input"] for user in answer["failed_users"]] == ["unknown"]


def test_a_check_of_one_is_as_documented(caller: Caller) -> None:
    answer = ask(caller, "GET", NUMBER + "/check/{user}", user="%2B16505550101")

    assert answer.json() == {"input": "+16505550101", "wa_id": "16505550101", "blocked": False}


def test_a_downstream_is_added_listed_and_removed_as_documented(caller: Caller) -> None:
    new = example("POST", NUMBER + "/downstreams") | {"url": "https://8.8.8.8/whatsapp"}

    added = ask(caller, "POST", NUMBER + "/downstreams", new)
    listed = ask(caller, "GET", NUMBER + "/downstreams")
    removed = ask(
        caller, "DELETE", NUMBER + "/downstreams/{downstream_id}", downstream_id=added.json()["downstream_id"]
    )

    assert (added.status_code, removed.json()) == (201, {"success": True})
    assert listed.json()["data"] == [added.json()]
    assert "a-secret-for-signatures" not in added.text + listed.text


def test_an_upstream_is_set_shown_and_removed_as_documented(caller: Caller) -> None:
    new = example("PUT", NUMBER + "/upstream") | {"url": "https://8.8.8.8"}

    before = ask(caller, "GET", NUMBER + "/upstream")
    new_one = ask(caller, "PUT", NUMBER + "/upstream", new)
    current = ask(caller, "GET", NUMBER + "/upstream")
    removed = ask(caller, "DELETE", NUMBER + "/upstream")

    assert [answer.status_code for answer in (before, new_one, current, removed)] == [400, 200, 200, 200]
    assert current.json() == new_one.json()
    assert new["token"] not in new_one.text + current.text


def test_recent_drops_are_as_documented(caller: Caller) -> None:
    assert ask(caller, "GET", NUMBER + "/drops").json() == {"data": [], "after": 0}


def test_a_message_without_an_upstream_is_refused_as_documented(caller: Caller) -> None:
    path = "/{Version}/{Phone-Number-ID}/messages"

    answer = ask(caller, "POST", path, example("POST", path) | {"to": "16505550101"})

    assert answer.status_code == 400
    assert "wablock upstream set" in answer.json()["error"]["error_data"]["details"]


def test_a_message_to_a_blocked_user_is_refused_as_documented(caller: Caller) -> None:
    path = "/{Version}/{Phone-Number-ID}/messages"
    message = example("POST", path)
    caller.block(message["to"])

    error = ask(caller, "POST", path, message).json()["error"]

    documented = operation("POST", path)["responses"]["400"]["content"]["application/json"]["examples"]
    documented_error = documented["The user is blocked"]["value"]["error"]
    assert error | {"fbtrace_id": ""} == documented_error | {"fbtrace_id": ""}


def test_an_unsigned_webhook_is_refused_as_documented(caller: Caller) -> None:
    path = "/webhooks/whatsapp"

    answer = ask(caller, "POST", path, example("POST", path))

    assert answer.status_code == 401


@pytest.mark.parametrize("schema,member", WRITE_ONLY)
def test_secret_fields_are_write_only(schema: str, member: str) -> None:
    assert DOCUMENT["components"]["schemas"][schema]["properties"][member]["writeOnly"] is True
