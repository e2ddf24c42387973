"""Database URLs."""

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from wablock.storage.opening import CannotOpen, named

_POSTGRESQL: Final = ("postgresql", "postgres")


def is_postgresql(url: str) -> bool:
    """Whether it is the URL of a PostgreSQL database, valid or not."""
    return _scheme(url) in _POSTGRESQL


def sqlite_path(url: str) -> Path:
    """The file of `sqlite:///relative` or `sqlite:////absolute`; raises `CannotOpen` for other URLs."""
    if _scheme(url) != "sqlite" or urlsplit(url).netloc:
        raise CannotOpen(
            f"Cannot read the database URL {_shown(url)}: write sqlite:///path/to/file.db or postgresql://user@host/database"
        )
    if "#" in url or "?" in url:
        raise CannotOpen(
            f"Cannot read the database URL {_shown(url)}: in the file's name write %23 for # and %3F for ?"
        )
    path = unquote(urlsplit(url).path).removeprefix("/")
    if not path:
        raise CannotOpen("The database URL names no file: write sqlite:///path/to/file.db")
    return Path(path)


def _scheme(url: str) -> str | None:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return None


def _shown(url: str) -> str:
    """`url` without a password."""
    return repr(named(url) if "@" in url else url)
