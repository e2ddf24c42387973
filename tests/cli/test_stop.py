"""How a server stops: it finishes requests in flight, and logs no errors."""

import signal
from pathlib import Path

import httpx2
import pytest
from tests.cli.command import Server, started
from tests.end_to_end.deployment import BLOCK_USERS, Deployment
from tests.end_to_end.graph import blocked
from tests.http_request import all_received, connected, refuses_connections
from tests.waiting import wait_until

NO_NUMBERS = "There are no numbers yet in sqlite:///{}/wablock.db: wablock number add\n"
BODY = b'{"messaging_product":"whatsapp","block_users":[{"user":"+16505550101"}]}'


def _head(deployment: Deployment) -> bytes:
    return (
        f"POST {BLOCK_USERS} HTTP/1.1\r\nHost: wablock.test\r\nAuthorization: Bearer {deployment.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("command", ["dev", "serve"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_server_with_status_0_and_without_errors(
    tmp_path: Path, command: str, number: signal.Signals
) -> None:
    with started(command, "--port", "0", WABLOCK_DATABASE=f"sqlite:///{tmp_path}/wablock.db") as server:
        server.signal(number)

        assert server.ended() == 0
        assert server.log in ("", NO_NUMBERS.format(tmp_path))


def test_a_signal_closes_idle_connections(tmp_path: Path) -> None:
    with Deployment(tmp_path).server() as server, connected(server) as silent:
        _wait_until_it_is_counted(server)

        server.signal(signal.SIGTERM)

        assert all_received(silent) == b""
        assert server.ended() == 0


def test_a_request_in_flight_is_finished_while_new_connections_are_refused(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    with deployment.server() as server, connected(server) as in_flight:
        in_flight.sendall(_head(deployment) + BODY[:20])
        _wait_until_it_is_counted(server)

        server.signal(signal.SIGTERM)
        wait_until(lambda: refuses_connections(server), "the server listens on")
        in_flight.sendall(BODY[20:])
        answer = all_received(in_flight)

        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b'"wa_id":"16505550101"' in answer
        assert server.ended() == 0

    with deployment.server() as server, httpx2.Client(base_url=server.url, headers=deployment.headers) as client:
        assert blocked(client) == ["16505550101"]


def test_a_request_that_never_ends_does_not_delay_a_stop_forever(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    with deployment.server("--shutdown-timeout", "0.5") as server, connected(server) as in_flight:
        in_flight.sendall(_head(deployment))
        _wait_until_it_is_counted(server)

        server.signal(signal.SIGTERM)

        assert server.ended() == 0


def _wait_until_it_is_counted(server: Server) -> None:
    """Return when the server has accepted the connection in flight and the one that reads the metric."""
    wait_until(
        lambda: "wablock_connections 2.0" in httpx2.get(f"{server.url}/metrics").text,
        "the server does not take the connection up",
    )
