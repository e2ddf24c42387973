"""The rate of durable blocks, with one user in each request and 64 connections."""

from contextlib import ExitStack

from benchmarks.figures import Figure, at_least, interleaved
from benchmarks.load import rate_of
from benchmarks.variants import running


def measure(rounds: int) -> list[Figure]:
    with ExitStack() as stack:
        servers = {name: stack.enter_context(running(name)) for name in ("wablock", "null_store", "peer")}
        rates = interleaved(
            {name: rate_of(server.url, "single_post") for name, server in servers.items()},
            rounds,
            "single-user POSTs",
        )
    return [
        at_least("POST one user ÷ FastAPI + SQLAlchemy + aiosqlite", rates["wablock"] / rates["peer"], 25, rates),
        at_least(
            "POST one user ÷ the same over a store that does nothing", rates["wablock"] / rates["null_store"], 0.5, {}
        ),
    ]
