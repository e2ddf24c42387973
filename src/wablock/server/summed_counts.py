"""The summed metrics of all workers: a scrape reaches only one worker, but must show all."""

from collections.abc import Iterable, Sequence

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric

Counts = Sequence[Metric]
"""All metrics of one worker, as its registry returns them."""


def summed(parts: Iterable[Counts]) -> Counts:
    """One set of metrics. Each series is the sum of that series in all parts."""
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
    """The metrics that still count after their worker has ended: all but the gauges."""
    return [metric for metric in counts if metric.type != "gauge"]


def text(counts: Counts) -> bytes:
    """The metrics in Prometheus' text format."""
    return generate_latest(_Collected(counts))


class _Collected:
    """The registry that `generate_latest` expects."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        return self._counts
