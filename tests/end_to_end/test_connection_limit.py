"""At the limit of connections the longest idle one is closed; one that waits for its answer never is."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPResponse
from typing import Final

import apsw
import msgspec
import pytest
from tests.cli.command import Server
from tests.end_to_end.crowd import WEBHOOK, crowd, is_open, open_connections
from tests.end_to_end.deployment import BLOCK_USERS
from tests.end_to_end.gate import GateDeployment
from tests.end_to_end.graph import body
from tests.end_to_end.waiting_receiver import WaitingReceiver, waiting_receiver
from tests.server.test_webhooks import message, signed, webhook
from tests.waiting import comes_true, wait_until

LIMIT: Final = 8
WAITING: Final = LIMIT // 2  # webhooks of one account that may wait for its receivers

_GET: Final = b"GET /healthz HTTP/1.1\r\nHost: wablock.test\r\n\r\n"
_OPTIONS: Final = ("--max-connections", str(LIMIT), "--idle-timeout", "600")


class Place(msgspec.Struct, frozen=True):
    """A deployment and its receiver, for all tests here: each has a server of its own."""

    deployment: GateDeployment
    receiver: WaitingReceiver


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with waiting_receiver() as receiver:
        yield Place(GateDeployment(tmp_path_factory.mktemp("limit"), receiver.url, timeout=60), receiver)


@pytest.fixture
def receiver(place: Place) -> WaitingReceiver:
    place.receiver.hold()
    return place.receiver


@pytest.fixture
def server(place: Place) -> Iterator[Server]:
    with place.deployment.server(*_OPTIONS) as running:
        yield running


def _status(connection: socket.socket) -> int:
    """Read the next answer whole; return its status."""
    connection.setblocking(True)
    connection.settimeout(60)
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def _get(connection: socket.socket) -> int:
    connection.setblocking(True)
    connection.sendall(_GET)
    return _status(connection)


def _deliver(connection: socket.socket, number: int) -> None:
    """Send a webhook; it is answered when the receiver is released."""
    payload = webhook(message("16505550198", f"wamid.{number}"))
    head = f"POST {WEBHOOK} HTTP/1.1\r\nHost: wablock.test\r\nX-Hub-Signature-256: {signed(payload)}\r\n"
    connection.sendall(f"{head}Content-Length: {len(payload)}\r\n\r\n".encode() + payload)


def _deliver_over(connections: list[socket.socket], receiver: WaitingReceiver) -> None:
    """Return when all of these connections are at work."""
    before = receiver.arrived
    for number, connection in enumerate(connections):
        _deliver(connection, before + number)
    assert comes_true(lambda: receiver.arrived == before + len(connections))


@contextmanager
def _newcomer(server: Server) -> Iterator[socket.socket]:
    with crowd(server, 1) as (connection,):
        yield connection


def test_the_longest_idle_connection_makes_room_for_a_new_one(server: Server) -> None:
    with crowd(server, LIMIT) as idle:
        assert [_get(connection) for connection in idle] == [200] * LIMIT
        assert _get(idle[0]) == 200  # now the second connection is idle for the longest time

        with _newcomer(server) as newcomer:
            assert _get(newcomer) == 200
            assert comes_true(lambda: not is_open(idle[1]))

            assert [is_open(connection) for connection in idle] == [True, False] + [True] * (LIMIT - 2)


def test_idle_connections_make_room_in_the_order_of_their_last_answers(server: Server) -> None:
    with crowd(server, LIMIT) as idle:
        assert [_get(connection) for connection in reversed(idle)] == [200] * LIMIT

        with crowd(server, 3) as newcomers:
            assert [_get(connection) for connection in newcomers] == [200] * 3
            assert comes_true(lambda: not any(map(is_open, idle[-3:])))

            assert [_get(connection) for connection in idle[:-3]] == [200] * (LIMIT - 3)


def test_a_connection_that_never_sent_anything_makes_room(server: Server) -> None:
    with crowd(server, 1) as (silent,):
        wait_until(lambda: open_connections(server) == 2, "the server does not take it")
        with crowd(server, LIMIT - 1) as others, _newcomer(server) as newcomer:
            assert _get(newcomer) == 200
            assert comes_true(lambda: not is_open(silent))

            assert [_get(connection) for connection in others] == [200] * (LIMIT - 1)


def test_connections_at_work_stay_while_others_make_room(server: Server, receiver: WaitingReceiver) -> None:
    with crowd(server, LIMIT) as connections:
        at_work, idle = connections[:WAITING], connections[WAITING:]
        _deliver_over(at_work, receiver)
        assert [_get(connection) for connection in idle] == [200] * len(idle)

        for _ in range(2 * LIMIT):
            with _newcomer(server) as newcomer:
                assert _get(newcomer) == 200

        receiver.release()
        assert [_status(connection) for connection in at_work] == [200] * WAITING


def test_a_new_connection_is_refused_while_all_others_are_at_work(server: Server, place: Place) -> None:
    post = _post(place.deployment, "16505550101")
    with crowd(server, LIMIT) as at_work:
        with _locked_database(place.deployment):
            for connection in at_work:
                connection.sendall(post)
            time.sleep(
                1
            )  # the server has read them by then; no metric can be read, because another connection would be refused

            with crowd(server, 3) as newcomers:
                assert [_status(connection) for connection in newcomers] == [503] * 3
                assert comes_true(lambda: not any(map(is_open, newcomers)))

        assert [_status(connection) for connection in at_work] == [200] * LIMIT


def test_connections_that_were_at_work_make_room_once_they_are_idle(server: Server, receiver: WaitingReceiver) -> None:
    with crowd(server, LIMIT) as connections:
        was_at_work, idle = connections[:WAITING], connections[WAITING:]
        _deliver_over(was_at_work, receiver)
        receiver.release()
        assert [_status(connection) for connection in was_at_work] == [200] * WAITING
        assert [_get(connection) for connection in idle] == [200] * len(idle)

        with crowd(server, WAITING) as newcomers:
            assert [_get(connection) for connection in newcomers] == [200] * WAITING
            assert comes_true(lambda: not any(map(is_open, was_at_work)))

            assert [_get(connection) for connection in idle] == [200] * len(idle)


def _post(deployment: GateDeployment, user: str) -> bytes:
    payload = json.dumps(body([user])).encode()
    head = f"POST {BLOCK_USERS} HTTP/1.1\r\nHost: wablock.test\r\nAuthorization: Bearer {deployment.token}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n".encode() + payload


@contextmanager
def _locked_database(deployment: GateDeployment) -> Iterator[None]:
    """Another program locks the database: changes wait until the block ends."""
    with closing(apsw.Connection(str(deployment.file))) as other:
        other.set_busy_timeout(30_000)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_many_connections_one_after_another_are_all_served(server: Server) -> None:
    with crowd(server, 20 * LIMIT) as connections:
        for connection in connections[-LIMIT:]:
            assert _get(connection) == 200
        assert comes_true(lambda: not any(map(is_open, connections[:-LIMIT])))
