"""The size of a blocked user on disk, measured with a million in random order: `python -m benchmarks.sizes`."""

import asyncio
import random
import tempfile
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from tests.postgres import connected

from benchmarks.databases import NUMBERS, database, postgresql, with_numbers
from wablock.block_list.changes import Block
from wablock.block_list.ports import Member
from wablock.server.metrics import Metrics
from wablock.settings import DEV_ACCOUNT_ID, file_url
from wablock.storage import Store, open_store
from wablock.wiring import system_clock

_USERS: Final = 1_000_000
_TOGETHER: Final = 1_000
_SIZES: Final = """
SELECT relname, pg_relation_size(oid) FROM pg_class
WHERE relname ^@ 'blocked_user' AND relkind IN ('r', 'i') ORDER BY relkind DESC, relname
"""


def main() -> None:
    table = Table("what", "bytes for a user")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sizes.db"
        asyncio.run(_fill(open_store(with_numbers(file_url(file)), Metrics())))
        table.add_row("SQLite, the file", f"{file.stat().st_size / _USERS:.0f}")
    with postgresql() as cluster:
        url = with_numbers(database(cluster, "sizes"))
        asyncio.run(_fill(open_store(url, Metrics())))
        for name, size in connected(url, _sizes):
            table.add_row(f"PostgreSQL, {name}", f"{size / _USERS:.0f}")
    Console().print(table)


async def _fill(store: Store) -> None:
    numbers = random.Random(1)
    for start in range(0, _USERS, _TOGETHER):
        users = [f"1{numbers.randrange(10**10):010d}" for _ in range(_TOGETHER)]
        members = [Member(user, user, None, f"+{user}") for user in users]
        list_id = NUMBERS[start // _TOGETHER % len(NUMBERS)]
        await store.apply(Block(list_id, DEV_ACCOUNT_ID, system_clock(), "bench", members, None, None))
    await store.close()


async def _sizes(connection: Any) -> list[tuple[str, int]]:
    await connection.execute("CHECKPOINT")
    return [tuple(row) for row in await connection.fetch(_SIZES)]


if __name__ == "__main__":
    main()
