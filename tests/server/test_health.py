"""`/healthz`, `/readyz` and `/metrics`: the requests of a platform, without a token."""

import re
from contextlib import closing
from pathlib import Path

import apsw
import httpx2
import pytest
from tests.running_server import RunningServer, running_server
from tests.server.raw_http import Connection, block, request

from wablock.settings import LimitSettings

PATHS = ["/healthz", "/readyz", "/metrics"]


@pytest.mark.parametrize("path", PATHS)
def test_health_needs_no_token(server: RunningServer, path: str) -> None:
    assert httpx2.get(server.url + path).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_head_request_for_health_is_answered(server: RunningServer, path: str) -> None:
    answer = httpx2.head(server.url + path)

    assert answer.status_code == 200
    assert answer.content == b""


@pytest.mark.parametrize("path", PATHS)
def test_health_cannot_be_written_to(server: RunningServer, path: str) -> None:
    answer = httpx2.post(server.url + path)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Unsupported request - method type: post"


def test_a_server_whose_database_cannot_be_written_is_alive_and_not_ready(
    server: RunningServer, tmp_path: Path
) -> None:
    with closing(apsw.Connection(str(tmp_path / "wablock.db"))) as other:
        other.set_busy_timeout(10_000)  # the server may be writing just now
        other.execute("BEGIN IMMEDIATE")

        alive, ready = (httpx2.get(server.url + path, timeout=60) for path in ("/healthz", "/readyz"))

    assert alive.status_code == 200
    assert ready.status_code == 503
    assert ready.json()["error"]["is_transient"] is True
    assert httpx2.get(f"{server.url}/readyz").status_code == 200


def test_metrics_count_answers_by_operation_status_and_code(server: RunningServer) -> None:
    httpx2.get(server.url + server.block_users)

    text = httpx2.get(f"{server.url}/metrics").text

    assert 'wablock_requests_total{code="104",operation="block_users",status="400"} 1.0' in text
    assert 'wablock_request_seconds_count{operation="block_users"} 1.0' in text


@pytest.mark.parametrize(
    "method,path,operation,status,code",
    [
        ("GET", "/nowhere", "unknown", 400, 2500),
        ("GET", "/v1/tokens", "/v1/tokens", 400, 104),
        ("PATCH", "/v1/tokens", "/v1/tokens", 400, 100),
    ],
)
def test_failures_of_every_path_are_counted_by_their_code(
    server: RunningServer, method: str, path: str, operation: str, status: int, code: int
) -> None:
    httpx2.request(method, server.url + path)

    text = httpx2.get(f"{server.url}/metrics").text

    assert f'wablock_requests_total{{code="{code}",operation="{operation}",status="{status}"}} 1.0' in text


@pytest.mark.parametrize(
    "data,status",
    [(b"\0", 400), (b"GET / HT", 408), (b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431)],
    ids=["no HTTP", "slow", "large"],
)
def test_bytes_refused_before_they_are_a_request_are_counted(
    impatient: RunningServer, data: bytes, status: int
) -> None:
    with Connection(impatient) as connection:
        connection.send(data)
        assert connection.answer().status == status

    text = httpx2.get(f"{impatient.url}/metrics").text

    assert f'wablock_requests_total{{code="100",operation="connection",status="{status}"}} 1.0' in text


def test_a_connection_past_the_limit_is_counted(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, limits=LimitSettings(max_connections=1)) as server,
        Connection(server) as busy,
        httpx2.Client(base_url=server.url) as client,
    ):
        whole = request(server, "POST", server.block_users, block("16505550101"), "Expect: 100-continue")
        head, body = whole.split(b"\r\n\r\n")
        busy.send(head + b"\r\n\r\n")
        assert busy.answer().status == 100
        with Connection(server) as connection:
            assert connection.answer().status == 503
        busy.send(body)
        assert busy.answer().status == 200
        text = client.get("/metrics").text

    assert 'wablock_requests_total{code="2",operation="connection",status="503"} 1.0' in text
    assert 'wablock_shed_total{what="connection"} 1.0' in text


def test_metrics_come_in_prometheus_format(server: RunningServer) -> None:
    answer = httpx2.get(f"{server.url}/metrics")

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert re.search(r"^# TYPE wablock_requests_total counter$", answer.text, re.MULTILINE)


def test_no_metric_shows_a_number_a_token_or_a_path_that_a_caller_chose(server: RunningServer) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    with httpx2.Client(base_url=server.url, headers=headers) as client:
        client.post(
            server.block_users, json={"messaging_product": "whatsapp", "block_users": [{"user": "+16505550101"}]}
        )
        client.get("/v25.0/16505550101/block_users")
        client.get("/16505550101/16505550101")
        client.put("/v1/numbers/16505550101/last_inbound", json={"users": ["16505550101"]})
        client.delete("/v1/tokens/16505550101")
        client.request("BREW", "/healthz")

        text = client.get("/metrics").text

    assert "16505550101" not in text
    assert server.phone_number_id not in text
    assert server.token not in text
    assert "BREW" not in text


def test_a_connection_is_counted_while_it_is_open(server: RunningServer) -> None:
    with httpx2.Client(base_url=server.url) as client:
        assert "wablock_connections 1.0" in client.get("/metrics").text
