"""Where block lists are kept: one folder per database, all behind `BlockStore` and `Directory`."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from wablock.storage.group_commit import CommitMeter
from wablock.storage.sqlite import CannotOpen, SqliteStore

__all__ = ["CannotOpen", "SqliteStore", "open_store"]

Store = SqliteStore


def open_store(url: str, meter: CommitMeter) -> Store:
    """The store at a database URL (`sqlite:///relative` or `sqlite:////absolute`), ready for use.

    Raises `CannotOpen`, with one line that says what to do.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None
    if parts is None or parts.scheme != "sqlite" or parts.netloc:
        raise CannotOpen(f"Cannot read the database URL {url!r}: write sqlite:///path/to/file.db")
    path = unquote(parts.path).removeprefix("/")
    if not path:
        raise CannotOpen("The database URL names no file: write sqlite:///path/to/file.db")
    return SqliteStore(Path(path), meter)
