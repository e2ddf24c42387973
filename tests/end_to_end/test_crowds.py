"""Crowds of idle, slow or unfinished connections: they take limited memory, and other clients are answered."""

import json
import time
from collections.abc import Iterator
from typing import Final

import httpx2
import pytest
from tests.cli.command import run
from tests.end_to_end.crowd import (
    MB,
    WEBHOOK,
    crowd,
    drip,
    is_open,
    many_files,
    most_resident,
    needs_proc,
    open_connections,
    pour,
    resident,
    visit,
)
from tests.end_to_end.deployment import BLOCK_USERS, PHONE_NUMBER_ID
from tests.end_to_end.gate import GateDeployment
from tests.end_to_end.large_upstream import large_upstream
from tests.receiver import receiving
from tests.server.test_webhooks import KEY
from tests.waiting import comes_true

IDLE: Final = 10_000
SLOW: Final = 1_000
UPSTREAM_READERS: Final = 40  # fewer than the connections that an account may have to its upstream
UNREAD: Final = 8.4 * MB  # the part of an upstream's answer that one step of the event loop may read from a socket

pytestmark = needs_proc

MESSAGES: Final = f"/v25.0/{PHONE_NUMBER_ID}/messages"

_ALL_CLOSED_WITHIN: Final = 90  # seconds
_OK: Final = [200, 200, 200]
_HEALTH: Final = b"GET /healthz HTTP/1.1\r\nHost: wablock.test\r\n\r\n"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateDeployment]:
    with receiving() as receiver:
        yield GateDeployment(tmp_path_factory.mktemp("crowds"), receiver.url, timeout=30)


def _request(token: str, method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: wablock.test\r\nAuthorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


def test_ten_thousand_idle_connections_take_little_memory_and_others_are_answered(deployment: GateDeployment) -> None:
    options = ("--max-connections", "12000", "--idle-timeout", "600")
    with many_files(IDLE), deployment.server(*options) as server, crowd(server, IDLE) as idle:
        for connection in idle[::2]:  # the others never send anything
            connection.sendall(_HEALTH)
        for connection in idle[::2]:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")

        statuses = [visit(server, deployment, number) for number in range(20)]

        assert statuses == [_OK] * 20
        assert open_connections(server) == IDLE + 1
        assert resident(server) < 200 * MB


def test_slow_readers_and_slow_writers_take_a_bounded_memory_and_are_closed_in_time(
    deployment: GateDeployment,
) -> None:
    options = ("--max-connections", "4000", "--head-timeout", "15", "--body-timeout", "15", "--idle-timeout", "15")
    with large_upstream() as upstream, many_files(2 * SLOW), deployment.server(*options) as server:
        sender = _use_upstream(deployment, upstream.url)
        _fill_a_page(server.url, deployment)
        page = _request(deployment.token, "GET", f"{BLOCK_USERS}?limit=1000")
        message = _request(sender, "POST", MESSAGES, b'{"messaging_product":"whatsapp","to":"+16505550198"}')
        unfinished_body = _request(deployment.token, "POST", BLOCK_USERS, b" " * 1_000_000)[:-1_000_000]
        before = resident(server)

        with crowd(server, SLOW, receive_buffer=4_096) as readers, crowd(server, SLOW) as writers:
            assert open_connections(server) == 2 * SLOW + 1
            drip(readers[:UPSTREAM_READERS], message)
            drip(readers[UPSTREAM_READERS:], page * 2)
            heads = drip(writers[: SLOW // 2], b"GET / HTTP/1.1\r\n")
            bodies = drip(writers[SLOW // 2 :], unfinished_body)
            assert comes_true(lambda: upstream.requests == UPSTREAM_READERS)
            statuses: list[list[int]] = []
            end = time.monotonic() + _ALL_CLOSED_WITHIN
            while (heads or bodies) and time.monotonic() < end:
                heads, bodies = drip(heads, b"X: y\r\n"), drip(bodies, b" ")
                statuses.append(visit(server, deployment, len(statuses)))
                time.sleep(0.2)  # the clients are slow

            assert comes_true(lambda: open_connections(server) == 1, _ALL_CLOSED_WITHIN)
            assert statuses == [_OK] * len(statuses)
            assert not any(is_open(connection) for connection in readers + writers)
            assert most_resident(server) - before < 64 * MB + UPSTREAM_READERS * UNREAD
        assert server.stop() == 0
        assert "Traceback" not in server.log


def _use_upstream(deployment: GateDeployment, url: str) -> str:
    """Set the upstream; return a token that may send through it."""
    key = {"WABLOCK_SECRET_KEY": KEY.secret_key or "", "WABLOCK_DATABASE": deployment.database}
    done = run("upstream", "set", PHONE_NUMBER_ID, "--url", url, WABLOCK_UPSTREAM_TOKEN="upstream-token", **key)
    assert done.returncode == 0, done.stderr
    time.sleep(1.5)  # running servers are real processes; they use it within a second
    created = run("token", "create", "--scope", "send", "--json", WABLOCK_DATABASE=deployment.database)
    assert created.returncode == 0, created.stderr
    token: str = json.loads(created.stdout)["token"]
    return token


def _fill_a_page(url: str, deployment: GateDeployment) -> None:
    users = [{"user_id": f"US.{13491208655302740000 + number}"} for number in range(1_000)]
    blocking = {"messaging_product": "whatsapp", "block_users": users}
    answer = httpx2.post(url + BLOCK_USERS, json=blocking, headers=deployment.headers, timeout=60)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["block_users"]["added_users"]) == 1_000


@pytest.mark.parametrize(
    "head, size, count",
    [
        (f"POST {WEBHOOK} HTTP/1.1\r\nX-Hub-Signature-256: sha256={'0a' * 32}\r\n", 3 * 1_048_576, 200),
        (f"POST {BLOCK_USERS} HTTP/1.1\r\n", 1_048_576, 300),
    ],
    ids=["webhooks", "bodies without a token"],
)
def test_unfinished_bodies_of_strangers_take_little_memory(
    deployment: GateDeployment, head: str, size: int, count: int
) -> None:
    kind = "application/json" if WEBHOOK in head else "application/x-www-form-urlencoded"
    whole = f"{head}Host: wablock.test\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n".encode() + b" " * size
    with deployment.server("--body-timeout", "300") as server:
        assert visit(server, deployment) == _OK
        before = resident(server)

        with crowd(server, count) as strangers:
            pour(strangers, whole[:-1])
            statuses = [visit(server, deployment, number) for number in range(2, 5)]
            grown = most_resident(server) - before

        assert statuses == [_OK] * 3
        assert grown < 64 * MB
