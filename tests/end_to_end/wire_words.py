"""The bytes between a node and PostgreSQL at the important moments of a change."""

from typing import Final

ABOUT_TO_COMMIT: Final = (b"COMMIT;",)
"""A node that holds a list is about to say so: before it, the transaction is half open."""

COMMITTED: Final = b"COMMIT\0"
"""PostgreSQL is about to report that a locked list is written: before it, the node does not know."""


def written(list_id: str) -> bytes:
    """The same of an unlocked list: the last of those that the call has written, and the end of its answer."""
    return list_id.encode() + b"s\0\0\0\4"
