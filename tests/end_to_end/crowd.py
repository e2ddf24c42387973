"""Many raw connections at once to a server in another process, and the memory that this process uses for them.

All of them are sockets of the test's own process, without a thread each. They come from several loopback addresses,
because one address has too few ports.
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
_OTHER_FILES: Final = 500  # other files that either process has open
_ANSWERED_WITHIN: Final = 60  # seconds

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


@contextmanager
def many_files(count: int) -> Iterator[None]:
    """Let this process and its children open `count` sockets and some files; skip the test if the system refuses."""
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
    """This number of connections; they are reset at the end, so that no port stays in use.

    `receive_buffer`: the bytes that the system stores for a client that does not read; None: its default.
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

    Return when all is sent, or when nothing could be sent for `patience` seconds because the server has stopped
    reading. Skip a connection that the server closes.
    """
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_WRITE, [0])
        while selector.get_map() and (ready := selector.select(patience)):
            for key, _ in ready:
                count = key.data
                assert isinstance(key.fileobj, socket.socket)
                try:
                    count[0] += key.fileobj.send(memoryview(data)[count[0] : count[0] + 262_144])
                except BlockingIOError:
                    continue
                except ConnectionError:
                    count[0] = len(data)
                if count[0] == len(data):
                    selector.unregister(key.fileobj)


def drip(connections: Sequence[socket.socket], drop: bytes) -> list[socket.socket]:
    """Send `drop` over each of them without waiting; return those that are still open."""
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
    """Whether the server has not closed it yet. Bytes that the server sent are read and discarded."""
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
    """The current memory of the process, in bytes."""
    return _memory(server, "VmRSS")


def most_resident(server: Server) -> int:
    """The highest memory of the process so far, in bytes."""
    return _memory(server, "VmHWM")


def _memory(server: Server, field: str) -> int:
    match = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{server.pid}/status").read_text())
    assert match
    return int(match[1]) * 1_024


def open_connections(server: Server) -> int:
    """The number that the server counts, with the connection of this request."""
    answer = httpx2.get(server.url + "/metrics", timeout=_ANSWERED_WITHIN)
    for line in answer.text.splitlines():
        if line.startswith("wablock_connections "):
            return int(float(line.split()[1]))
    raise AssertionError("no gauge of connections")


def visit(server: Server, deployment: Deployment, number: int = 1) -> list[int]:
    """The statuses of a GET, a POST and a webhook, each over its own connection."""
    url = server.url + BLOCK_USERS
    page = httpx2.get(url, headers=deployment.headers, timeout=_ANSWERED_WITHIN)
    post = httpx2.post(url, json=body([VISITOR]), headers=deployment.headers, timeout=_ANSWERED_WITHIN)
    return [page.status_code, post.status_code, send_webhook(server, number)]


def send_webhook(server: Server, number: int = 1) -> int:
    """The status of a signed webhook with one message; `number` is in the message's id."""
    payload = webhook(message("16505550198", f"wamid.{number}"))
    headers = {"content-type": "application/json", "x-hub-signature-256": signed(payload)}
    return httpx2.post(server.url + WEBHOOK, content=payload, headers=headers, timeout=_ANSWERED_WITHIN).status_code
