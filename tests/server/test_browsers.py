"""A page in a browser may read answers with a token of its own; a cookie is not a token."""

from collections.abc import Iterator

import httpx2
import pytest
from tests.running_server import RunningServer

PAGE = {"Origin": "https://page.test"}


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, headers=PAGE) as made:
        yield made


@pytest.mark.parametrize("name", ["access_token", "token", "Authorization", "session"])
def test_a_cookie_is_no_token(server: RunningServer, client: httpx2.Client, name: str) -> None:
    answers = [
        client.request(method, path, headers={"Cookie": f"{name}={server.token}"})
        for method, path in (("GET", server.block_users), ("POST", server.block_users), ("GET", "/v1/tokens"))
    ]

    assert [answer.json()["error"]["code"] for answer in answers] == [104] * 3


def test_no_answer_sets_a_cookie(server: RunningServer, client: httpx2.Client) -> None:
    for path in (server.block_users, "/healthz", "/v1/tokens", "/openapi.json", "/nothing"):
        assert "set-cookie" not in client.get(path).headers


def test_answers_and_failures_may_be_read_by_any_page(server: RunningServer, client: httpx2.Client) -> None:
    good = client.get(server.block_users, headers={"Authorization": f"Bearer {server.token}"})
    bad = client.get(server.block_users)

    assert [answer.headers["access-control-allow-origin"] for answer in (good, bad)] == ["*", "*"]


def test_no_answer_lets_a_page_use_the_browsers_credentials(server: RunningServer, client: httpx2.Client) -> None:
    for method in ("GET", "OPTIONS"):
        assert "access-control-allow-credentials" not in client.request(method, server.block_users).headers


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_preflight_allows_every_operation_with_a_token(
    server: RunningServer, client: httpx2.Client, method: str
) -> None:
    headers = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,content-type"}

    answer = client.options(server.block_users, headers=headers)

    assert answer.status_code == 200
    assert method in answer.headers["access-control-allow-methods"]
    assert {"Authorization", "Content-Type"} <= set(answer.headers["access-control-allow-headers"].split(", "))
