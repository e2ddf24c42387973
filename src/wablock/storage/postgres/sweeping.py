"""The deletion of expired rows, list by list. Several nodes may do it at the same time."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from wablock.block_list.changes import Sweep
from wablock.block_list.list_changes import DropExpired, ListChange
from wablock.block_list.ports import Outcome
from wablock.contract.errors import BlocklistInternalError, UnknownObject
from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.sessions import Connection
from wablock.storage.unreachable import Unreachable

_LISTS = "SELECT DISTINCT list_id FROM account_list ORDER BY list_id"
_EXPIRED = "SELECT list_id, account_id FROM block_list WHERE list_id = ANY($1) AND next_expiry <= $2"
_THESE = "SELECT identity FROM blocked_user WHERE list_id = $1 AND expires_at <= $2 LIMIT $3"
_OLD_INBOUND = """
SELECT phone_number_id, identity FROM last_inbound
WHERE phone_number_id = ANY($1) AND at > 0 AND at < $2 LIMIT $3
"""
# at: the user may have written again.
_FORGET_INBOUND = "DELETE FROM last_inbound WHERE phone_number_id = $1 AND at < $2 AND identity = ANY($3)"

_OLD_ANSWERED = "SELECT list_id, key_hash FROM answered_request WHERE list_id = ANY($1) AND at < $2 LIMIT $3"
_FORGET_ANSWERED = "DELETE FROM answered_request WHERE list_id = $1 AND key_hash = ANY($2)"

_MOST_LISTS: Final = 1_000  # in one statement
_MOST_EXPIRED: Final = 10_000  # deleted in one sweep, so that no change waits long; the next sweep continues
_MOST_INBOUND: Final = 10_000  # deleted in one transaction, which must end before its time-out
_MOST_ANSWERED: Final = 5_000  # as above; each has its outcome


async def sweep(
    connections: Connections, apply: Callable[[str, ListChange], Awaitable[Outcome]], change: Sweep
) -> None:
    """See `Sweep`. If it fails, the next one continues."""
    lists = [list_id for (list_id,) in await connections.run(lambda connection: connection.fetch(_LISTS))]
    most = _MOST_EXPIRED
    for start in range(0, len(lists), _MOST_LISTS):
        some = lists[start : start + _MOST_LISTS]
        for list_id, account_id in await _fetch(connections, _EXPIRED, some, change.at):
            these = [name for (name,) in await _fetch(connections, _THESE, list_id, change.at, most)]
            most -= len(these)
            if these:
                await _drop(apply, list_id, DropExpired(account_id, change.at, these))
        while old := await _fetch(connections, _OLD_INBOUND, some, change.inbound_before, _MOST_INBOUND):
            for number, users in _by_list(old).items():
                await _execute(connections, _FORGET_INBOUND, number, change.inbound_before, users)
        while old := await _fetch(connections, _OLD_ANSWERED, some, change.answered_before, _MOST_ANSWERED):
            for list_id, keys in _by_list(old).items():
                await _execute(connections, _FORGET_ANSWERED, list_id, keys)


async def _drop(apply: Callable[[str, ListChange], Awaitable[Outcome]], list_id: str, expired: DropExpired) -> None:
    try:
        await apply(list_id, expired)
    except UnknownObject:  # the number was removed, with its list
        return
    except Unreachable:
        raise
    except BlocklistInternalError:  # logged already; the next lists must still be swept
        return


def _by_list(rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """The second column of the rows, by the first."""
    of_lists: dict[str, list[Any]] = {}
    for list_id, value in rows:
        of_lists.setdefault(list_id, []).append(value)
    return of_lists


async def _fetch(connections: Connections, statement: str, *args: object) -> Sequence[Sequence[Any]]:
    async def fetch(connection: Connection) -> Sequence[Sequence[Any]]:
        return await connection.fetch(statement, *args)

    return await connections.run(fetch)


async def _execute(connections: Connections, statement: str, *args: object) -> None:
    async def execute(connection: Connection) -> None:
        await connection.execute(statement, *args)

    await connections.run(execute)
