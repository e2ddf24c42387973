"""The metrics, for Prometheus. No label contains a number, a token or a user."""

from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from wablock.server.answer_counts import AnswerCounts
from wablock.server.labelled_counts import LabelledCounts
from wablock.server.summed_counts import Counts

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

_LAGS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800, 3_600, 21_600, 86_400)
_CHANGES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """One server's counters. Each name is documented in `docs/reference/metrics.md`."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._answered = AnswerCounts()
        self._registry.register(self._answered)
        self.answered = self._answered.add
        self._commits = Histogram(
            "wablock_commit_changes", "Changes in one commit", buckets=_CHANGES, registry=self._registry
        )
        self._shed = Counter("wablock_shed", "Changes and connections over a limit", ("what",), registry=self._registry)
        self._worker_failures = Counter(
            "wablock_database_worker_failures",
            "Failures of a worker of the Citus cluster",
            ("worker",),
            registry=self._registry,
        )
        self._webhooks = LabelledCounts("wablock_webhooks", "Webhooks received", ("result",))
        self._items = LabelledCounts("wablock_gate_items", "Messages and calls of users", ("kind", "verdict"))
        self._deliveries = LabelledCounts(
            "wablock_deliveries", "Webhooks handed to downstreams", ("required", "result")
        )
        for counts in (self._webhooks, self._items, self._deliveries):
            self._registry.register(counts)
        self._unchecked = Counter(
            "wablock_webhooks_unchecked", "Webhooks forwarded without reading the block list", registry=self._registry
        )
        self._subscriptions = Counter(
            "wablock_subscription_requests", "Requests to subscribers", ("result",), registry=self._registry
        )
        self._events = Counter("wablock_subscription_events", "Events delivered", registry=self._registry)
        self._skipped = Counter(
            "wablock_subscription_skips", "Lists whose events ended before delivery", registry=self._registry
        )
        self._lag = Histogram(
            "wablock_subscription_lag_seconds", "Age of events at delivery", buckets=_LAGS, registry=self._registry
        )
        self._waiting = Gauge(
            "wablock_subscription_lists_waiting", "Lists with events to deliver", registry=self._registry
        )
        self._sent = Counter("wablock_sent", "Requests to upstreams", ("result",), registry=self._registry)
        self._connections = Gauge("wablock_connections", "Open connections", registry=self._registry)

    def committed(self, changes: int) -> None:
        self._commits.observe(changes)

    def refused(self) -> None:
        self._shed.labels("change").inc()

    def worker_failed(self, worker: int) -> None:
        self._worker_failures.labels(str(worker)).inc()

    def webhook(self, result: str) -> None:
        self._webhooks.add((result,))

    def items(self, kind: str, verdict: str, times: int) -> None:
        self._items.add((kind, verdict), times)

    def delivery(self, *, required: bool, result: str) -> None:
        self._deliveries.add(("true" if required else "false", result))

    def sent(self, result: str) -> None:
        self._sent.labels(result).inc()

    def unchecked(self) -> None:
        self._unchecked.inc()

    def events_delivered(self, count: int, lag: float) -> None:
        self._subscriptions.labels("accepted").inc()
        self._events.inc(count)
        self._lag.observe(lag)

    def events_failed(self) -> None:
        self._subscriptions.labels("failed").inc()

    def events_skipped(self) -> None:
        self._skipped.inc()

    def lists_waiting(self, count: int) -> None:
        self._waiting.set(count)

    def connection_opened(self) -> None:
        self._connections.inc()

    def connection_closed(self) -> None:
        self._connections.dec()

    def connection_refused(self, status: int, code: int) -> None:
        """Count an answer that did not reach the application. Its time is not measured."""
        self._answered.add("connection", status, code, None)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            self._shed.labels("connection").inc()

    def counts(self) -> Counts:
        """All metrics as they are now. Any thread may call this."""
        return list(self._registry.collect())

    async def text(self) -> bytes:
        return generate_latest(self._registry)
