"""Do 64 connections that write to one number slow eight other numbers down, on PostgreSQL?"""

import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from rich.progress import track

from benchmarks.databases import database, postgresql, with_numbers
from benchmarks.figures import Figure, at_most
from benchmarks.load import Latencies, latencies, requests_per_second
from benchmarks.variants import Running, running

_QUIET = ("8", "56")  # eight numbers from the 57th
_SPREAD = "56"  # the others
_SECONDS = 3.0


def measure(rounds: int) -> list[Figure]:
    with ExitStack() as stack:
        url = with_numbers(database(stack.enter_context(postgresql()), "hot"))
        node, other = (stack.enter_context(running("wablock", url=url)) for _ in range(2))
        ways: dict[str, Callable[[], Latencies]] = {
            "alone": lambda: _quiet(node),
            "beside a hot number": lambda: _beside(node, node, "single_post"),
            "beside as many over 56 numbers": lambda: _beside(node, node, "spread_post", _SPREAD),
            "beside a hot number at another node": lambda: _beside(node, other, "single_post"),
        }
        taken: dict[str, list[Latencies]] = {name: [] for name in ways}
        for _ in track(range(rounds), "quiet numbers", transient=True):
            for name, way in ways.items():
                taken[name].append(way())
    medians = {name: statistics.median(it.median for it in found) for name, found in taken.items()}
    slow = {name: statistics.median(it.percentile_99 for it in found) for name, found in taken.items()}
    rates = {name: statistics.median(it.rate for it in found) for name, found in taken.items()}
    hot, even = "beside a hot number", "beside as many over 56 numbers"
    return [
        at_most(
            "ms of a quiet number's POST, beside a hot number ÷ beside 56 numbers",
            medians[hot] / medians[even],
            1,
            medians,
        ),
        at_most("the same, 99th of 100", slow[hot] / slow[even], 1.5, slow),
        at_most("quiet POSTs/s, beside 56 numbers ÷ beside a hot number", rates[even] / rates[hot], 1, rates),
    ]


def _quiet(node: Running) -> Latencies:
    return latencies(node.url, "spread_post", *_QUIET, connections=8, seconds=_SECONDS)


def _beside(node: Running, busy: Running, script: str, *arguments: str) -> Latencies:
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(requests_per_second, busy.url, script, *arguments, seconds=_SECONDS + 1)
        found = _quiet(node)
        writing.result()
    return found
