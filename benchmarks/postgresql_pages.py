"""The cost of a page of 25 of 64,000 on PostgreSQL, compared with SQLite."""

from contextlib import ExitStack

from benchmarks import questions
from benchmarks.databases import database, postgresql, with_users
from benchmarks.figures import Figure, interleaved
from benchmarks.lists import Lists
from benchmarks.load import rate_of
from benchmarks.variants import fill, running

_USERS = 64_000


def measure(rounds: int, _: Lists) -> list[Figure]:
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
    figures = []
    for question, what in ((questions.POSTGRESQL_PAGE, "unchanged"), (questions.POSTGRESQL_PAGE_READ, "not cached")):
        pair = {name: rates[name] for name in (f"PostgreSQL, {what}", f"SQLite, {what}")}
        on_postgresql, on_sqlite = pair.values()
        figures.append(Figure(question, on_postgresql / on_sqlite, pair))
    return figures
