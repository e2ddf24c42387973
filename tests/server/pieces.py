"""Requests cut into pieces, as networks cut them."""

import time
from collections.abc import Iterable, Iterator

from tests.server.raw_http import Address, Connection

_MOST = 2_000  # pieces: more would take seconds and test nothing else


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def bytewise(data: bytes) -> Iterator[bytes]:
    """Each byte alone; of a long request, only the first and the last bytes."""
    start = max(len(data) - _MOST // 2, 0)
    few = min(start, _MOST // 2)
    yield from _each(data[:few])
    if data[few:start]:
        yield data[few:start]
    yield from _each(data[start:])


def by_line(data: bytes) -> Iterator[bytes]:
    """Each line of the head alone, with its end, then all that follows the head."""
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
    """Send like a slow client, with `pause` seconds after each piece. Raises `ConnectionError` when the server has
    closed the connection.
    """
    for piece in pieces:
        connection.send(piece)
        time.sleep(pause)


def send_read_alone(server: Address, connection: Connection, pieces: Iterable[bytes]) -> None:
    """Send each piece after the server has read the one before."""
    for piece in pieces:
        connection.send(piece)
        wait_until_read(server)


def wait_until_read(server: Address) -> None:
    """Return when the server has read all earlier bytes: its one event loop has made two steps since then."""
    with Connection(server) as another:
        for _ in range(2):
            another.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            another.answer()


def _each(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))
