"""The rate of blocks with 1,000 users in each request, compared with a bare loop of upserts on the same schema."""

import random
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, at_least, interleaved
from benchmarks.load import requests_per_second
from benchmarks.variants import running
from wablock.storage.sqlite.connection import connect, prepare

_UPSERT = """
INSERT INTO blocked_user (list_id, seq, identity, wa_id, input, blocked_at, blocked_by) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (list_id, identity) DO NOTHING
"""
_SECONDS = 3.0


def measure(rounds: int) -> list[Figure]:
    with running("wablock") as server:
        rates = interleaved(
            {
                "wablock": lambda: (
                    1_000 * requests_per_second(server.url, "bulk_post", connections=8, seconds=_SECONDS)
                ),
                "bare loop": _bare_loop,
            },
            rounds,
            "1,000-user POSTs",
        )
    return [
        at_least("1,000-user POSTs, rows/s ÷ a bare upsert loop", rates["wablock"] / rates["bare loop"], 0.4, rates)
    ]


def _bare_loop() -> float:
    """Rows a second of a loop that only upserts, 1,000 rows in each commit, with the same durability."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bare.db"
        prepare(path)
        connection = connect(path)
        numbers = random.Random(1)
        rows = 0
        started = time.perf_counter()
        while time.perf_counter() - started < _SECONDS:
            users = [f"1{numbers.randrange(10**10):010d}" for _ in range(1_000)]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                _UPSERT, [("1", rows + place, user, user, "+" + user, rows, "x") for place, user in enumerate(users)]
            )
            connection.execute("COMMIT")
            rows += 1_000
        connection.close()
        return rows / (time.perf_counter() - started)
