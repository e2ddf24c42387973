"""Where block lists are kept: one folder per database, all behind `BlockStore`, `Directory` and `RouteStore`."""

from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from wablock.access import Directory
from wablock.block_list.ports import BlockStore
from wablock.gate.ports import RouteStore
from wablock.storage.group_commit import CommitMeter
from wablock.storage.opening import CannotOpen
from wablock.storage.sqlite import SqliteStore

__all__ = ["CannotOpen", "SqliteStore", "Store", "open_store"]

_POSTGRESQL = ("postgresql", "postgres")


class Store(BlockStore, Directory, RouteStore, Protocol):
    """What an adapter is."""

    async def close(self) -> None:
        """Returns once all that was handed in is durable."""


def open_store(url: str, meter: CommitMeter) -> Store:
    """The store at a database URL, ready for use.

    `sqlite:///relative`, `sqlite:////absolute`, or `postgresql://user@host:5432/database`, where several hosts, TLS and
    whatever else a connection needs are said as libpq has it. Raises `CannotOpen`, with one line that says what to do.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None
    if parts is not None and parts.scheme in _POSTGRESQL:
        from wablock.storage.postgres import PostgresStore  # noqa: PLC0415 - a quarter of what starting on SQLite takes

        return PostgresStore(url, meter)
    if parts is None or parts.scheme != "sqlite" or parts.netloc:
        raise CannotOpen(
            f"Cannot read the database URL {url!r}: write sqlite:///path/to/file.db or postgresql://user@host/database"
        )
    path = unquote(parts.path).removeprefix("/")
    if not path:
        raise CannotOpen("The database URL names no file: write sqlite:///path/to/file.db")
    return SqliteStore(Path(path), meter)
