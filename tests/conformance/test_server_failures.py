"""Failures of the server: rate limits, storage, overload. No request is half done, and errors have a time to retry."""

import socket
from pathlib import Path

import apsw
import httpx2
import pytest
from tests.conformance.caller import Caller, calling, users_body
from tests.conformance.raw import read_answer
from tests.running_server import RunningServer, running_server

from wablock.settings import LimitSettings


def break_database(folder: Path) -> None:
    """Drop the tables."""
    connection = apsw.Connection(str(folder / "wablock.db"))
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    names = [name for (name,) in tables]
    connection.execute("PRAGMA foreign_keys=OFF")
    for name in names:
        connection.execute(f'DROP TABLE "{name}"')
    connection.close()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_storage_failure_gets_139103_and_is_transient(tmp_path: Path, method: str) -> None:
    with running_server(tmp_path) as server, calling(server) as caller:
        caller.block("+16505551234")
        break_database(tmp_path)

        answer = caller.send(method, None if method == "GET" else users_body(["+14155559876"]))

    error = answer.json()["error"]
    assert answer.status_code == 500
    assert (error["message"], error["type"]) == ("(#139103) Internal error", "OAuthException")
    assert (error["code"], error["is_transient"]) == (139103, True)


def test_a_token_with_too_many_requests_gets_4_and_a_retry_after(tmp_path: Path) -> None:
    limits = LimitSettings(requests_per_minute_per_token=3)
    with running_server(tmp_path, limits=limits, monotonic=lambda: 5.0) as server, calling(server) as caller:
        answers = [caller.get() for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 400]
    error = answers[3].json()["error"]
    assert (error["code"], error["message"]) == (4, "(#4) Application request limit reached")
    assert answers[3].headers["retry-after"] == "20"


def test_a_number_with_too_many_requests_gets_130429_and_a_retry_after(tmp_path: Path) -> None:
    limits = LimitSettings(requests_per_minute_per_number=6)
    with running_server(tmp_path, limits=limits, monotonic=lambda: 5.0) as server, calling(server) as caller:
        answers = [caller.get() for _ in range(7)]

    assert [answer.status_code for answer in answers] == [200] * 6 + [400]
    error = answers[6].json()["error"]
    assert (error["code"], error["message"], error["error_subcode"]) == (130429, "(#130429) Rate limit hit", 2494055)
    assert error["error_data"]["messaging_product"] == "whatsapp"
    assert answers[6].headers["retry-after"] == "10"


def test_a_connection_past_the_limit_gets_503_and_a_retry_after(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, limits=LimitSettings(max_connections=1)) as server,
        socket.create_connection((server.host, server.port), timeout=10) as busy,
    ):
        head = f"POST {server.block_users} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {server.token}\r\n"
        busy.sendall(f"{head}Content-Length: 9\r\nExpect: 100-continue\r\n\r\n".encode())
        assert read_answer(busy).status == 100
        with socket.create_connection((server.host, server.port), timeout=10) as another:
            answer = read_answer(another)

    assert (answer.status, answer.error["code"], answer.error["is_transient"]) == (503, 2, True)
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    "limits, data, status",
    [
        (LimitSettings(head_timeout=0.2), b"GET / HTTP/1.1\r\nHost: a", 408),
        (
            LimitSettings(body_timeout=0.2),
            b"POST /1/block_users HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nshort",
            408,
        ),
        (LimitSettings(max_head=2_000), b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 3_000 + b"\r\n\r\n", 431),
    ],
)
def test_a_slow_request_and_a_long_head_get_a_graph_error(
    tmp_path: Path, limits: LimitSettings, data: bytes, status: int
) -> None:
    with (
        running_server(tmp_path, limits=limits) as server,
        socket.create_connection((server.host, server.port), timeout=10) as connection,
    ):
        connection.sendall(data)
        answer = read_answer(connection)

    assert (answer.status, answer.error["code"], answer.headers["connection"]) == (status, 100, "close")


def test_the_server_continues_after_failures(server: RunningServer, caller: Caller) -> None:
    caller.send("POST", content=b"\xff" * 1_000)

    answer = httpx2.get(f"{server.url}/healthz")

    assert answer.json() == {"status": "ok"}
