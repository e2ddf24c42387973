"""The failure to open a database, and the name of a database in messages."""

import re
from typing import Final
from urllib.parse import urlsplit

_HOSTS: Final = re.compile(r"(?:(?:\[[^\[\]]*\]|[^:\[\],]*)(?::[0-9]*)?(?:,|$))*")
_PARAMETERS: Final = re.compile(r"(?:[^=&@]+=[^&]*(?:&|$))*")


class CannotOpen(Exception):
    """The database cannot be used; the message says why and what to do, in one line."""


def named(url: str) -> str:
    """The database in messages: without password and parameters."""
    if not _is_clear(url):
        return f"{url.partition(':')[0]}://…"
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    if not at and "@" in parts.query:
        return f"{parts.scheme}://…"  # a password in a parameter
    return f"{parts.scheme}://{user.split(':')[0]}{at}{hosts}{parts.path}"


def check_parts(url: str) -> None:
    """Raises `CannotOpen` if a part of the password would be read as another part, which messages may have."""
    if not _is_clear(url):
        raise CannotOpen(
            "Cannot read the database URL: write postgresql://user@host:5432/database, with a port in digits, and in "
            "a user or password %2F for /, %3F for ?, %23 for #, %40 for @, %5B for [ and %5D for ]"
        )


def _is_clear(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets
        return False
    is_clear = "#" not in url and "@" not in parts.path
    return bool(is_clear and _HOSTS.fullmatch(parts.netloc.rpartition("@")[2]) and _PARAMETERS.fullmatch(parts.query))
