"""The join that a check of 1,000 users is, and nothing else: how many a second on a database that is there?

    python -m benchmarks.peers.bare_checks FILE LISTS SECONDS

LISTS holds a JSON list of identities a line.
"""

import sys
import time
from itertools import cycle
from pathlib import Path

from wablock.settings import DEV_PHONE_NUMBER_ID
from wablock.storage.sqlite.connection import connect

# Driven from those who are asked about: CROSS JOIN keeps SQLite from any other order.
_CHECK = """
SELECT asked.value, blocked_user.blocked_at
FROM json_each(?1) AS asked CROSS JOIN blocked_user
WHERE blocked_user.list_id = ?2 AND blocked_user.identity = asked.value
"""


def main(file: str, lists: str, seconds: str) -> None:
    connection = connect(Path(file))
    asked = Path(lists).read_text().splitlines()
    for identities in asked:  # warm, as the server is
        connection.execute(_CHECK, (identities, DEV_PHONE_NUMBER_ID)).fetchall()
    checks = 0
    started = time.perf_counter()
    for identities in cycle(asked):
        connection.execute(_CHECK, (identities, DEV_PHONE_NUMBER_ID)).fetchall()
        checks += 1
        if time.perf_counter() - started > float(seconds):
            break
    print(checks / (time.perf_counter() - started))


if __name__ == "__main__":
    main(*sys.argv[1:])
