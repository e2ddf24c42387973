"""Each operation with all scopes, on own, foreign and unknown objects, as `docs/reference/permissions.md` has it."""

import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx2
import pytest
from tests.running_server import ACCOUNT_ID, NUMBER, PHONE_NUMBER_ID, TOKEN, RunningServer, running_server

from wablock.access import ALL_SCOPES, AccessToken, Scope, digest
from wablock.block_list.ports import BusinessNumber
from wablock.reference.openapi import document

_PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "permissions.md"
_ROW: Final = re.compile(r"\| `([A-Z]+) (\S+)` \| ([a-z, ]+) \| (\S*) ?\| ?([a-z ]*) ?\|")
_FOREIGN, _SECOND, _UNKNOWN = "106540352242924", "106540352242923", "106540352242999"
_STRANGER: Final = "102290129340399"
_NO_OBJECT: Final = 100, 33
_NO_SCOPE: Final = (403, 10)
_PUBLIC: Final = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/webhooks/whatsapp"}


class Row(NamedTuple):
    method: str
    template: str
    scopes: frozenset[str]
    another: str
    all_numbers: str

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


def _rows() -> list[Row]:
    found = [
        [*map(str.strip, match.groups())] for line in _PAGE.read_text().splitlines() if (match := _ROW.match(line))
    ]
    return [Row(method, path, frozenset(scopes.split(", ")), *rest) for method, path, scopes, *rest in found]


def _text(scopes: frozenset[Scope]) -> str:
    """The token with these scopes."""
    return "-".join(sorted(scopes))


_ROWS: Final = _rows()
_COMBINATIONS: Final = [frozenset(some) for size in range(1, 5) for some in combinations(sorted(Scope), size)]
_TOKENS: Final = (
    *(AccessToken(digest(_text(some)), ACCOUNT_ID, "some", some, None, 0) for some in _COMBINATIONS),
    AccessToken(digest("limited"), ACCOUNT_ID, "limited", ALL_SCOPES, frozenset({PHONE_NUMBER_ID}), 0),
    AccessToken(digest("elsewhere"), ACCOUNT_ID, "elsewhere", ALL_SCOPES, frozenset({_SECOND}), 0),
    AccessToken(digest("stranger"), _STRANGER, "stranger", ALL_SCOPES, None, 0),
)
_NUMBERS: Final = (NUMBER, BusinessNumber(_SECOND, ACCOUNT_ID), BusinessNumber(_FOREIGN, _STRANGER))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, numbers=_NUMBERS, tokens=_TOKENS) as running:
        yield running


def _call(server: RunningServer, row: Row, values: dict[str, str], token: str) -> httpx2.Response:
    path = re.sub(r"\{([^}]+)\}", lambda name: values[name[1]], row.template)
    headers = {"authorization": f"Bearer {token}"}
    return httpx2.request(row.method, server.url + path, headers=headers, json=_body(row), timeout=30)


def _body(row: Row) -> Any:
    """The example of the OpenAPI document."""
    if row.template == "/v1/tokens":
        return {"label": "made", "scopes": ["manage"]}  # a token cannot create one with more scopes
    operation = document()["paths"][row.template][row.method.lower()]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if "example" in content:
        return content["example"]
    return next((it["value"] for it in content.get("examples", {}).values()), None)


def _made(server: RunningServer, row: Row, token: str, number: str) -> dict[str, str]:
    """The ids of objects of the token's account, by their names in the operation's path."""
    client = httpx2.Client(base_url=server.url, headers={"authorization": f"Bearer {token}"}, timeout=30)

    def made(path: str, body: Any, name: str) -> str:
        response = client.post(path, json=body)
        assert response.status_code in (200, 201), response.text
        made_id: str = response.json()[name]
        return made_id

    with client:
        numbers = dict.fromkeys(("Phone-Number-ID", "phone_number_id", "place"), number)
        values = {"Version": "v25.0", "user": "+16505551234"} | numbers
        if "{list_id}" in row.template:
            lists = client.get("/v1/lists").json()["data"]
            values["list_id"] = lists[0]["list_id"] if lists else made("/v1/lists", {"name": "fraud"}, "list_id")
        for name, path in (
            ("downstream_id", f"/v1/numbers/{number}/downstreams"),
            ("subscription_id", "/v1/subscriptions"),
        ):
            if f"{{{name}}}" in row.template:
                for receiver in client.get(path).json()["data"]:
                    client.delete(f"{path}/{receiver[name]}")
                values[name] = made(path, {"url": "https://93.184.215.14/hook"}, name)
        if "{token_id}" in row.template:
            values["token_id"] = made("/v1/tokens", {"label": "made", "scopes": ["read"]}, "token_id")
        if "{event_id}" in row.template:
            block = {"messaging_product": "whatsapp", "block_users": [{"user": "+16505551234"}]}
            client.post(f"/v25.0/{number}/block_users", json=block)
            values["event_id"] = client.get(f"/v1/events?list_id={number}").json()["data"][-1]["event_id"]
        return values


