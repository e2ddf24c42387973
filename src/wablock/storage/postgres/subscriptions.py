"""Subscriptions to list events, on PostgreSQL. See `SubscriptionStore`.

In a cluster every machine has the subscriptions; the place that one has reached in a list is stored with the list.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from wablock.block_list.ports import Microseconds
from wablock.storage.postgres.directory import is_revoked
from wablock.storage.postgres.sessions import Connection
from wablock.subscriptions.ports import MOST_SET_BY_TOKENS, Backlog, SealedSubscription

_NUL: Final = "\0"  # PostgreSQL's text cannot contain it, but requests can

_COLUMNS: Final = (
    "subscription_id, account_id, url, secret, list_ids, may_be_inside, created_at, made_by, set_by, holder, beat"
)
_ALL = f"SELECT {_COLUMNS} FROM subscription ORDER BY created_at, subscription_id"
_OF_ACCOUNT = f"SELECT {_COLUMNS} FROM subscription WHERE account_id = $1 ORDER BY created_at, subscription_id"
# The account is locked, so that two requests at the same time do not pass the limit together.
_HOLD_ACCOUNT = "SELECT 1 FROM account WHERE account_id = $1 FOR UPDATE"
_COUNT_SET_BY_TOKENS = "SELECT count(*) FROM subscription WHERE account_id = $1 AND set_by IS NOT NULL"
_ADD = f"""
INSERT INTO subscription ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (subscription_id) DO NOTHING
"""
_BEGIN = """
INSERT INTO subscription_cursor (list_id, subscription_id, at) VALUES ($1, $2, $3)
ON CONFLICT (list_id, subscription_id) DO UPDATE SET at = excluded.at
"""
_REMOVE = "DELETE FROM subscription WHERE account_id = $1 AND subscription_id = $2 RETURNING subscription_id"
_LISTS_REACHED = "SELECT list_id FROM subscription_cursor WHERE list_id = ANY($1) AND subscription_id = $2"
_FORGET = "DELETE FROM subscription_cursor WHERE list_id = $1 AND subscription_id = $2"
_LEASE = """
UPDATE subscription SET holder = $1, beat = beat + 1 WHERE subscription_id = $2 AND beat = $3 RETURNING subscription_id
"""
_RELEASE = "UPDATE subscription SET holder = NULL WHERE holder = $1"
_IDS = "SELECT subscription_id, list_ids FROM subscription WHERE account_id = $1"
# Two statements, joined in Python: a join with an array of keys for each table reads the array again for each row.
_NEWEST = """
SELECT list_id, oldest_at, event_at FROM block_list
WHERE list_id = ANY($1) AND event_at > 0 AND (account_id = $2 OR former_account_id = $2)
"""
_PLACES = "SELECT list_id, subscription_id, at FROM subscription_cursor WHERE list_id = ANY($1)"
_IS_THERE = "SELECT 1 FROM subscription WHERE subscription_id = $1"
_REACH = """
INSERT INTO subscription_cursor (list_id, subscription_id, at)
SELECT block_list.list_id, $2, $3 FROM block_list WHERE block_list.list_id = $1 AND block_list.event_at >= $3
ON CONFLICT (list_id, subscription_id) DO UPDATE SET at = greatest(subscription_cursor.at, excluded.at)
"""


async def subscriptions(connection: Connection, account_id: str | None) -> Sequence[SealedSubscription]:
    rows = connection.fetch(_ALL) if account_id is None else connection.fetch(_OF_ACCOUNT, account_id)
    return [SealedSubscription(*row) for row in await rows]


async def add_subscription(connection: Connection, it: SealedSubscription) -> bool:
    list_ids = None if it.list_ids is None else list(it.list_ids)
    values = it.subscription_id, it.account_id, it.url, it.secret, list_ids, it.may_be_inside, it.created_at
    async with connection.transaction():
        await connection.fetchrow(_HOLD_ACCOUNT, it.account_id)
        if await is_revoked(connection, it.set_by):
            return False
        if it.set_by is not None and await _set_by_tokens(connection, it.account_id) >= MOST_SET_BY_TOKENS:
            return False
        await connection.execute(_ADD, *values, it.made_by, it.set_by, it.holder, it.beat)
    return True


async def begin(connection: Connection, list_id: str, subscription_id: str, at: Microseconds) -> None:
    """Let a new subscription begin after the event at `at`. Call it before the subscription is added."""
    await connection.execute(_BEGIN, list_id, subscription_id, at)


async def remove_subscription(connection: Connection, account_id: str, subscription_id: str) -> bool:
    if _NUL in subscription_id:
        return False
    return await connection.fetchval(_REMOVE, account_id, subscription_id) is not None


async def lists_reached(connection: Connection, list_ids: Sequence[str], subscription_id: str) -> list[str]:
    """Those of the lists in which the subscription has a place."""
    return [list_id for (list_id,) in await connection.fetch(_LISTS_REACHED, list_ids, subscription_id)]


async def forget(connection: Connection, list_id: str, subscription_id: str) -> None:
    """Delete the place of a removed subscription in a list."""
    await connection.execute(_FORGET, list_id, subscription_id)


async def lease(connection: Connection, holder: str, beats: Mapping[str, int]) -> Collection[str]:
    async with connection.transaction():
        ids = [await connection.fetchval(_LEASE, holder, it, beats[it]) for it in sorted(beats)]
    return [it for it in ids if it is not None]


async def release(connection: Connection, holder: str) -> None:
    await connection.execute(_RELEASE, holder)


async def lists_chosen(connection: Connection, account_id: str) -> Mapping[str, Collection[str] | None]:
    """The ids of the account's subscriptions, each with its lists; None: all lists."""
    rows = await connection.fetch(_IDS, account_id)
    return {subscription_id: None if list_ids is None else set(list_ids) for subscription_id, list_ids in rows}


async def backlogs(
    connection: Connection, list_ids: Sequence[str], account_id: str, chosen: Mapping[str, Collection[str] | None]
) -> Sequence[Backlog]:
    """The backlogs in these lists. The places are read last, so that events which were accepted meanwhile are none."""
    newest = await connection.fetch(_NEWEST, list_ids, account_id)
    reached = {(list_id, it): at for list_id, it, at in await connection.fetch(_PLACES, list_ids)}
    return [
        Backlog(subscription_id, list_id, at, oldest_at, newest_at)
        for list_id, oldest_at, newest_at in newest
        for subscription_id, of_lists in chosen.items()
        if (of_lists is None or list_id in of_lists) and newest_at > (at := reached.get((list_id, subscription_id), 0))
    ]


async def reach(connection: Connection, list_id: str, subscription_id: str, at: Microseconds) -> None:
    if await connection.fetchval(_IS_THERE, subscription_id) is not None:
        await connection.execute(_REACH, list_id, subscription_id, at)


async def _set_by_tokens(connection: Connection, account_id: str) -> int:
    count: int = await connection.fetchval(_COUNT_SET_BY_TOKENS, account_id)
    return count
