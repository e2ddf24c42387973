"""The gain from grouped checks on PostgreSQL, compared with a query for each check."""

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.databases import database, postgresql, with_users
from benchmarks.figures import Figure, at_least, interleaved
from benchmarks.gate import downstream, gate, signed
from benchmarks.load import rate_of, requests_per_second, write_posts
from benchmarks.processes import SERVER_CORE, module, number_printed_by
from benchmarks.variants import free, running

_USERS = 1_000_000
_SPREAD = 997  # distance between two senders, so that they are spread over the whole million
_CONNECTIONS = "8"  # for a query each
_SECONDS = "3"


def measure(rounds: int) -> list[Figure]:
    with ExitStack() as stack:
        cluster = stack.enter_context(postgresql())
        url = with_users(database(cluster, "checks"), _USERS)
        other = database(cluster, "other", like="checks")  # each gate has a key to its secrets
        return [*_at_the_store(url, rounds), _over_http(url, rounds), _at_the_gate(url, other, rounds)]


def _at_the_store(url: str, rounds: int) -> list[Figure]:
    ways = {
        f"{callers} callers{', a query each' if apart else ''}": partial(
            number_printed_by, SERVER_CORE, module("load.store_checks", url, str(callers), _SECONDS, *apart)
        )
        for callers in (64, 256)
        for apart in ([], [_CONNECTIONS])
    }
    rates = interleaved(ways, rounds, "checks at the store")
    return [
        at_least(
            f"checks at the store, {callers} callers ÷ a query each",
            rates[f"{callers} callers"] / rates[f"{callers} callers, a query each"],
            3,
            rates if callers == 64 else {},
        )
        for callers in (64, 256)
    ]


def _over_http(url: str, rounds: int) -> Figure:
    with ExitStack() as stack:
        grouped = stack.enter_context(running("wablock", url=url))
        apart = stack.enter_context(running("one_at_a_time", _CONNECTIONS, url=url))
        crowded = stack.enter_context(running("one_at_a_time", "64", url=url))
        ways = {
            "grouped": rate_of(grouped.base_url, "check"),
            "a query each": rate_of(apart.base_url, "check"),
            "a query each, pool of 64": rate_of(crowded.base_url, "check"),
        }
        rates = interleaved(ways, rounds, "checks over HTTP")
    return at_least(
        "checks over HTTP, 64 connections ÷ a query each", rates["grouped"] / rates["a query each"], 3, rates
    )


def _at_the_gate(url: str, other: str, rounds: int) -> Figure:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        posts = write_posts(folder / "posts", [signed([free(number * _SPREAD)], number) for number in range(1_000)])
        receiver = stack.enter_context(downstream())
        with gate(url, receiver) as grouped:
            grouped_rate = partial(requests_per_second, grouped.url, "posts", str(posts))
            with gate(other, receiver, ["one_at_a_time", _CONNECTIONS]) as single:
                apart = partial(requests_per_second, single.url, "posts", str(posts))
                ways = {"grouped": grouped_rate, "a query each": apart}
                rates = interleaved(ways, rounds, "webhooks of one message")
    return at_least(
        "webhooks of one message, 64 connections ÷ a query each", rates["grouped"] / rates["a query each"], 1, rates
    )