_MISSING: Final = {
    "Version": "v25.0",
    "Phone-Number-ID": _UNKNOWN,
    "phone_number_id": _UNKNOWN,
    "list_id": "list_0000000000000000",
    "user": "+16505551234",
    "place": _UNKNOWN,
    "downstream_id": "0000000000000000",
    "token_id": "000000000000",
    "subscription_id": "sub_0000000000000000",
    "event_id": f"{_UNKNOWN}-1764300000000000",
}


def _code(response: httpx2.Response) -> tuple[int, int]:
    error = response.json()["error"] if response.status_code >= 400 else {"code": 0}
    return response.status_code, error["code"]


def _shape(response: httpx2.Response, values: dict[str, str]) -> Any:
    """The response without what differs from request to request, and without the ids of the request."""
    text = response.text
    longest_first = sorted(values.items(), key=lambda item: -len(item[1]))
    for name, value in longest_first:
        if name != "Version":
            text = text.replace(value, name)
    return response.status_code, re.sub(r'"fbtrace_id":"[^"]+"', "", text)


def test_the_table_has_every_operation_that_needs_a_token() -> None:
    paths = document()["paths"]
    operations = {
        (method.upper(), path)
        for path, entry in paths.items()
        for method in entry
        if method != "parameters" and path not in _PUBLIC
    }

    assert {(row.method, row.template) for row in _ROWS} == operations


@pytest.mark.parametrize("row", _ROWS, ids=str)
def test_a_token_without_a_needed_scope_gets_10_and_one_with_all_does_not(server: RunningServer, row: Row) -> None:
    for scopes in _COMBINATIONS:
        values = _made(server, row, TOKEN, PHONE_NUMBER_ID)

        response = _call(server, row, values, _text(scopes))

        assert (_code(response) == _NO_SCOPE) is not (row.scopes <= scopes), (sorted(scopes), response.text)


@pytest.mark.parametrize("row", [row for row in _ROWS if row.another], ids=str)
def test_a_foreign_object_looks_like_one_that_does_not_exist(server: RunningServer, row: Row) -> None:
    foreign = _made(server, row, "stranger", _FOREIGN)

    of_foreign, of_missing = _call(server, row, foreign, TOKEN), _call(server, row, _MISSING, TOKEN)

    error = of_foreign.json()["error"]
    assert (str(of_foreign.status_code), error["code"], error.get("error_subcode")) == (row.another, *_NO_OBJECT)
    assert _shape(of_foreign, foreign) == _shape(of_missing, _MISSING)


@pytest.mark.parametrize("row", _ROWS, ids=str)
def test_a_token_for_some_numbers_reaches_nothing_that_needs_all(server: RunningServer, row: Row) -> None:
    values = _made(server, row, TOKEN, PHONE_NUMBER_ID)

    refused = _code(_call(server, row, values, "limited")) == _NO_SCOPE

    assert refused is row.all_numbers.startswith("needed")


@pytest.mark.parametrize(
    "row", [row for row in _ROWS if row.another and not row.all_numbers and "token_id" not in row.template], ids=str
)
def test_a_number_that_the_token_is_not_for_looks_like_one_that_does_not_exist(server: RunningServer, row: Row) -> None:
    values = _made(server, row, TOKEN, PHONE_NUMBER_ID)

    of_other, of_missing = _call(server, row, values, "elsewhere"), _call(server, row, _MISSING, "elsewhere")

    assert _shape(of_other, values) == _shape(of_missing, _MISSING)
