"""The cost of each operation on PostgreSQL, for one node and 64 connections: `python -m benchmarks.costs`.

The CPU time is the kernel's count, so other processes on the machine have little effect on it.
"""

import asyncio
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table
from tests.cluster import Cluster
from tests.postgres import connected

from benchmarks.databases import database, postgresql, with_users
from benchmarks.gate import downstream, gate, webhooks_of_one_message
from benchmarks.load import requests_in
from benchmarks.variants import running
from wablock.block_list.changes import NoteInbound
from wablock.block_list.ports import Member
from wablock.server.metrics import Metrics
from wablock.settings import DEV_ACCOUNT_ID
from wablock.storage import Store, open_store
from wablock.wiring import system_clock

_SECONDS: Final = 5.0
_USERS: Final = 1_000_000
_REPEATS: Final = 5
_COUNTED: Final = """
SELECT (SELECT sum(xact_commit) FROM pg_stat_database), wal_bytes, wal_sync FROM pg_stat_wal
"""


class Counted(msgspec.Struct):
    """The resources used since the start."""

    node: float
    postgresql: float
    transactions: float
    wal_bytes: float
    syncs: float

    def __sub__(self, other: "Counted") -> "Counted":
        mine, others = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return Counted(*(one - two for one, two in zip(mine, others, strict=True)))


def main() -> None:
    table = Table("operation", "a second", "CPU µs, node", "CPU µs, PostgreSQL", "transactions", "WAL bytes", "syncs")
    with ExitStack() as stack:
        cluster = stack.enter_context(postgresql())
        url = with_users(database(cluster, "costs"), _USERS)
        server = stack.enter_context(running("wablock", url=url))
        for name, script, address in (
            ("block, one number", "single_post", server.url),
            ("block, 64 numbers", "spread_post", server.url),
            ("check of one user", "check", server.base_url),
            ("page of 25, unchanged", "get", server.url),
        ):
            for connections in (64, 1):
                what = f"{name}, {connections} connection{'s'[: connections - 1]}"
                table.add_row(what, *_cost(cluster, server.process.pid, address, script, connections))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        posts = webhooks_of_one_message(folder / "webhooks", _USERS)
        through = stack.enter_context(gate(url, stack.enter_context(downstream())))
        table.add_row(
            "webhook of one message, 64 connections", *_cost(cluster, through.pid, through.url, "posts", 64, str(posts))
        )
        table.add_row(*_noting(cluster, url))
        memory = server.resident_bytes() / 1e6
    console = Console(width=140)
    console.print(table)
    console.print(f"The node used {memory:.0f} MB of memory, with {_USERS:,} users in its database.")


def _cost(cluster: Cluster, node: int, url: str, script: str, connections: int, *arguments: str) -> list[str]:
    """The cost of a request, as cells of the table."""
    before = counted(cluster, node)
    requests = requests_in(url, script, *arguments, connections=connections, seconds=_SECONDS)
    used = counted(cluster, node) - before
    return _row(used, requests, _SECONDS)


def _row(used: Counted, times: float, seconds: float) -> list[str]:
    return [
        f"{times / seconds:,.0f}",
        f"{used.node / times * 1e6:,.0f}",
        f"{used.postgresql / times * 1e6:,.0f}",
        f"{used.transactions / times:.3f}",
        f"{used.wal_bytes / times:,.0f}",
        f"{used.syncs / times:.3f}",
    ]


def _noting(cluster: Cluster, url: str) -> list[str]:
    """The cost of storing when a user last wrote, for a thousand numbers at a time, as the gate does it."""

    async def note(store: Store) -> None:
        for repeat in range(_REPEATS):
            user = f"16505550{repeat:03d}"
            member = Member(user, user, None, user)
            changes = [NoteInbound(number, DEV_ACCOUNT_ID, system_clock(), [member]) for number in numbers]
            await asyncio.gather(*map(store.apply, changes))
        await store.close()

    numbers = [f"3065403522{place:04d}" for place in range(1_000)]
    asyncio.run(note(open_store(url, Metrics())))  # creates the lists
    began, before = time.perf_counter(), counted(cluster, os.getpid())
    asyncio.run(note(open_store(url, Metrics())))
    used, seconds = counted(cluster, os.getpid()) - before, time.perf_counter() - began
    return ["when a user last wrote, 1,000 numbers", *_row(used, _REPEATS * len(numbers), seconds)]


def counted(cluster: Cluster, node: int) -> Counted:
    async def statistics(connection: Any) -> list[float]:
        return list(map(float, await connection.fetchrow(_COUNTED)))

    postmaster = int((cluster.data / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    seconds = sum(map(_cpu_seconds, (postmaster, *map(int, children))))
    return Counted(_cpu_seconds(node), seconds, *connected(cluster.url, statistics))


def _cpu_seconds(pid: int) -> float:
    """The CPU time of a process and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # it has just ended, so its parent's time includes it
        return 0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
