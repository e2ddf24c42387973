"""The database of a command: opening it, and its errors."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from wablock.contract.errors import BlocklistInternalError
from wablock.gate.ports import CannotUnseal
from wablock.server.metrics import Metrics
from wablock.server.serve import CannotListen
from wablock.server.workers import WorkersFailed
from wablock.settings import default_database
from wablock.storage import CannotOpen, Store, TakesNoWrites, open_store
from wablock.vault import BadKey

REFUSALS: Final = (CannotOpen, CannotListen, WorkersFailed, CannotUnseal, BadKey, BlocklistInternalError, TakesNoWrites)
"""Exceptions of the server's parts that a user can fix. Each message says what to do, in one line."""

T = TypeVar("T")


def on_store(database: str | None, work: Callable[[Store], Awaitable[T]]) -> T:
    """Open the database at this URL and return the result of `work`; raises `CannotOpen`."""

    async def opened() -> T:
        store = open_store(database or default_database(), Metrics())
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(opened())
