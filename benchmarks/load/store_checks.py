"""The rate of checks by a store on PostgreSQL, with several callers that each check one user after the other.

    python -m benchmarks.load.store_checks URL CALLERS SECONDS [CONNECTIONS]

With CONNECTIONS, checks are not grouped: each is a query of its own, on a pool of this size.
"""

import asyncio
import random
import sys
import time
from typing import Final

import uvloop

from benchmarks.peers import one_at_a_time
from benchmarks.variants import blocked, free
from wablock.block_list.ports import Member
from wablock.server.metrics import Metrics
from wablock.settings import DEV_ACCOUNT_ID, DEV_PHONE_NUMBER_ID
from wablock.storage import Store, open_store

_WARM: Final = 0.5  # seconds that are not measured


def main(url: str, callers: str, seconds: str, connections: str = "") -> None:
    store = open_store(url, Metrics())
    if connections:
        one_at_a_time.make(store, url, int(connections))
    print(uvloop.run(_rate(store, int(callers), float(seconds))))


async def _rate(store: Store, callers: int, seconds: float) -> float:
    numbers = random.Random(1)
    began = time.perf_counter() + _WARM
    checks = 0

    async def check() -> None:
        nonlocal checks
        while (now := time.perf_counter()) < began + seconds:
            place = numbers.randrange(1_000_000)
            wa_id = (blocked if place % 2 else free)(place)
            await store.blocked(DEV_ACCOUNT_ID, DEV_PHONE_NUMBER_ID, [Member(wa_id, wa_id, None, wa_id)], 0)
            checks += now > began

    await asyncio.gather(*(check() for _ in range(callers)))
    await store.close()
    return checks / seconds


if __name__ == "__main__":
    main(*sys.argv[1:])
