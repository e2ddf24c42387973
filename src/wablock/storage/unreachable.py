"""A database that cannot be reached any more."""

from wablock.contract.errors import BlocklistInternalError


class Unreachable(BlocklistInternalError):
    """The database did not answer to the end: what became of a change is not known."""
