"""The counts of several workers, summed: a scrape that reached one worker would show that worker's alone."""

from collections.abc import Iterable, Sequence

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric

Counts = Sequence[Metric]
"""All that one worker has counted, as its registry tells it."""


def summed(parts: Iterable[Counts]) -> Counts:
    """One set of counts, in which each series is the sum of what the parts have for it."""
    metrics: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for metric in (metric for counts in parts for metric in counts):
        metrics.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
        series = values.setdefault(metric.name, {})
        for sample in metric.samples:
            if sample.name == f"{metric.name}_created":  # a time, which has no sum
                continue
            key = sample.name, tuple(sample.labels.items())
            series[key] = series.get(key, 0.0) + sample.value
    for name, metric in metrics.items():
        for (sample_name, labels), value in values[name].items():
            metric.add_sample(sample_name, dict(labels), value)
    return list(metrics.values())


def lasting(counts: Counts) -> Counts:
    """What of these is still true once the worker that counted them has ended: not how much it has open."""
    return [metric for metric in counts if metric.type != "gauge"]


def text(counts: Counts) -> bytes:
    """In Prometheus' text format."""
    return generate_latest(_Collected(counts))


class _Collected:
    """What `generate_latest` asks for its metrics."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        return self._counts
