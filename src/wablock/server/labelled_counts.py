"""A counter with labels that costs no lock: see `AnswerCounts` for the reason."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector


class LabelledCounts(Collector):
    """A counter with one series for each combination of label values. Only the event loop adds to it."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str]) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, values: tuple[str, ...], times: int = 1) -> None:
        """Add to the series with these values of the labels."""
        self._counts[values] = self._counts.get(values, 0) + times

    def collect(self) -> Iterator[Metric]:
        """Return the metric. Any thread may call this."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for values, count in self._counts.copy().items():
            family.add_metric(values, count)
        yield family
