"""How a server stops: it answers requests at work, closes idle connections, and ends within its time limit."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.cli.command import Server, started
from tests.http_request import refuses_connections
from tests.server.open_connections import open_connections
from tests.server.raw_http import Connection
from tests.server.waiting_upstream import MESSAGE, WaitingUpstream, waiting_upstream
from tests.waiting import wait_until

from wablock.settings import DEV_PHONE_NUMBER_ID, DEV_TOKEN

OK: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
HEADERS: Final = f"Host: localhost\r\nAuthorization: Bearer {DEV_TOKEN}\r\nContent-Type: application/json\r\n"
SENT: Final = (
    f"POST /v25.0/{DEV_PHONE_NUMBER_ID}/messages HTTP/1.1\r\n{HEADERS}Content-Length: {len(MESSAGE)}\r\n\r\n"
).encode() + MESSAGE
HALF: Final = (
    f"POST /v25.0/{DEV_PHONE_NUMBER_ID}/block_users HTTP/1.1\r\n{HEADERS}Content-Length: 90\r\n\r\n{{"
).encode()
HEALTH: Final = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
LONG: Final = ("--idle-timeout", "600", "--head-timeout", "600", "--body-timeout", "600")


@contextmanager
def _serving(
    tmp_path: Path, upstream: WaitingUpstream | None = None, shutdown_timeout: str = "600"
) -> Iterator[Server]:
    """A server with long timeouts, except for the one that a test is about."""
    upstream_flags = () if upstream is None else ("--upstream", upstream.url)
    flags = (*LONG, "--shutdown-timeout", shutdown_timeout, *upstream_flags)
    with started("dev", "--port", "0", *flags, TMPDIR=str(tmp_path)) as server:
        yield server


def _stop(server: Server, number: signal.Signals = signal.SIGTERM) -> None:
    """Return when the server has begun to stop."""
    server.signal(number)
    wait_until(lambda: refuses_connections(server), "the server listens on")
    time.sleep(0.5)  # a server that waits for nothing has ended by then


def _wait_for_connections(server: Server, number: int) -> None:
    wait_until(lambda: open_connections(server) >= number, "the server does not take the connections up")


def test_a_request_at_work_is_answered_with_close_at_a_stop(tmp_path: Path) -> None:
    with waiting_upstream(OK) as upstream, _serving(tmp_path, upstream) as server, Connection(server) as busy:
        busy.send(HEALTH)
        assert "connection" not in busy.answer().headers
        busy.send(SENT)
        upstream.wait_for_request()

        _stop(server)
        upstream.release()
        answer = busy.answer()

        assert (answer.status, answer.body) == (200, b"ok")
        assert answer.headers["connection"] == "close"
        assert busy.is_closed()
        assert server.ended() == 0


def test_a_request_whose_body_comes_during_a_stop_is_answered_with_close(tmp_path: Path) -> None:
    with _serving(tmp_path) as server, Connection(server) as busy:
        busy.send(HALF)
        _wait_for_connections(server, 1)

        _stop(server)
        busy.send(b" " * 88 + b"}")
        answer = busy.answer()

        assert answer.status == 400
        assert answer.headers["connection"] == "close"
        assert busy.is_closed()
        assert server.ended() == 0


def test_an_answer_that_streams_during_a_stop_arrives_whole_and_then_its_connection_closes(tmp_path: Path) -> None:
    first = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"
    with (
        waiting_upstream(b"whole", first=first) as upstream,
        _serving(tmp_path, upstream) as server,
        Connection(server) as busy,
    ):
        busy.send(SENT)
        upstream.wait_for_request()
        _wait_for_connections(server, 1)

        _stop(server)
        upstream.release()

        assert busy.answer().body == b"halfwhole"
        assert busy.is_closed()
        assert server.ended() == 0


def test_connections_that_only_wait_are_closed_while_a_request_is_at_work(tmp_path: Path) -> None:
    with (
        waiting_upstream(OK) as upstream,
        _serving(tmp_path, upstream) as server,
        Connection(server) as silent,
        Connection(server) as idle,
        Connection(server) as busy,
    ):
        idle.send(HEALTH)
        assert idle.answer().status == 200
        busy.send(SENT)
        upstream.wait_for_request()
        _wait_for_connections(server, 3)

        _stop(server)

        assert idle.is_closed()
        assert silent.is_closed()
        upstream.release()
        assert busy.answer().body == b"ok"
        assert server.ended() == 0


def test_a_request_that_never_ends_is_given_up_after_the_shutdown_time(tmp_path: Path) -> None:
    with _serving(tmp_path, shutdown_timeout="0.5") as server, Connection(server) as busy:
        busy.send(HALF)
        _wait_for_connections(server, 1)

        server.signal(signal.SIGTERM)

        assert server.ended() == 0


def test_a_second_interrupt_ends_a_server_at_once(tmp_path: Path) -> None:
    with _serving(tmp_path) as server, Connection(server) as busy:
        busy.send(HALF)
        _wait_for_connections(server, 1)

        _stop(server, signal.SIGINT)
        server.signal(signal.SIGINT)

        assert server.ended() == 0
