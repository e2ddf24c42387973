"""Subscriptions to list events, on SQLite. See `SubscriptionStore`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import apsw
import msgspec

from wablock.block_list.ports import Microseconds
from wablock.storage.sqlite.writes import BatchWriter
from wablock.subscriptions.ports import MOST_SET_BY_TOKENS, Backlog, SealedSubscription

_COLUMNS: Final = (
    "subscription_id, account_id, url, secret, list_ids, may_be_inside, created_at, made_by, set_by, holder, beat"
)
_ALL = f"SELECT {_COLUMNS} FROM subscription ORDER BY created_at, subscription_id"
_OF_ACCOUNT = f"SELECT {_COLUMNS} FROM subscription WHERE account_id = ? ORDER BY created_at, subscription_id"
_ADD = f"""
INSERT INTO subscription ({_COLUMNS})
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11
WHERE NOT EXISTS (SELECT 1 FROM access_token WHERE token_sha256 = ?9 AND revoked_at IS NOT NULL)
AND (?9 IS NULL
  OR (SELECT count(*) FROM subscription WHERE account_id = ?2 AND set_by IS NOT NULL) < {MOST_SET_BY_TOKENS})
"""
_BEGIN = "INSERT INTO subscription_cursor (list_id, subscription_id, at) VALUES (?, ?, ?)"
_REMOVE = "DELETE FROM subscription WHERE account_id = ? AND subscription_id = ?"
_REMOVE_CURSORS = "DELETE FROM subscription_cursor WHERE subscription_id = ?"
_LEASE = "UPDATE subscription SET holder = ?, beat = beat + 1 WHERE subscription_id = ? AND beat = ?"
_RELEASE = "UPDATE subscription SET holder = NULL WHERE holder = ?"
# UNION ALL: with OR, SQLite reads the lists of all accounts. A list has either of both accounts.
_BACKLOGS = """
WITH list (list_id, oldest_at, event_at) AS (
  SELECT list_id, oldest_at, event_at FROM block_list WHERE account_id = +?1
  UNION ALL
  SELECT list_id, oldest_at, event_at FROM block_list WHERE former_account_id = +?1
)
SELECT subscription.subscription_id, list.list_id, coalesce(subscription_cursor.at, 0), list.oldest_at, list.event_at
FROM list CROSS JOIN subscription ON subscription.account_id = +?1
LEFT JOIN subscription_cursor ON subscription_cursor.list_id = list.list_id
  AND subscription_cursor.subscription_id = subscription.subscription_id
WHERE list.event_at > coalesce(subscription_cursor.at, 0)
  AND (list_ids IS NULL OR list.list_id IN (SELECT value FROM json_each(list_ids)))
"""
_REACH = """
INSERT INTO subscription_cursor (list_id, subscription_id, at)
SELECT list_id, ?2, ?3 FROM block_list
WHERE list_id = +?1 AND event_at >= ?3 AND EXISTS (SELECT 1 FROM subscription WHERE subscription_id = +?2)
ON CONFLICT (list_id, subscription_id) DO UPDATE SET at = max(at, excluded.at)
"""


def subscriptions(connection: apsw.Connection, account_id: str | None) -> Sequence[SealedSubscription]:
    rows = connection.execute(_ALL) if account_id is None else connection.execute(_OF_ACCOUNT, (account_id,))
    return [_subscription(*row) for row in rows]


def add_subscription(writer: BatchWriter, it: SealedSubscription, reached: Mapping[str, Microseconds]) -> bool:
    list_ids = None if it.list_ids is None else msgspec.json.encode(it.list_ids).decode()
    values = it.subscription_id, it.account_id, it.url, it.secret, list_ids, it.may_be_inside, it.created_at
    with writer.transaction() as connection:
        connection.execute(_ADD, (*values, it.made_by, it.set_by, it.holder, it.beat))
        was_added = connection.changes() > 0
        if was_added:
            connection.executemany(_BEGIN, [(list_id, it.subscription_id, at) for list_id, at in reached.items()])
    return was_added


def remove_subscription(writer: BatchWriter, account_id: str, subscription_id: str) -> bool:
    with writer.transaction() as connection:
        connection.execute(_REMOVE, (account_id, subscription_id))
        was_removed = connection.changes() > 0
        if was_removed:
            connection.execute(_REMOVE_CURSORS, (subscription_id,))
    return was_removed


def lease(writer: BatchWriter, holder: str, beats: Mapping[str, int]) -> Collection[str]:
    leased = []
    with writer.transaction() as connection:
        for subscription_id, beat in beats.items():
            connection.execute(_LEASE, (holder, subscription_id, beat))
            if connection.changes():
                leased.append(subscription_id)
    return leased


def release(writer: BatchWriter, holder: str) -> None:
    with writer.transaction() as connection:
        connection.execute(_RELEASE, (holder,))


def backlogs(connection: apsw.Connection, account_id: str) -> Sequence[Backlog]:
    return [Backlog(*row) for row in connection.execute(_BACKLOGS, (account_id,))]


def reach(writer: BatchWriter, subscription_id: str, list_id: str, at: Microseconds) -> None:
    with writer.transaction() as connection:
        connection.execute(_REACH, (list_id, subscription_id, at))


def _subscription(*columns: Any) -> SealedSubscription:
    it = SealedSubscription(*columns)
    list_ids = columns[4]
    return msgspec.structs.replace(
        it,
        list_ids=None if list_ids is None else msgspec.json.decode(list_ids, type=list[str]),
        may_be_inside=bool(it.may_be_inside),
    )
