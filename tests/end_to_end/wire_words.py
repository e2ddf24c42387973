"""What passes between a node and PostgreSQL at the moments of a change that matter."""

from typing import Final

ABOUT_TO_COMMIT: Final = (b"COMMIT;",)
"""A node that holds a list is about to say so: before it, the transaction is half open."""

_ONE_LIST_WRITTEN: Final = b"\0\0\0\x10\0\0\0\1\0\0\0\1\0\0\0\1\1"  # the array {true}: what wablock_write_lists says

DONE: Final = (b"COMMIT\0", _ONE_LIST_WRITTEN)
"""PostgreSQL is about to say so: before it, the node does not know."""
