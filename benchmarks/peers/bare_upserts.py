"""Rows a second of a loop that only upserts blocked users, 1,000 in each commit, as durable as wablock.

    python -m benchmarks.peers.bare_upserts FILE COMMITS

FILE is created, or grows if it exists. The loop creates the users of a commit outside of the measured time.
"""

import random
import sys
import time
from pathlib import Path
from typing import Final

from wablock.storage.sqlite.connection import connect, prepare

_UPSERT: Final = """
INSERT INTO blocked_user (list_id, seq, identity, wa_id, input, blocked_at, blocked_by) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (list_id, identity) DO NOTHING
"""
_EACH: Final = 1_000


def main(file: str, commits: str) -> None:
    prepare(Path(file))
    connection = connect(Path(file))
    numbers = random.Random()
    first = time.time_ns() // 1_000
    seconds = 0.0
    for commit in range(int(commits)):
        users = [f"1{numbers.randrange(10**10):010d}" for _ in range(_EACH)]
        place = first + commit * _EACH
        rows = [("1", place + index, user, user, "+" + user, first, "x") for index, user in enumerate(users)]
        started = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_UPSERT, rows)
        connection.execute("COMMIT")
        seconds += time.perf_counter() - started
    connection.close()
    print(int(commits) * _EACH / seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
