"""The stores behind the ports that `Store` names: a folder for each database; `memory.py` for tests."""

from typing import Protocol

from wablock.access import Directory
from wablock.block_list.event_store import EventStore
from wablock.block_list.shared_lists import SharedListStore
from wablock.block_list.store import BlockStore
from wablock.gate.ports import RouteStore
from wablock.storage.meter import StoreMeter
from wablock.storage.opening import CannotOpen, named
from wablock.storage.sqlite import SqliteStore
from wablock.storage.sqlite.moves import TakesNoWrites
from wablock.storage.urls import is_postgresql, sqlite_path
from wablock.subscriptions.ports import SubscriptionStore
from wablock.turn import Turn

__all__ = ["CannotOpen", "SqliteStore", "Store", "TakesNoWrites", "named", "open_store"]


class Store(BlockStore, EventStore, SharedListStore, Directory, RouteStore, SubscriptionStore, Protocol):
    """The ports that every adapter implements."""

    @property
    def is_shared(self) -> bool:
        """Whether several machines may use the database."""

    async def close(self) -> None:
        """Returns when all changes are durable."""


def open_store(url: str, meter: StoreMeter, turn: Turn | None = None) -> Store:
    """The store at a database URL, ready for use.

    `sqlite:///relative`, `sqlite:////absolute`, or `postgresql://user@host:5432/database` with several hosts, TLS and
    other parameters as in libpq. Raises `CannotOpen`; its message says in one line what to do. For `turn`, see
    `SqliteStore`.
    """
    if is_postgresql(url):
        from wablock.storage.postgres import PostgresStore  # noqa: PLC0415 - a quarter of what starting on SQLite takes

        return PostgresStore(url, meter)
    return SqliteStore(sqlite_path(url), meter, turn)
