"""The number of open connections, from the server's own gauge."""

from typing import Final

from tests.server.raw_http import Address, Connection
from tests.waiting import comes_true

_CLOSE_WITHIN: Final = 20  # seconds


def all_close(server: Address) -> bool:
    """Whether all connections close within a generous time."""
    return comes_true(lambda: open_connections(server) == 0, _CLOSE_WITHIN)


def open_connections(server: Address) -> int:
    """The number of connections, without the one that reads the gauge."""
    return int(metric(server, "wablock_connections ")) - 1


def metric(server: Address, name: str) -> float:
    """The value of the first metric whose line begins with `name`, or 0."""
    with Connection(server) as connection:
        connection.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = connection.answer()
    assert answer.status == 200
    lines = answer.body.decode().splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(name)), 0.0)
