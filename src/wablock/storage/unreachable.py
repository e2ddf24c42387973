"""The failure of a database that cannot be reached."""

from wablock.contract.errors import BlocklistInternalError


class Unreachable(BlocklistInternalError):
    """The database did not respond; it is unknown whether a change was made."""
