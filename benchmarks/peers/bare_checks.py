"""The rate of only the join in a check of 1,000 users, on an existing database.

    python -m benchmarks.peers.bare_checks FILE LISTS SECONDS

LISTS is a file with a JSON list of identities on each line.
"""

import sys
import time
from itertools import cycle
from pathlib import Path

from wablock.settings import DEV_PHONE_NUMBER_ID
from wablock.storage.sqlite.connection import connect

# CROSS JOIN fixes the order of the join: SQLite must start from the users to check.
_CHECK = """
SELECT checked.value, blocked_user.blocked_at
FROM json_each(?1) AS checked CROSS JOIN blocked_user
WHERE blocked_user.list_id = ?2 AND blocked_user.identity = checked.value
"""


def main(file: str, lists: str, seconds: str) -> None:
    connection = connect(Path(file))
    checks = Path(lists).read_text().splitlines()
    for identities in checks:  # fills the cache, as in the server
        connection.execute(_CHECK, (identities, DEV_PHONE_NUMBER_ID)).fetchall()
    count = 0
    started = time.perf_counter()
    for identities in cycle(checks):
        connection.execute(_CHECK, (identities, DEV_PHONE_NUMBER_ID)).fetchall()
        count += 1
        if time.perf_counter() - started > float(seconds):
            break
    print(count / (time.perf_counter() - started))


if __name__ == "__main__":
    main(*sys.argv[1:])
