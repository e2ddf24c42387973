"""Malformed requests, and how nginx answers them.

If two programs read the same bytes as different requests, a caller can get a request past one of them. So wablock
refuses bytes that RFC 9112 forbids, closes the connection, and handles no request in the bytes behind them.
"""

import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from tests.missing import installed
from tests.nginx import free_port, running_nginx
from tests.running_server import RunningServer, running_server
from tests.server import malformed_heads, malformed_lengths, odd_requests
from tests.server.pieces import bytewise, send, whole
from tests.server.raw_http import Answer, Connection, block, request
from tests.server.request_rows import (
    BEHIND,
    BODY,
    FIRST,
    KEPT,
    SECOND,
    TARGET,
    Row,
    chunk,
    chunked,
    get,
    get_at,
)

MALFORMED: Final = (
    *malformed_heads.REQUEST_LINES,
    *malformed_heads.TARGETS,
    *malformed_heads.HOSTS,
    *malformed_heads.LINES,
    *malformed_lengths.LENGTHS,
    *malformed_lengths.CODINGS,
    *malformed_lengths.CHUNKS,
)
ODD: Final = (*odd_requests.HEADS, *odd_requests.BODIES, *odd_requests.UNWANTED_BODIES)
LAST: Final = get(b"Connection: close")

_RECORDED: Final = "nginx/1.22."
_STATUS: Final = re.compile(rb"HTTP/1\.1 ([2-5]\d\d) ")

malformed = pytest.mark.parametrize("row", MALFORMED, ids=lambda row: row.name)
odd = pytest.mark.parametrize("row", ODD, ids=lambda row: row.name)
in_pieces = pytest.mark.parametrize("cut", [whole, bytewise])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all tests of this module."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def server(shared: RunningServer) -> RunningServer:
    """A server that has blocked `KEPT` alone."""
    for method, users in (("DELETE", (FIRST, SECOND)), ("POST", (KEPT,))):
        with Connection(shared) as connection:
            connection.send(request(shared, method, shared.block_users, block(*users)))
            assert connection.answer().status in {200, 400}  # 400: none of them is blocked
    assert blocked(shared) == {KEPT}
    return shared


@in_pieces
@malformed
def test_a_malformed_request_is_refused_and_no_request_behind_it_is_handled(
    server: RunningServer, row: Row, cut: Callable[[bytes], Iterator[bytes]]
) -> None:
    with Connection(server) as connection:
        with suppress(ConnectionError):  # it need not read the bytes behind
            send(connection, cut(row.sent + BEHIND))

        answer = connection.answer()

        assert answer.status in row.wablock
        assert is_refusal(answer)
        assert connection.is_closed()
    assert blocked(server) == {KEPT}


@in_pieces
@odd
def test_an_odd_request_and_the_one_behind_it_are_answered(
    server: RunningServer, row: Row, cut: Callable[[bytes], Iterator[bytes]]
) -> None:
    with Connection(server) as connection:
        with suppress(ConnectionError):  # if the odd request is the last
            send(connection, cut(row.sent + LAST))

        answers = [connection.final_answer() for _ in row.wablock]

        assert tuple(answer.status for answer in answers) == row.wablock
        assert connection.is_closed()
    takes_body = row in odd_requests.BODIES and row.wablock[0] == 200
    assert blocked(server) == ({KEPT, FIRST} if takes_body else {KEPT})


def test_a_trailer_that_closes_leaves_no_request_without_an_answer(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(chunked(chunk(BODY), b"0\r\nConnection: close\r\n\r\n") + LAST)
        assert connection.answer().status == 200

        with suppress(ConnectionError):  # closed: so the client knows
            assert connection.answer().status in {200, 400}


def test_an_absolute_target_overrides_host(server: RunningServer) -> None:
    with Connection(server) as connection:
        connection.send(request(server, "POST", server.block_users, block(FIRST)))
        assert connection.answer().status == 200
        page = get_at(b"http://wablock.test" + TARGET + b"?limit=1")
        connection.send(page.replace(b"Host: wablock.test", b"Host: other.test"))

        answer = connection.answer()

        assert answer.status == 400 or answer.json["paging"]["next"].startswith("http://wablock.test/")


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an nginx in front of another nginx, which answers 200 to everything."""
    folder = tmp_path_factory.mktemp("nginx")
    with nginx_twice(folder) as port:
        yield port


@malformed
def test_nginx_answers_a_malformed_request_as_recorded(nginx: int, row: Row) -> None:
    statuses = statuses_of_nginx(nginx, row)

    if is_recorded_nginx():
        assert statuses == row.nginx
    else:  # a later version refuses more
        assert statuses == row.nginx or len(statuses) <= 1


@odd
def test_nginx_answers_an_odd_request_as_recorded(nginx: int, row: Row) -> None:
    statuses = statuses_of_nginx(nginx, row)

    if is_recorded_nginx():
        assert statuses == row.nginx
    else:
        assert statuses in {row.nginx, (200, 200)}


def is_refusal(answer: Answer) -> bool:
    """Whether it is a complete Graph error, and the last answer."""
    members = {"type", "code", "message", "fbtrace_id"} <= answer.error.keys()
    ids = answer.headers["x-fb-request-id"] == answer.error["fbtrace_id"].lower()
    kind = answer.headers["content-type"] == "application/json"
    return members and ids and kind and answer.headers["connection"] == "close"


def blocked(server: RunningServer) -> set[str]:
    with Connection(server) as connection:
        connection.send(request(server, "GET", server.block_users))
        return {user["wa_id"] for user in connection.answer().json["data"]}


@contextmanager
def nginx_twice(folder: Path) -> Iterator[int]:
    """The port of an nginx that forwards to another, which answers 200."""
    front, behind = free_port(), free_port()
    http = f"""
client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s; lingering_time 1s; lingering_timeout 1s;
server {{ listen 127.0.0.1:{front}; location / {{ proxy_pass http://127.0.0.1:{behind}; }} }}
server {{ listen 127.0.0.1:{behind}; location / {{ return 200; }} }}
"""
    with running_nginx(folder, front, http):
        yield front


def statuses_of_nginx(port: int, row: Row) -> tuple[int, ...]:
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection, suppress(ConnectionError):
        connection.sendall(row.sent + LAST)
        while piece := connection.recv(65_536):
            received += piece
    return tuple(int(status) for status in _STATUS.findall(received))


@cache
def is_recorded_nginx() -> bool:
    process = subprocess.run([installed("nginx"), "-v"], check=True, capture_output=True, text=True)
    return _RECORDED in process.stderr
