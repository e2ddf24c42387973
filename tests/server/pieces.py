"""Requests cut into pieces, as networks cut them."""

import time
from collections.abc import Iterable, Iterator

from tests.server.raw_http import Address, Connection

_MOST = 2_000  # pieces: more would take seconds and show nothing else


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def bytewise(data: bytes) -> Iterator[bytes]:
    """Each byte alone; of a long request, the first ones and the last ones."""
    start = max(len(data) - _MOST // 2, 0)
    few = min(start, _MOST // 2)
    yield from _each(data[:few])
    if data[few:start]:
        yield data[few:start]
    yield from _each(data[start:])


def by_line(data: bytes) -> Iterator[bytes]:
    """Each line of the head alone, its end with it, then what is behind the head."""
    head, blank_line, rest = data.partition(b"\r\n\r\n")
    yield from (head + blank_line[:2]).splitlines(keepends=True)
    yield blank_line[2:]
    if rest:
        yield rest


def send(connection: Connection, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        connection.send(piece)
        time.sleep(0)  # so that a server in another thread reads it alone


def slow_send(connection: Connection, pieces: Iterable[bytes], pause: float) -> None:
    """As a client that is slow by nature: with `pause` seconds behind each piece. Raises `ConnectionError` when the
    server has closed the connection.
    """
    for piece in pieces:
        connection.send(piece)
        time.sleep(pause)


def send_read_alone(server: Address, connection: Connection, pieces: Iterable[bytes]) -> None:
    """The server has read each piece before the next one is sent."""
    for piece in pieces:
        connection.send(piece)
        wait_until_read(server)


def wait_until_read(server: Address) -> None:
    """Returns when the server has read what was sent to it before: its one event loop has turned twice since then."""
    with Connection(server) as another:
        for _ in range(2):
            another.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            another.answer()


def _each(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))
