"""The questions that the benchmarks answer, and the limits of the answers."""

from typing import Final

import msgspec


class Question(msgspec.Struct, frozen=True):
    """A question whose answer is one number.

    With `at_most`, smaller answers are better. An answer past `required` is a failure; `wanted` is the aim beyond it.
    """

    text: str
    unit: str
    at_most: bool
    required: float
    wanted: float | None = None


def _at_most(text: str, required: float, wanted: float | None = None, *, unit: str = "") -> Question:
    return Question(text, unit, at_most=True, required=required, wanted=wanted)


def _at_least(text: str, required: float, wanted: float | None = None) -> Question:
    return Question(text, "", at_most=False, required=required, wanted=wanted)


def _times_nginx(text: str, required: float, wanted: float) -> Question:
    """CPU time of a request, as a multiple of that of nginx with a constant response."""
    return _at_most(text, required, wanted, unit="× nginx")  # noqa: RUF001


# The table of docs/performance.md, which `python -m benchmarks` measures.
POST: Final = _times_nginx("durable POST of one user", 8, 6)
PAGE: Final = _times_nginx("GET of 25, unchanged", 3.5, 2.5)
PAGE_READ: Final = _times_nginx("GET of 25, read from the database each time", 7, 5)
LAST_PAGE: Final = _at_least("rate of the last page ÷ the first, both read from the database", 0.9, 0.95)
CHECK: Final = _times_nginx("check of one user, a million blocked", 3.5, 2.8)
WEBHOOK: Final = _times_nginx("webhook of one message, delivered to a receiver", 12, 8)
LARGE_WEBHOOK: Final = _at_most("webhook of 1,000 updates ÷ decode, encode and post it", 4, 2.5)
BULK_POST: Final = _at_least("POSTs of 1,000 users, rows/s ÷ a bare executemany loop", 0.7, 0.85)
ORDINARY_POST: Final = _at_least("rate of POSTs ÷ an ordinary FastAPI + SQLAlchemy service", 30, 40)
PROXY_WEBHOOK: Final = _at_least("rate of webhooks of one message ÷ nginx proxy_pass", 0.17, 0.25)
POSTGRESQL_CHECK: Final = _at_least("PostgreSQL: rate of checks over HTTP ÷ a query for each", 3, 4)
SLOWEST_POST: Final = _at_most("99th percentile of a POST at half of the top rate", 5, 5, unit="syncs")
START_GROWTH: Final = _at_most("time from start to first response, a million blocked ÷ a thousand", 1.5)
PAGE_GROWTH: Final = _at_most("time of a GET, read from the database, a million ÷ a thousand", 1.5)
MEMORY_GROWTH: Final = _at_most("memory, a million ÷ a thousand", 1.5)
START: Final = _at_most("start to first response, a million blocked", 0.5, unit="s")

# Measured by name.
SLOW_DISK: Final = _at_least("GETs beside 64 writers, each fsync 4 ms slower ÷ GETs alone", 0.7)
LARGE_WEBHOOK_SOME: Final = _at_most(
    "webhook of 1,000 updates, 5 % of the senders blocked ÷ decode, encode, post", 4, 2.5
)
ADDED_TIME: Final = _at_most("median time that the gate adds to a webhook, 1 connection", 1, unit="ms")
CHECK_OF_MANY: Final = _at_least("checks of 1,000 users ÷ the bare query", 0.4)
POSTGRESQL_POST: Final = _at_least("PostgreSQL: POSTs of one user ÷ a transaction for each", 5)
POSTGRESQL_SQLITE: Final = _at_least("POSTs of one user, PostgreSQL ÷ SQLite", 0.5)
POSTGRESQL_SPREAD: Final = _at_least("PostgreSQL: POSTs over 64 numbers ÷ a transaction for each", 0.9)
STANDBY: Final = _at_least("PostgreSQL: POSTs with a synchronous standby ÷ without", 0.5)
POSTGRESQL_PAGE: Final = _at_least("GET of 25, unchanged, PostgreSQL ÷ SQLite", 0.3)
POSTGRESQL_PAGE_READ: Final = _at_least("GET of 25, read from the database each time, PostgreSQL ÷ SQLite", 0.3)
STORE_CHECKS: Final = {
    callers: _at_least(f"PostgreSQL: checks at the store, {callers} callers ÷ a query for each", 3)
    for callers in (64, 256)
}
POSTGRESQL_WEBHOOK: Final = _at_least("PostgreSQL: webhooks of one message ÷ a query for each", 1)
HOT_MEDIAN: Final = _at_most("median of a quiet number's POST, beside a hot number ÷ beside 56 numbers", 1)
HOT_SLOWEST: Final = _at_most("99th percentile of a quiet number's POST, beside a hot number ÷ beside 56 numbers", 1.5)
HOT_RATE: Final = _at_most("POSTs/s of quiet numbers, beside 56 numbers ÷ beside a hot number", 1)
HEALTH: Final = _at_most("slowest /healthz beside the worst requests of three strangers", 50, unit="ms")
WORKER_GAP: Final = _at_most(
    "Citus: longest time without a response to other numbers while a worker fails", 0.3, unit="s"
)
WORKER_REFUSAL: Final = _at_most("Citus: 99th percentile of the 503s of a dead worker's numbers", 0.2, unit="s")
WORKER_BACK: Final = _at_most("Citus: first 200 of a worker's numbers after it is back", 1, unit="s")


def nodes(what: str, name: str) -> Question:
    """The rate of several nodes; all share two cores, so more cannot be faster, but should not be much slower."""
    return _at_least(f"{what}, {name} ÷ 1 node", 0.6)
