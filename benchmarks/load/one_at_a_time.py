"""A client that posts the bodies of a file one after the other, and prints the median time in ms.

    python -m benchmarks.load.one_at_a_time URL FILE SECONDS [recoded]

With `recoded`, the client decodes and encodes each body before it posts it, and this is part of the measured time.
"""

import statistics
import sys
import time
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

_WARM = 10  # posts that are not measured


def main(url: str, file: str, seconds: str, how: str = "") -> None:
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = HTTPConnection(parts.hostname, parts.port)
    lines = [line.partition(b"\t") for line in Path(file).read_bytes().splitlines()]
    posts = cycle([(_headers(header.decode()), body) for header, _, body in lines])
    times: list[float] = []
    until = time.perf_counter() + float(seconds)
    while time.perf_counter() < until or len(times) <= _WARM:
        headers, body = next(posts)
        started = time.perf_counter()
        payload = msgspec.json.encode(msgspec.json.decode(body)) if how == "recoded" else body
        connection.request("POST", parts.path, payload, headers)
        response = connection.getresponse()
        response.read()
        times.append(time.perf_counter() - started)
        assert response.status == 200, response.status
    print(statistics.median(times[_WARM:]) * 1_000)


def _headers(header: str) -> dict[str, str]:
    name, _, value = header.partition(": ")
    return {name: value, "Content-Type": "application/json"}


if __name__ == "__main__":
    main(*sys.argv[1:])
