"""A load at a fixed rate, whatever the server's response times: durable POSTs of one user, over 64 connections.

    python -m benchmarks.load.paced URL RATE SECONDS

Prints the 99th percentile of the latencies in ms. Each latency counts from the time at which the request was due, so
a server that is late for one request pays for all requests that had to wait behind it. The load sleeps until shortly
before a request is due: a process that never sleeps gets a busy core late.
"""

import ctypes
import gc
import random
import re
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final
from urllib.parse import SplitResult, urlsplit

from benchmarks.figures import percentile
from benchmarks.variants import TOKEN

CONNECTIONS: Final = 64
_WARM: Final = 0.2  # share of the requests that are not measured
_PATIENCE: Final = 10.0  # seconds after the last request is due
_EARLY: Final = 0.000_03  # seconds that waking up takes
_PR_SET_TIMERSLACK: Final = 29  # linux/prctl.h; by default, sleeps end up to 50 µs late
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD: Final = """\
POST {path} HTTP/1.1\r
Host: {host}\r
Authorization: Bearer {token}\r
Content-Type: application/json\r
Content-Length: {length}\r
\r
"""
_BODY: Final = b'{"messaging_product":"whatsapp","block_users":[{"user":"+1%010d"}]}'


class _Connection:
    """A connection that has one request in flight at most."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket: Final = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._due = 0.0
        self._received = b""

    def send(self, request: bytes, due: float) -> None:
        self._due, self._received = due, b""
        self.socket.sendall(request)

    def receive(self, now: float) -> float | None:
        """Receive what is there. Return the latency when the response is complete. Raises if it is not a 200."""
        data = self.socket.recv(65_536)
        self._received += data
        if not data or not self._received.startswith(b"HTTP/1.1 200 "[: len(self._received)]):
            raise RuntimeError(f"Not a 200: {self._received!r}")
        return now - self._due if is_complete(self._received) else None


def is_complete(response: bytes) -> bool:
    """Whether the response has its head and as many bytes as its Content-Length."""
    head, end, body = response.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return bool(end) and length is not None and len(body) >= int(length[1])


def latencies(url: str, rate: float, seconds: float, connections: int = CONNECTIONS) -> list[float]:
    """The latency in seconds of each request, in the order of the responses."""
    parts = urlsplit(url)
    assert parts.hostname == "127.0.0.1"
    assert parts.port is not None
    with ExitStack() as stack:
        by_number = {}
        for _ in range(connections):
            connection = _Connection((parts.hostname, parts.port))
            by_number[stack.enter_context(connection.socket).fileno()] = connection
        return _exchange(by_number, rate, int(rate * seconds), _posts(parts))


def _exchange(by_number: dict[int, _Connection], rate: float, count: int, posts: Iterator[bytes]) -> list[float]:
    idle = deque(by_number.values())
    numbers = list(by_number)
    times: list[float] = []
    sent, first = 0, time.perf_counter()
    while len(times) < count:
        now = time.perf_counter()
        while idle and sent < count and (due := first + sent / rate) <= now:
            idle.popleft().send(next(posts), due)
            sent += 1
        pause = first + sent / rate - now - _EARLY if idle and sent < count else _PATIENCE
        for number in select.select(numbers, [], [], max(pause, 0))[0]:
            connection = by_number[number]
            latency = connection.receive(time.perf_counter())
            if latency is not None:
                times.append(latency)
                idle.append(connection)
        if now > first + count / rate + _PATIENCE:
            raise RuntimeError(f"{count - len(times)} of {count} requests have no response.")
    return times


def _posts(parts: SplitResult) -> Iterator[bytes]:
    """Requests that each block a new user, as single_post.lua makes them."""
    length = len(_BODY % 0)
    head = _HEAD.format(path=parts.path, host=parts.netloc, token=TOKEN, length=length).encode()
    place = random.randrange(2**40)
    while True:
        place += 7_919_000_003
        yield head + _BODY % (2_000_000_000 + place % 8_000_000_000)


def main(url: str, rate: str, seconds: str) -> None:
    gc.disable()
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    times = latencies(url, float(rate), float(seconds))
    print(percentile(times[int(len(times) * _WARM) :], 99) * 1_000)


if __name__ == "__main__":
    main(*sys.argv[1:])
