"""PostgreSQL for the benchmarks: a server with real fsync, not on the core of the measured servers."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from typing import Final

from tests.cluster import Cluster, running_cluster
from tests.end_to_end.pair import Pair
from tests.postgres import execute

from benchmarks.processes import LOAD_CORE
from wablock.block_list.ports import BusinessNumber
from wablock.server.metrics import Metrics
from wablock.settings import DEV_ACCOUNT_ID, DEV_PHONE_NUMBER_ID
from wablock.storage import Store, open_store
from wablock.wiring import system_clock

NUMBERS: Final = [f"2065403522429{place:02d}" for place in range(64)]
"""The same numbers as in load/spread_post.lua."""

_SETTINGS: Final = {"max_wal_size": "4GB"}
_FILL: Final = """
INSERT INTO blocked_user (list_id, identity, seq, wa_id, input, blocked_at, blocked_by)
SELECT '{list_id}', wa_id, 1800000000000000 + place, wa_id, '+' || wa_id, 1800000000000000, 'bench'
FROM generate_series(0, {users} - 1) AS place, LATERAL (SELECT '1650' || lpad((place * 7)::text, 7, '0') AS wa_id) AS i;
INSERT INTO block_list (list_id, account_id, version, size, revision, writers)
VALUES ('{list_id}', '{account_id}', 1800000000000000 + {users}, {users}, 1, '{{}}')
ON CONFLICT (list_id) DO UPDATE SET version = excluded.version, size = excluded.size, revision = block_list.revision + 1
"""


@contextlib.contextmanager
def postgresql(core: str = LOAD_CORE) -> Iterator[Cluster]:
    """A server with PostgreSQL's own settings: fsync, full_page_writes and synchronous_commit are on."""
    with on(core), running_cluster(_SETTINGS) as cluster:
        yield cluster


@contextlib.contextmanager
def pair() -> Iterator[Pair]:
    """The same with a standby: every acknowledged commit is on both."""
    both = Pair()
    try:
        with on(LOAD_CORE):
            both.start()
        yield both
    finally:
        both.remove()


def database(cluster: Cluster, name: str, like: str = "template1") -> str:
    """The URL of a new database, empty or a copy of another that has no connections."""
    execute(cluster.url, f"CREATE DATABASE {name} TEMPLATE {like}")
    return cluster.url.removesuffix("/postgres") + f"/{name}"


def with_numbers(url: str) -> str:
    """Add `NUMBERS` and the development number to the database at `url`, and return `url`."""

    async def add(store: Store) -> None:
        for phone_number_id in (DEV_PHONE_NUMBER_ID, *NUMBERS):
            await store.add_number(BusinessNumber(phone_number_id, DEV_ACCOUNT_ID), system_clock())
        await store.close()

    asyncio.run(add(open_store(url, Metrics())))
    return url


def with_users(url: str, users: int) -> str:
    """Block users on the development number in the database at `url`, as `fill` does, and return `url`.

    The users are the first ones of `blocked` in variants.py.
    """
    with_numbers(url)
    execute(url, _FILL.format(list_id=DEV_PHONE_NUMBER_ID, account_id=DEV_ACCOUNT_ID, users=users))
    execute(url, "VACUUM (ANALYZE)")
    return url


@contextlib.contextmanager
def on(core: str) -> Iterator[None]:
    """Run processes that are started in this block on `core`, or on several cores separated by commas."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(map(int, core.split(","))))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
