"""Driving a server from another core than the server's: with wrk, or one request after the other."""

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
_TIMEOUT = "10s"  # of an answer: wrk's own 2 s are too few where others keep the core busy


def rate_of(url: str, script: str) -> Callable[[], float]:
    """`requests_per_second` of this, to be called later."""
    return lambda: requests_per_second(url, script)


def rate_over(urls: Sequence[str], script: str) -> Callable[[], float]:
    """The same over several servers, 64 connections in all."""

    def rate() -> float:
        with ThreadPoolExecutor(len(urls)) as threads:
            each = partial(requests_per_second, script=script, connections=64 // len(urls))
            return sum(threads.map(each, urls))

    return rate


def requests_per_second(url: str, script: str, *arguments: str, connections: int = 64, seconds: float = 3) -> float:
    """The rate of answers over `seconds`; raises where any of them was not 2xx."""
    return _told(r"Requests/sec:\s*([\d.]+)", _wrk(url, script, arguments, connections, seconds))


def requests_in(url: str, script: str, *arguments: str, connections: int, seconds: float) -> float:
    """How many are answered in so many seconds; raises where any of the answers was not 2xx."""
    return _told(r"(\d+) requests in", _wrk(url, script, arguments, connections, seconds))


class Driven(msgspec.Struct, frozen=True):
    """Answers to a number of requests, and the seconds that they took."""

    answers: int
    seconds: float


def driven(url: str, script: str, *arguments: str, requests: int, connections: int = 64) -> Driven:
    """Send so many requests. All but the last few, one a connection at most, are answered when the driving ends.

    Raises where any of the answers was not 2xx.
    """
    counted = [str(requests), str(_HERE / f"{script}.lua"), *arguments]
    output = _wrk(url, "counted", counted, connections, _DRIVEN_WITHIN)
    rate = _told(r"Requests/sec:\s*([\d.]+)", output)
    answers = int(_told(r"(\d+) requests in", output))
    if answers < requests - connections:
        raise RuntimeError(f"Only {answers} of {requests} requests were answered in {_DRIVEN_WITHIN} s:\n{output}")
    return Driven(answers, answers / rate)


class Latencies(msgspec.Struct):
    """Of answers: how many there were in a second, and how long they took."""

    rate: float
    median: float
    percentile_99: float


def latencies(url: str, script: str, *arguments: str, connections: int, seconds: float = 3) -> Latencies:
    """In milliseconds; raises where any of the answers was not 2xx."""
    output = _wrk(url, script, arguments, connections, seconds)
    times = [_told(rf"{name}: (\d+) us", output) / 1_000 for name in ("Median", "99th")]
    return Latencies(_told(r"Requests/sec:\s*([\d.]+)", output), *times)


def milliseconds(url: str, posts: Path, *, seconds: float = 3) -> float:
    """The median time of a post, one at a time."""
    return _told(r"Median: (\d+) us", _wrk(url, "posts", [str(posts)], 1, seconds)) / 1_000


def milliseconds_in_python(url: str, posts: Path, *, recoded: bool = False, seconds: float = 3) -> float:
    """The same from Python; `recoded`: the time in which each body is decoded and encoded counts as well."""
    arguments = ["recoded"] if recoded else []
    return number_printed_by(LOAD_CORE, module("load.one_at_a_time", url, str(posts), str(seconds), *arguments))


def write_posts(file: Path, posts: Iterable[tuple[str, bytes]]) -> Path:
    """A file of posts as they are driven from here: of each a header of its own, and its body in one line."""
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


def _told(pattern: str, output: str) -> float:
    match = re.search(pattern, output)
    assert match is not None, output
    return float(match[1])
