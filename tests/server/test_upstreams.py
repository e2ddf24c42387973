"""A number's upstream over the API: which addresses a tenant may name, and which fields are never shown."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.running_server import ACCOUNT_ID, RunningServer, running_server
from tests.server.test_webhooks import KEY

from wablock.access import AccessToken, Scope, digest

SENDER = AccessToken(digest("sends"), ACCOUNT_ID, "sender", frozenset([Scope.READ, Scope.WRITE, Scope.SEND]), None, 0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY, tokens=[SENDER]) as running:
        yield running


def ask(server: RunningServer, method: str, body: object = None, token: str | None = None) -> httpx2.Response:
    url = f"{server.url}/v1/numbers/{server.phone_number_id}/upstream"
    return httpx2.request(method, url, json=body, headers={"authorization": f"Bearer {token or server.token}"})


def test_an_upstream_that_was_set_is_shown_without_its_token(server: RunningServer) -> None:
    done = ask(server, "PUT", {"url": "https://8.8.8.8/wa", "token": "metas-token", "timeout": 3})
    response = ask(server, "GET")

    assert done.status_code == 200
    assert response.json() == done.json()
    assert (response.json()["url"], response.json()["timeout"]) == ("https://8.8.8.8/wa", 3.0)
    assert "metas-token" not in done.text + response.text


def test_the_last_upstream_set_is_the_numbers_only_one(server: RunningServer) -> None:
    ask(server, "PUT", {"url": "https://8.8.8.8", "token": "one"})
    ask(server, "PUT", {"url": "https://8.8.4.4", "token": "two"})

    assert ask(server, "GET").json()["url"] == "https://8.8.4.4"


def test_a_removed_upstream_is_gone(server: RunningServer) -> None:
    ask(server, "PUT", {"url": "https://8.8.8.8", "token": "t"})

    assert ask(server, "DELETE").json() == {"success": True}
    assert ask(server, "DELETE").status_code == 400
    assert ask(server, "GET").status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "https://8.8.8.8"},
        {"token": "with a space", "url": "https://8.8.8.8"},
        {"token": "t\r\nx: y", "url": "https://8.8.8.8"},
        {"token": "t", "url": "http://127.0.0.1"},
        {"token": "t", "url": "http://2852039166"},
        {"token": "t", "url": "http://[::ffff:10.0.0.1]"},
        {"token": "t", "url": "ftp://8.8.8.8"},
        {"token": "t", "url": "https://8.8.8.8", "timeout": 0},
        {"token": "t", "url": "https://8.8.8.8", "may_be_inside": True},
    ],
)
def test_an_invalid_upstream_is_refused(server: RunningServer, body: object) -> None:
    answer = ask(server, "PUT", body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert ask(server, "GET").status_code == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_upstream_is_a_managers_alone(server: RunningServer, method: str) -> None:
    answer = ask(server, method, {"url": "https://8.8.8.8", "token": "t"}, token="sends")

    assert answer.status_code == 403
