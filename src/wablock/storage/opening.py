"""The failure to open a database, and the name of a database in messages."""

from urllib.parse import urlsplit


class CannotOpen(Exception):
    """The database cannot be used; the message says why and what to do, in one line."""


def named(url: str) -> str:
    """The database in messages: without password and parameters."""
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    if "@" in parts.path + parts.fragment or (not at and "@" in parts.query):
        return f"{parts.scheme}://…"  # a password with a / in it, which should have been escaped, or one in a parameter
    return f"{parts.scheme}://{user.split(':')[0]}{at}{hosts}{parts.path}"
