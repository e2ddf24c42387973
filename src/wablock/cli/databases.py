"""The database of a command: opening it, and its errors."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from wablock.cli.arguments import Refused
from wablock.contract.errors import BlocklistInternalError
from wablock.gate.ports import CannotUnseal
from wablock.server.metrics import Metrics
from wablock.server.serve import CannotListen
from wablock.server.workers import WorkersFailed
from wablock.settings import default_database
from wablock.storage import CannotOpen, Store, TakesNoWrites, open_store
from wablock.storage.urls import is_postgresql, sqlite_path
from wablock.vault import BadKey

REFUSALS: Final = (CannotOpen, CannotListen, WorkersFailed, CannotUnseal, BadKey, BlocklistInternalError, TakesNoWrites)
"""Exceptions of the server's parts that a user can fix. Each message says what to do, in one line."""

T = TypeVar("T")


def on_store(database: str | None, work: Callable[[Store], Awaitable[T]], *, may_create: bool = False) -> T:
    """Open the database at this URL and return the result of `work`; raises `CannotOpen`.

    `may_create`: the command is one with which a database begins. For all others, a file that does not exist is a
    mistyped path.
    """
    url = database or default_database()
    if not may_create and not is_postgresql(url) and not (path := sqlite_path(url)).exists():
        raise CannotOpen(f"There is no database {path}: check --database, or create it with wablock number add")

    async def opened() -> T:
        store = open_store(url, Metrics())
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(opened())


async def check_number_exists(store: Store, phone_number_id: str) -> None:
    """Raises `Refused` if the database has no such number."""
    if await store.find_number(phone_number_id) is None:
        raise Refused(f"The number {phone_number_id} does not exist: see wablock number list")
