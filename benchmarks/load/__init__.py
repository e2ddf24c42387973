"""The load on a server, sent from another core than the server's: with wrk, or one request after the other."""

import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from benchmarks.processes import LOAD_CORE, module, number_printed_by

_HERE = Path(__file__).parent
_DRIVEN_WITHIN = 300  # seconds
_TIMEOUT = "10s"  # for a response: wrk's default of 2 s is too short when the core is busy


def rate_of(url: str, script: str) -> Callable[[], float]:
    """A function that returns `requests_per_second` for these arguments."""
    return lambda: requests_per_second(url, script)


def rate_over(urls: Sequence[str], script: str) -> Callable[[], float]:
    """The same for several servers together, with 64 connections in total."""

    def rate() -> float:
        with ThreadPoolExecutor(len(urls)) as threads:
            each = partial(requests_per_second, script=script, connections=64 // len(urls))
            return sum(threads.map(each, urls))

    return rate


def requests_per_second(url: str, script: str, *arguments: str, connections: int = 64, seconds: float = 3) -> float:
    """The rate of responses over `seconds`. Raises if any of them is not 2xx."""
    return _number_in(r"Requests/sec:\s*([\d.]+)", _wrk(url, script, arguments, connections, seconds))


def requests_in(url: str, script: str, *arguments: str, connections: int, seconds: float) -> float:
    """The number of responses within `seconds`. Raises if any of them is not 2xx."""
    return _number_in(r"(\d+) requests in", _wrk(url, script, arguments, connections, seconds))


class Driven(msgspec.Struct, frozen=True):
    """The number of responses, and the seconds that they took."""

    answers: int
    seconds: float


def driven(url: str, script: str, *arguments: str, requests: int, connections: int = 64) -> Driven:
    """Send `requests` requests. At the end, at most one request for each connection is still without a response.

    Raises if any response is not 2xx.
    """
    counted = [str(requests), str(_HERE / f"{script}.lua"), *arguments]
    output = _wrk(url, "counted", counted, connections, _DRIVEN_WITHIN)
    rate = _number_in(r"Requests/sec:\s*([\d.]+)", output)
    answers = int(_number_in(r"(\d+) requests in", output))
    if answers < requests - connections:
        raise RuntimeError(f"Only {answers} of {requests} requests were answered in {_DRIVEN_WITHIN} s:\n{output}")
    return Driven(answers, answers / rate)


class Latencies(msgspec.Struct):
    """The number of responses a second, and their latencies."""

    rate: float
    median: float
    percentile_99: float


def latencies(url: str, script: str, *arguments: str, connections: int, seconds: float = 3) -> Latencies:
    """The latencies in milliseconds. Raises if any response is not 2xx."""
    output = _wrk(url, script, arguments, connections, seconds)
    times = [_number_in(rf"{name}: (\d+) us", output) / 1_000 for name in ("Median", "99th")]
    return Latencies(_number_in(r"Requests/sec:\s*([\d.]+)", output), *times)


def milliseconds(url: str, posts: Path, *, seconds: float = 3) -> float:
    """The median time of a POST in milliseconds, one at a time."""
    return _number_in(r"Median: (\d+) us", _wrk(url, "posts", [str(posts)], 1, seconds)) / 1_000


def milliseconds_in_python(url: str, posts: Path, *, recoded: bool = False, seconds: float = 3) -> float:
    """The same from Python. With `recoded`, the time includes decoding and encoding each body."""
    arguments = ["recoded"] if recoded else []
    return number_printed_by(LOAD_CORE, module("load.one_at_a_time", url, str(posts), str(seconds), *arguments))


def milliseconds_when_paced(url: str, rate: float, *, seconds: float = 5) -> float:
    """The 99th percentile of durable POSTs that are sent at a fixed rate, counted from the time each is due."""
    return number_printed_by(LOAD_CORE, module("load.paced", url, str(rate), str(seconds)))


def write_posts(file: Path, posts: Iterable[tuple[str, bytes]]) -> Path:
    """Write a file of POSTs for the load scripts: on each line a header and a body."""
    with file.open("wb") as opened:
        for header, body in posts:
            opened.write(b"%s\t%s\n" % (header.encode(), body))
    return file


def _wrk(url: str, script: str, arguments: Iterable[str], connections: int, seconds: float) -> str:
    assert urlsplit(url).hostname == "127.0.0.1"
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", _TIMEOUT]
    done = subprocess.run(
        [*command, "-s", str(_HERE / f"{script}.lua"), url, "--", *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    output = done.stdout
    if done.returncode or "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(output + done.stderr)
    return output


def _number_in(pattern: str, output: str) -> float:
    match = re.search(pattern, output)
    assert match is not None, output
    return float(match[1])
