"""What opening a database can come to."""


class CannotOpen(Exception):
    """The database cannot be used; the message says why and what to do, in one line."""
