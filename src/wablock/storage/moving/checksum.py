"""The checksum that compares both databases: SHA-256 over all rows of a table, in the order of its key."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable

import msgspec

from wablock.storage.moving.tables import Row

_encode = msgspec.msgpack.Encoder().encode


class Sum(msgspec.Struct, frozen=True):
    """A table's checksum and number of rows."""

    rows: int
    sha256: str


async def sum_of(chunks: AsyncIterator[list[Row]], advanced: Callable[[int], None]) -> Sum:
    """The sum of all rows. MessagePack encodes the type and length of each value, so different rows differ in it."""
    sha256, count = hashlib.sha256(), 0
    async for rows in chunks:
        sha256.update(b"".join([_encode(row) for row in rows]))
        count += len(rows)
        advanced(len(rows))
    return Sum(count, sha256.hexdigest())


def total(sums: Iterable[tuple[str, Sum]]) -> str:
    """One checksum over all tables."""
    return hashlib.sha256(b"".join(_encode((name, it.rows, it.sha256)) for name, it in sums)).hexdigest()
