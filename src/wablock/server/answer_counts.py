"""Counts of answers by kind, and a histogram of their times.

prometheus_client's own counters cost a lock and three calls for each answer. Here a request adds to three numbers that
belong to the event loop, and a scrape reads them.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_BOUNDS: Final = (*map(str, _SECONDS), "+Inf")


class AnswerCounts(Collector):
    """`wablock_requests` and `wablock_request_seconds`."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, int, int | None], int] = {}
        self._times: dict[str, list[int]] = {}
        """For each operation: the number of answers in each bucket, between the previous bound and its own."""
        self._seconds: dict[str, float] = {}

    def add(self, operation: str, status: int, code: int | None, seconds: float | None) -> None:
        """Count one answer. `seconds` is None if no time was measured."""
        kind = operation, status, code
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        if seconds is None:
            return
        times = self._times.get(operation)
        if times is None:
            times = self._times[operation] = [0] * len(_BOUNDS)
            self._seconds[operation] = 0.0
        times[bisect_left(_SECONDS, seconds)] += 1
        self._seconds[operation] += seconds

    def collect(self) -> Iterator[Metric]:
        """Return the metrics. Any thread may call this."""
        requests = CounterMetricFamily("wablock_requests", "Answers given", labels=("operation", "status", "code"))
        for (operation, status, code), count in self._kinds.copy().items():
            requests.add_metric((operation, str(status), str(code or "")), count)
        yield requests
        durations = HistogramMetricFamily("wablock_request_seconds", "Time to answer", labels=("operation",))
        for operation, counts in self._times.copy().items():
            total = 0
            buckets = [(bound, float(total := total + count)) for bound, count in zip(_BOUNDS, counts, strict=True)]
            durations.add_metric((operation,), buckets, self._seconds[operation])
        yield durations
