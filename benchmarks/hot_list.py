"""The effect of 64 connections that write to one number on the latency of eight other numbers, on PostgreSQL."""

import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from benchmarks import questions
from benchmarks.databases import database, postgresql, with_numbers
from benchmarks.figures import Figure, shown
from benchmarks.lists import Lists
from benchmarks.load import Latencies, latencies, requests_per_second
from benchmarks.variants import Running, running

_QUIET = ("8", "56")  # eight numbers from the 57th
_SPREAD = "56"  # the others
_SECONDS = 3.0


def measure(rounds: int, _: Lists) -> list[Figure]:
    with ExitStack() as stack:
        url = with_numbers(database(stack.enter_context(postgresql()), "hot"))
        node, other = (stack.enter_context(running("wablock", url=url)) for _ in range(2))
        ways: dict[str, Callable[[], Latencies]] = {
            "alone": lambda: _quiet(node),
            "with a hot number": lambda: _under_load(node, node, "single_post"),
            "with the same load on 56 numbers": lambda: _under_load(node, node, "spread_post", _SPREAD),
            "with a hot number on another node": lambda: _under_load(node, other, "single_post"),
        }
        measured: dict[str, list[Latencies]] = {name: [] for name in ways}
        for _round in shown(rounds, "quiet numbers"):
            for name, way in ways.items():
                measured[name].append(way())
    medians = {name: statistics.median(it.median for it in each) for name, each in measured.items()}
    slow = {name: statistics.median(it.percentile_99 for it in each) for name, each in measured.items()}
    rates = {name: statistics.median(it.rate for it in each) for name, each in measured.items()}
    hot, even = "with a hot number", "with the same load on 56 numbers"
    return [
        Figure(questions.HOT_MEDIAN, medians[hot] / medians[even], medians),
        Figure(questions.HOT_SLOWEST, slow[hot] / slow[even], slow),
        Figure(questions.HOT_RATE, rates[even] / rates[hot], rates),
    ]


def _quiet(node: Running) -> Latencies:
    return latencies(node.url, "spread_post", *_QUIET, connections=8, seconds=_SECONDS)


def _under_load(node: Running, busy: Running, script: str, *arguments: str) -> Latencies:
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(requests_per_second, busy.url, script, *arguments, seconds=_SECONDS + 1)
        quiet = _quiet(node)
        writing.result()
    return quiet
