"""Which database a URL means."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from wablock.storage.opening import CannotOpen

_POSTGRESQL: Final = ("postgresql", "postgres")
_USER: Final = re.compile(r"//[^/]*@")


def is_postgresql(url: str) -> bool:
    """Whether it names a PostgreSQL database, whatever else is to be said of it."""
    return _scheme(url) in _POSTGRESQL


def sqlite_path(url: str) -> Path:
    """The file of `sqlite:///relative` or `sqlite:////absolute`; raises `CannotOpen` for what is no such URL."""
    if _scheme(url) != "sqlite" or urlsplit(url).netloc:
        raise CannotOpen(
            f"Cannot read the database URL {_without_password(url)!r}: write sqlite:///path/to/file.db or postgresql://user@host/database"
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


def _without_password(url: str) -> str:
    return _USER.sub("//…@", url)
