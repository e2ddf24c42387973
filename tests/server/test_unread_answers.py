"""Answers that a client does not read: its connection ends in time, whichever way the server closes it.

A test cannot know how much of an answer the system stores. So every test opens a connection for each of many sizes;
some of them still have bytes in the server when it closes.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
from tests.running_server import RunningServer, running_server
from tests.server.open_connections import all_close, metric
from tests.server.pieces import wait_until_read
from tests.server.raw_http import Connection
from tests.waiting import settled

from wablock.settings import LimitSettings

SCRIPT: Final = b"GET /docs/reference.js HTTP/1.1\r\nHost: a\r\n\r\n"  # some 5 kB
LAST_SCRIPT: Final = SCRIPT.replace(b"Host", b"Connection: close\r\nHost")
DOCUMENT: Final = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"  # some 100 kB
SIZES: Final = range(1, 25)  # scripts
PATIENT: Final = LimitSettings(idle_timeout=1, head_timeout=60, body_timeout=60, shutdown_timeout=120)


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[RunningServer]:
    """A server that waits long for everything except a client that does not read."""
    with running_server(tmp_path, limits=PATIENT) as running:
        yield running


def _unreading(server: RunningServer) -> Connection:
    return Connection(server, receive_buffer=1, segment=536)


@contextmanager
def _clients(server: RunningServer, requests: Callable[[int], bytes]) -> Iterator[list[Connection]]:
    """Connections whose written answers stay unread, one for each of `SIZES`."""
    with ExitStack() as stack:
        clients = [stack.enter_context(_unreading(server)) for _ in SIZES]
        for size, client in zip(SIZES, clients, strict=True):
            client.send(requests(size))
        wait_until_read(server)  # now the answers are written
        yield clients


def _send(clients: list[Connection], data: bytes) -> None:
    for client in clients:
        with suppress(ConnectionError):  # those with the longest answers may have timed out already
            client.send(data)


def test_unread_answers_are_dropped_after_an_answer_that_closes(patient: RunningServer) -> None:
    with _clients(patient, lambda size: SCRIPT * (size - 1) + LAST_SCRIPT):
        assert all_close(patient)


def test_unread_answers_are_dropped_after_the_keep_alive_time(patient: RunningServer) -> None:
    with _clients(patient, lambda size: SCRIPT * size):
        assert all_close(patient)


def test_unread_answers_are_dropped_after_a_refusal(patient: RunningServer) -> None:
    with _clients(patient, lambda size: SCRIPT * size) as clients:
        _send(clients, b"\0")

        assert all_close(patient)


def test_unread_answers_are_dropped_after_a_head_that_came_too_slowly(impatient: RunningServer) -> None:
    with _clients(impatient, lambda size: SCRIPT * size) as clients:
        _send(clients, b"GET / HTTP/1.1\r\n")

        assert all_close(impatient)


def test_unread_answers_are_dropped_at_a_stop(tmp_path: Path) -> None:
    with ExitStack() as stack, running_server(tmp_path, limits=PATIENT) as server:
        clients = stack.enter_context(_clients(server, lambda size: SCRIPT * size))
        _send(clients, b"GET / HTTP/1.1\r\n")  # they are not idle, so only the stop closes them
        wait_until_read(server)
        # The end of the block fails unless the server stops long before its shutdown timeout is over.


def test_a_client_that_does_not_read_gets_no_further_answers(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, _unreading(server) as client:
        client.send(DOCUMENT * 99)

        assert 0 < settled(lambda: _answered_documents(server)) < 90


def _answered_documents(server: RunningServer) -> int:
    return int(metric(server, 'wablock_requests_total{code="",operation="/openapi.json"'))
