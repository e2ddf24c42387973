"""`Reader`: the reads of one turn of the event loop share a transaction.

To begin and end a read transaction, SQLite locks and unlocks the file, which takes as long as a check. So the first
read of a turn begins one, and it ends before anything that is scheduled later. A read may then miss a commit that is
newer than the turn's first read, but no commit that was acknowledged before its request was sent: this process
acknowledges its commits in later turns, and the server serves at most one request of a connection in a turn.
"""

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from wablock.contract.errors import BlocklistInternalError

P = ParamSpec("P")
T = TypeVar("T")


class Reader:
    """A connection that only reads, on the event loop: the writer never blocks it."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._is_reading = False

    def read(self, read: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `read(connection, …)`. After an error the next read begins a new transaction."""
        try:
            if not self._is_reading:
                self._connection.execute("BEGIN")
                self._is_reading = True
                asyncio.get_running_loop().call_soon(self._end)
            return read(self._connection, *args, **kwargs)
        except apsw.Error as error:
            self._end()
            raise BlocklistInternalError from error

    def close(self) -> None:
        self._end()
        self._connection.close()

    def _end(self) -> None:
        if self._is_reading:
            self._is_reading = False
            if self._connection.in_transaction:  # some errors end it
                self._connection.execute("ROLLBACK")
