"""The gain from shared commits on PostgreSQL, and the cost of PostgreSQL compared with SQLite."""

from contextlib import ExitStack

from benchmarks.databases import database, pair, postgresql, with_numbers
from benchmarks.figures import Figure, at_least, interleaved
from benchmarks.load import rate_of
from benchmarks.variants import running

_CONNECTIONS = "8"  # for a transaction each; 64 are not faster, because they wait for the list's lock


def measure(rounds: int) -> list[Figure]:
    with ExitStack() as stack:
        cluster = stack.enter_context(postgresql())
        grouped = with_numbers(database(cluster, "grouped"))
        apart = with_numbers(database(cluster, "apart"))
        replicated = database(stack.enter_context(pair()).primary, "replicated")
        servers = {
            "PostgreSQL": running("wablock", url=grouped),
            "a transaction each": running("one_at_a_time", _CONNECTIONS, url=apart),
            "SQLite": running("wablock"),
            "with a standby": running("wablock", url=replicated),
        }
        urls = {name: stack.enter_context(server).url for name, server in servers.items()}
        measures = {name: rate_of(url, "single_post") for name, url in urls.items()}
        for name in ("PostgreSQL", "a transaction each"):
            measures[f"{name}, 64 numbers"] = rate_of(urls[name], "spread_post")
        rates = interleaved(measures, rounds, "single-user POSTs on PostgreSQL")
    one, spread = rates["PostgreSQL"], rates["PostgreSQL, 64 numbers"]
    spread_apart = rates["a transaction each, 64 numbers"]
    return [
        at_least("POST one user on PostgreSQL ÷ a transaction each", one / rates["a transaction each"], 5, rates),
        at_least("POST one user, PostgreSQL ÷ SQLite", one / rates["SQLite"], 0.5, {}),
        at_least("POST one user, each on one of 64 numbers ÷ a transaction each", spread / spread_apart, 0.9, {}),
        at_least("POST one user, with a synchronous standby ÷ without", rates["with a standby"] / one, 0.5, {}),
    ]
