"""The gain from shared commits on PostgreSQL, and the cost of PostgreSQL compared with SQLite."""

from contextlib import ExitStack

from benchmarks import questions
from benchmarks.databases import database, pair, postgresql, with_numbers
from benchmarks.figures import Figure, interleaved
from benchmarks.lists import Lists
from benchmarks.load import rate_of
from benchmarks.questions import Question
from benchmarks.variants import running

_CONNECTIONS = "8"  # for a transaction each; 64 are not faster, because they wait for the list's lock


def measure(rounds: int, _: Lists) -> list[Figure]:
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

    def ratio(question: Question, name: str, other: str) -> Figure:
        return Figure(question, rates[name] / rates[other], {each: rates[each] for each in (name, other)})

    return [
        ratio(questions.POSTGRESQL_POST, "PostgreSQL", "a transaction each"),
        ratio(questions.POSTGRESQL_SQLITE, "PostgreSQL", "SQLite"),
        ratio(questions.POSTGRESQL_SPREAD, "PostgreSQL, 64 numbers", "a transaction each, 64 numbers"),
        ratio(questions.STANDBY, "with a standby", "PostgreSQL"),
    ]
