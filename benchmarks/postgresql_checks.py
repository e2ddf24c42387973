"""The gain from grouped checks on PostgreSQL over HTTP, compared with a query for each check."""

from contextlib import ExitStack
from typing import Final

from benchmarks import questions
from benchmarks.databases import database, postgresql, with_users
from benchmarks.figures import Figure, interleaved
from benchmarks.lists import MILLION, Lists
from benchmarks.load import rate_of
from benchmarks.variants import running

CONNECTIONS: Final = "8"  # for a query each; more are slower


def measure(rounds: int, _: Lists) -> list[Figure]:
    with ExitStack() as stack:
        url = with_users(database(stack.enter_context(postgresql()), "checks"), MILLION)
        grouped = stack.enter_context(running("wablock", url=url))
        apart = stack.enter_context(running("one_at_a_time", CONNECTIONS, url=url))
        ways = {"grouped/s": rate_of(grouped.base_url, "check"), "a query each/s": rate_of(apart.base_url, "check")}
        rates = interleaved(ways, rounds, "checks on PostgreSQL")
    return [Figure(questions.POSTGRESQL_CHECK, rates["grouped/s"] / rates["a query each/s"], rates)]
