"""The cost of a page of 25 of 64,000 on PostgreSQL, compared with SQLite."""

from contextlib import ExitStack

from benchmarks.databases import database, postgresql, with_users
from benchmarks.figures import Figure, at_least, interleaved
from benchmarks.load import rate_of
from benchmarks.variants import fill, running

_USERS = 64_000


def measure(rounds: int) -> list[Figure]:
    with ExitStack() as stack:
        url = with_users(database(stack.enter_context(postgresql()), "pages"), _USERS)
        measures = {}
        for variant, what in (("wablock", "unchanged"), ("forgetful", "not cached")):
            postgres = stack.enter_context(running(variant, url=url))
            measures[f"PostgreSQL, {what}"] = rate_of(f"{postgres.url}?limit=25", "get")
            sqlite = stack.enter_context(running(variant))
            fill(sqlite.url, _USERS)
            measures[f"SQLite, {what}"] = rate_of(f"{sqlite.url}?limit=25", "get")
        rates = interleaved(measures, rounds, "pages of 25 on PostgreSQL")
    return [
        at_least(
            f"GET 25 of 64,000, {what}, PostgreSQL ÷ SQLite",
            rates[f"PostgreSQL, {what}"] / rates[f"SQLite, {what}"],
            0.3,
            rates if what == "unchanged" else {},
        )
        for what in ("unchanged", "not cached")
    ]
