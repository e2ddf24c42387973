"""A client that does not read its answers: its connection ends after a timeout."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.running_server import RunningServer, running_server
from tests.server.open_connections import all_close
from tests.server.pieces import wait_until_read
from tests.server.raw_http import Answer, Connection

from wablock.settings import LimitSettings

DOCUMENT = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"
LAST_DOCUMENT = DOCUMENT.replace(b"Host", b"Connection: close\r\nHost")


@pytest.mark.parametrize(
    "requests",
    [DOCUMENT * 99, DOCUMENT * 98 + LAST_DOCUMENT, DOCUMENT * 3 + LAST_DOCUMENT, DOCUMENT * 3, DOCUMENT * 3 + b"\0"],
    ids=["many", "many and close", "few and close", "few", "few and garbage"],
)
def test_a_client_that_does_not_read_is_disconnected(impatient: RunningServer, requests: bytes) -> None:
    with Connection(impatient, receive_buffer=1) as connection:
        connection.send(requests)
        wait_until_read(impatient)

        assert all_close(impatient)


def test_a_client_that_reads_late_but_in_time_gets_everything(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, limits=LimitSettings(idle_timeout=2)) as server,
        Connection(server, receive_buffer=1) as connection,
    ):
        connection.send(DOCUMENT * 98 + LAST_DOCUMENT)
        time.sleep(0.5)  # the client is slow, but within the idle timeout

        assert len(list(_answers(connection))) == 99


def _answers(connection: Connection) -> Iterator[Answer]:
    with suppress(ConnectionError):
        while True:
            yield connection.answer()
