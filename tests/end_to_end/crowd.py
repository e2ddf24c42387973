"""Many raw connections at once to a server in a process of its own, and what that process takes for them.

All of them are sockets of the test's own process, without a thread each. They come from several loopback addresses, so
that the ports of one do not run short.
"""

import re
import resource
import selectors
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.cli.command import Server
from tests.end_to_end.deployment import BLOCK_USERS, Deployment
from tests.end_to_end.graph import body
from tests.missing import missing
from tests.server.test_webhooks import message, signed, webhook

MB: Final = 1_000_000
WEBHOOK: Final = "/webhooks/whatsapp"
VISITOR: Final = "16505550199"

_FROM_ONE_ADDRESS: Final = 2_000
_OTHER_FILES: Final = 500  # that either process has open beside the crowd's sockets
_ANSWERED_WITHIN: Final = 60  # seconds

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


@contextmanager
def many_files(count: int) -> Iterator[None]:
    """This process and those that it starts may have `count` sockets and some files; skips where they may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _OTHER_FILES
    if hard != resource.RLIM_INFINITY and hard < wanted:
        missing(f"a process may have {hard} open files here, {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted) if hard == resource.RLIM_INFINITY else hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def crowd(server: Server, count: int, receive_buffer: int | None = None) -> Iterator[list[socket.socket]]:
    """So many connections; at the end they are reset, so that no port stays taken.

    `receive_buffer`: bytes that the system keeps for a client that does not read; None: as many as it likes.
    """
    connections: list[socket.socket] = []
    try:
        for number in range(count):
            connection = socket.socket()
            connections.append(connection)
            connection.settimeout(_ANSWERED_WITHIN)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            if receive_buffer is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            connection.bind((f"127.0.0.{2 + number // _FROM_ONE_ADDRESS}", 0))
            connection.connect((server.host, server.port))
        yield connections
    finally:
        for connection in connections:
            connection.close()


def pour(connections: Sequence[socket.socket], data: bytes, patience: float = 3.0) -> None:
    """Send `data` over each of them at the same time.

    Returns when all is sent, and also where the server reads no further: after `patience` seconds in which nothing
    could be sent. A connection that the server closes is left.
    """
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_WRITE, [0])
        while selector.get_map() and (ready := selector.select(patience)):
            for key, _ in ready:
                sent = key.data
                assert isinstance(key.fileobj, socket.socket)
                try:
                    sent[0] += key.fileobj.send(memoryview(data)[sent[0] : sent[0] + 262_144])
                except BlockingIOError:
                    continue
                except ConnectionError:
                    sent[0] = len(data)
                if sent[0] == len(data):
                    selector.unregister(key.fileobj)


def drip(connections: Sequence[socket.socket], drop: bytes) -> list[socket.socket]:
    """Send `drop` over each of them without waiting; those that are still open."""
    left = []
    for connection in connections:
        connection.setblocking(False)
        try:
            connection.send(drop)
        except BlockingIOError:
            pass
        except ConnectionError:
            continue
        left.append(connection)
    return left


def is_open(connection: socket.socket) -> bool:
    """Whether the server has not closed it, as far as is known now. What it sent before is read and lost."""
    connection.setblocking(False)
    with suppress(BlockingIOError):
        try:
            while connection.recv(65_536):
                pass
        except ConnectionError:
            return False
        return False
    return True


def resident(server: Server) -> int:
    """The memory that the process has now, in bytes."""
    return _memory(server, "VmRSS")


def most_resident(server: Server) -> int:
    """The most memory that the process has had, in bytes."""
    return _memory(server, "VmHWM")


def _memory(server: Server, field: str) -> int:
    match = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{server.pid}/status").read_text())
    assert match
    return int(match[1]) * 1_024


def open_connections(server: Server) -> int:
    """How many the server counts, with the one that asks."""
    answer = httpx2.get(server.url + "/metrics", timeout=_ANSWERED_WITHIN)
    for line in answer.text.splitlines():
        if line.startswith("wablock_connections "):
            return int(float(line.split()[1]))
    raise AssertionError("no gauge of connections")


def visit(server: Server, deployment: Deployment, number: int = 1) -> list[int]:
    """The statuses of a GET, a POST and a webhook, each over a connection of its own."""
    url = server.url + BLOCK_USERS
    page = httpx2.get(url, headers=deployment.headers, timeout=_ANSWERED_WITHIN)
    post = httpx2.post(url, json=body([VISITOR]), headers=deployment.headers, timeout=_ANSWERED_WITHIN)
    return [page.status_code, post.status_code, send_webhook(server, number)]


def send_webhook(server: Server, number: int = 1) -> int:
    """The status of a signed webhook with one message, whose id is of this number."""
    payload = webhook(message("16505550198", f"wamid.{number}"))
    headers = {"content-type": "application/json", "x-hub-signature-256": signed(payload)}
    return httpx2.post(server.url + WEBHOOK, content=payload, headers=headers, timeout=_ANSWERED_WITHIN).status_code
