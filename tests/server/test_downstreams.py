"""A number's downstreams over the API: which addresses a tenant may name, and which fields are never shown."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from tests.running_server import RunningServer, running_server
from tests.server.test_webhooks import KEY


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY) as running:
        yield running


def ask(server: RunningServer, method: str, more: str = "", body: object = None) -> httpx2.Response:
    url = f"{server.url}/v1/numbers/{server.phone_number_id}/downstreams{more}"
    return httpx2.request(method, url, json=body, headers={"authorization": f"Bearer {server.token}"})


def test_an_added_downstream_is_listed_without_its_secrets(server: RunningServer) -> None:
    new = {"url": "https://8.8.8.8/hook", "secret": "its own", "headers": {"X-Tenant": "seven"}, "timeout": 3}

    added = ask(server, "POST", body=new)
    listed = ask(server, "GET")

    assert added.status_code == 201
    assert listed.json()["data"] == [added.json()]
    assert added.json()["has_secret"] is True
    assert "its own" not in added.text + listed.text
    assert "seven" not in added.text + listed.text


def test_a_removed_downstream_is_gone(server: RunningServer) -> None:
    downstream_id = ask(server, "POST", body={"url": "https://8.8.8.8/"}).json()["downstream_id"]

    assert ask(server, "DELETE", f"/{downstream_id}").json() == {"success": True}
    assert ask(server, "DELETE", f"/{downstream_id}").status_code == 400
    assert ask(server, "GET").json() == {"data": []}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "255.255.255.255",
        "localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
    ],
)
def test_an_address_inside_is_refused(server: RunningServer, host: str) -> None:
    answer = ask(server, "POST", body={"url": f"http://{host}:8080/"})

    assert answer.status_code == 400
    assert ask(server, "GET").json() == {"data": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "ftp://8.8.8.8/"},
        {"url": "https://8.8.8.8/", "timeout": 0},
        {"url": "https://8.8.8.8/", "headers": {"Host": "x"}},
        {"url": "https://8.8.8.8/", "headers": {"X": "a\r\nb"}},
        {"url": "https://8.8.8.8/", "may_be_inside": True},
    ],
)
def test_an_invalid_downstream_is_refused(server: RunningServer, body: object) -> None:
    assert ask(server, "POST", body=body).status_code == 400


def test_drops_ask_for_a_number_as_their_place(server: RunningServer) -> None:
    url = f"{server.url}/v1/numbers/{server.phone_number_id}/drops?after=x"

    assert httpx2.get(url, headers={"authorization": f"Bearer {server.token}"}).status_code == 400


def test_a_number_may_have_twenty_receivers(server: RunningServer) -> None:
    def add(number: int) -> int:
        return ask(server, "POST", body={"url": f"https://8.8.8.8/{number}"}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(add, range(24)))

    assert sorted(statuses) == [201] * 20 + [400] * 4


@pytest.mark.parametrize(
    "headers",
    [{f"X-{number}": "1" for number in range(21)}, {"X-" + "a" * 100: "1"}, {"X-Long": "a" * 4_097}],
    ids=["many", "a long name", "a long value"],
)
def test_headers_are_bounded(server: RunningServer, headers: dict[str, str]) -> None:
    assert ask(server, "POST", body={"url": "https://8.8.8.8/", "headers": headers}).status_code == 400
