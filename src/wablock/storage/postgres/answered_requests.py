"""The answered requests of one list, in the transaction that holds the list. See `block_list.idempotency`."""

from collections.abc import Sequence

from msgspec.structs import astuple

from wablock.block_list.idempotency import AnsweredRequest, AnsweredRequests
from wablock.block_list.list_changes import ListChange
from wablock.storage.postgres.sessions import Connection

_ANSWERED = """
SELECT key_hash, request_hash, outcome, at FROM answered_request WHERE list_id = $1 AND key_hash = ANY($2)
"""
_ADD = "INSERT INTO answered_request (list_id, key_hash, request_hash, outcome, at) VALUES ($1, $2, $3, $4, $5)"


async def read(connection: Connection, list_id: str, changes: Sequence[ListChange]) -> AnsweredRequests:
    """Those with a key of `changes`. Most changes have none, and nothing is read."""
    keys = {key.key_hash for change in changes if (key := getattr(change, "key", None)) is not None}
    rows = await connection.fetch(_ANSWERED, list_id, list(keys)) if keys else ()
    return AnsweredRequests(AnsweredRequest(*row) for row in rows)


async def add(connection: Connection, list_id: str, answered: Sequence[AnsweredRequest]) -> None:
    if answered:
        await connection.executemany(_ADD, [(list_id, *astuple(it)) for it in answered])
