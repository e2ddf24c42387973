"""`Reader`: the reads of one turn of the event loop share a transaction.

To begin and end a read transaction, SQLite locks and unlocks the file, which takes as long as a check. So the first
read of a turn begins one, and it ends with the turn. A read may then miss a commit that is newer than the turn's first
read, but no commit that was acknowledged before its request was sent; see `wablock.turn`.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from wablock.contract.errors import BlocklistInternalError
from wablock.turn import Turn

P = ParamSpec("P")
T = TypeVar("T")


class Reader:
    """A connection that only reads, on the event loop: the writer never blocks it."""

    def __init__(self, connection: apsw.Connection, turn: Turn) -> None:
        self._connection = connection
        self._turn = turn
        self._is_reading = False

    def read(self, read: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `read(connection, …)`, in a transaction: this turn's, or one of its own if no turn is open."""
        try:
            if not self._is_reading:
                self._begin()
            result = read(self._connection, *args, **kwargs)
        except apsw.Error as error:
            self._end()
            raise BlocklistInternalError from error
        if not self._turn.is_open:
            self._end()
        return result

    def close(self) -> None:
        self._end()
        self._connection.close()

    def _begin(self) -> None:
        self._connection.execute("BEGIN")
        self._is_reading = True
        if self._turn.is_open:
            self._turn.at_end(self._end)

    def _end(self) -> None:
        if self._is_reading:
            self._is_reading = False
            if self._connection.in_transaction:  # some errors end it
                self._connection.execute("ROLLBACK")
