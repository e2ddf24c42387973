"""A sender without end does not fill a server's memory."""

import re
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.cli.command import Server, started
from tests.http_request import connected

from wablock.settings import DEV_TOKEN

SENT = 20_000_000  # bytes
MAY_TAKE = 12_000_000

POST = (
    b"POST /v25.0/106540352242922/block_users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
    % DEV_TOKEN.encode()
)


def _repeated(piece: bytes) -> Iterator[bytes]:
    several = piece * (100_000 // len(piece) + 1)
    for _ in range(SENT // len(several)):
        yield several


SENDERS = {
    "headers": (b"GET / HTTP/1.1\r\n", b"X-Name: " + b"v" * 500 + b"\r\n"),
    "one header": (b"GET / HTTP/1.1\r\nX-Name: ", b"v" * 1_000),
    "address": (b"GET /", b"a" * 1_000),
    "body": (POST + b"Content-Length: 1000000\r\n\r\n", b" " * 1_000),
    "body that is too large": (POST + b"Content-Length: 20000000\r\n\r\n", b" " * 1_000),
    "chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"3e8\r\n" + b" " * 1_000 + b"\r\n"),
    "trailers": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Name: " + b"v" * 500 + b"\r\n"),
    "one trailer": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Name: ", b"v" * 1_000),
    "chunk extension": (POST + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x" * 1_000),
    "requests": (b"", b"GET /healthz HTTP/1.1\r\n\r\n"),
    "requests with bodies": (b"", POST + b"Content-Length: 1000\r\n\r\n" + b" " * 1_000),
    "empty lines": (b"", b"\r\n" * 500),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with started("dev", "--port", "0", "--no-log-requests", TMPDIR=str(tmp_path_factory.mktemp("dev"))) as running:
        yield running


def _peak(server: Server) -> int:
    """The most memory that the process has had, in bytes."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{server.pid}/status").read_text())
    assert match
    return int(match[1]) * 1_024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("sender", SENDERS.values(), ids=SENDERS.keys())
def test_twenty_megabytes_are_not_kept(server: Server, sender: tuple[bytes, bytes]) -> None:
    beginning, piece = sender
    before = _peak(server)

    with connected(server) as connection, suppress(ConnectionError, TimeoutError):
        connection.settimeout(5)  # the server may read no further as long as its answers are not read
        connection.sendall(beginning)
        for pieces in _repeated(piece):
            connection.sendall(pieces)
            _discard_answers(connection)

    assert _peak(server) - before < MAY_TAKE


def _discard_answers(connection: socket.socket) -> None:
    while select.select([connection], [], [], 0)[0]:
        if not connection.recv(65_536):
            raise ConnectionError
