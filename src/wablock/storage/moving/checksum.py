"""What both sides are compared by: SHA-256 over all rows of a table, in the order of its key."""

import hashlib
from collections.abc import Iterable

import msgspec

from wablock.storage.moving.tables import Row

_encode = msgspec.msgpack.Encoder().encode


class Sum(msgspec.Struct, frozen=True):
    """A table's checksum and number of rows."""

    rows: int
    sha256: str


class Checksum:
    """Of the rows so far. Text, number, bytes, list and nothing are told apart, and so is where a value ends."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._rows = 0

    def add(self, rows: Iterable[Row]) -> None:
        encoded = [_encode(row) for row in rows]
        self._hash.update(b"".join(encoded))
        self._rows += len(encoded)

    def sum(self) -> Sum:
        return Sum(self._rows, self._hash.hexdigest())


def total(sums: Iterable[tuple[str, Sum]]) -> str:
    """One checksum of all tables."""
    return hashlib.sha256(msgspec.msgpack.encode([(name, it.rows, it.sha256) for name, it in sums])).hexdigest()
