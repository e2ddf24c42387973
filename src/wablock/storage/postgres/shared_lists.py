"""Shared lists and where they are in force, on PostgreSQL. See `SharedListStore`.

Every machine of a Citus cluster has both tables. The members are with their list, as those of every list.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from wablock.block_list.event_chain import NewEvent
from wablock.block_list.shared_lists import (
    MOST_ATTACHED,
    Attached,
    AttachedList,
    Attachment,
    ListKind,
    Removal,
    SharedList,
    most_in_force,
)
from wablock.storage.postgres import events
from wablock.storage.postgres.directory import add_list as add_list_rows
from wablock.storage.postgres.sessions import Connection

_ADD_SHARED = """
INSERT INTO shared_list (list_id, account_id, kind, name, name_key, created_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING list_id
"""
_LISTS = """
SELECT list_id, account_id, kind, name, created_at FROM shared_list WHERE account_id = $1 ORDER BY name_key
"""
# Locked, so that a list is not removed while it is attached.
_HOLD = "SELECT kind, name FROM shared_list WHERE list_id = $1 AND account_id = $2 FOR UPDATE"
_ATTACHMENTS = """
SELECT account_id, list_id, phone_number_id, attached_at FROM attachment WHERE account_id = $1
ORDER BY phone_number_id, name
"""
_ATTACHED_TO = """
SELECT number.account_id, number.phone_number_id, account.attachments,
       attachment.list_id, attachment.kind, attachment.name
FROM unnest($1::text[], $2::text[]) AS number (account_id, phone_number_id)
JOIN account ON account.account_id = number.account_id
LEFT JOIN attachment ON attachment.account_id = number.account_id
  AND attachment.phone_number_id IN ('', number.phone_number_id)
ORDER BY attachment.name
"""
_COUNT_ATTACHMENT = """
INSERT INTO account (account_id, created_at, attachments) VALUES ($1, $2, 1)
ON CONFLICT (account_id) DO UPDATE SET attachments = account.attachments + 1
"""
_COUNT_DETACHMENT = "UPDATE account SET attachments = attachments + 1 WHERE account_id = $1"
_IS_ATTACHED = "SELECT EXISTS (SELECT 1 FROM attachment WHERE account_id = $1 AND list_id = $2)"
_REMOVE = "DELETE FROM shared_list WHERE list_id = $1 AND account_id = $2"
_REMOVE_MEMBERS = "DELETE FROM blocked_user WHERE list_id = $1 AND seq > 0"
# Without an account: so a change that was accepted just before fails.
_GIVE_UP = """
UPDATE block_list SET
  account_id = '', former_account_id = account_id, version = version + 1, size = 0, next_expiry = NULL,
  revision = revision + 1
WHERE list_id = $1
"""
_PLACES = """
SELECT list_id, nullif(phone_number_id, '') FROM attachment
WHERE account_id = $1 AND ($2 = '' OR phone_number_id IN ('', $2))
"""
_ATTACH = """
INSERT INTO attachment (account_id, phone_number_id, list_id, kind, name, attached_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING list_id
"""
_DETACH = """
DELETE FROM attachment WHERE account_id = $1 AND phone_number_id = $2 AND list_id = $3 RETURNING list_id
"""
_EVERY_NUMBER: Final = ""

Number = tuple[str, str]
"""An account, and the id of one of its numbers."""


async def add_list(connection: Connection, new: SharedList, event: NewEvent | None) -> bool:
    async with connection.transaction():
        values = new.list_id, new.account_id, new.kind, new.name, new.name_key, new.created_at
        if await connection.fetchval(_ADD_SHARED, *values) is None:
            return False
        await add_list_rows(connection, new.account_id, new.list_id)
        await _add(connection, new.list_id, event)
    return True


async def shared_lists(connection: Connection, account_id: str) -> Sequence[SharedList]:
    rows = await connection.fetch(_LISTS, account_id)
    return [SharedList(list_id, account, ListKind(kind), name, at) for list_id, account, kind, name, at in rows]


async def attachments(connection: Connection, account_id: str) -> Sequence[Attachment]:
    rows = await connection.fetch(_ATTACHMENTS, account_id)
    return [Attachment(account, list_id, number or None, at) for account, list_id, number, at in rows]


class AttachedLists(msgspec.Struct, frozen=True):
    """The shared lists that are in force on a number. Of two equal ones, none was attached or detached in between."""

    count: int = 0
    lists: Sequence[AttachedList] = ()


async def attached_to(connection: Connection, numbers: Sequence[Number]) -> Sequence[AttachedLists]:
    """The shared lists that are in force on each of `numbers`."""
    account_ids, ids = map(list, zip(*set(numbers), strict=True))
    attached: dict[Number, tuple[int, list[AttachedList]]] = {}
    for account_id, number, count, list_id, kind, name in await connection.fetch(_ATTACHED_TO, account_ids, ids):
        _, lists = attached.setdefault((account_id, number), (count, []))
        if list_id is not None:
            lists.append(AttachedList(list_id, ListKind(kind), name))
    return [AttachedLists(*attached.get(number, ())) for number in numbers]


async def remove_list(connection: Connection, account_id: str, list_id: str, event: NewEvent | None) -> Removal:
    async with connection.transaction():
        if await connection.fetchrow(_HOLD, list_id, account_id) is None:
            return Removal.UNKNOWN
        if await connection.fetchval(_IS_ATTACHED, account_id, list_id):
            return Removal.ATTACHED
        await _add(connection, list_id, event)
        await connection.execute(_GIVE_UP, list_id)
        await connection.execute(_REMOVE_MEMBERS, list_id)
        await connection.execute(_REMOVE, list_id, account_id)
    return Removal.REMOVED


async def attach(connection: Connection, attachment: Attachment, event: NewEvent | None) -> Attached:
    account_id, list_id = attachment.account_id, attachment.list_id
    number = attachment.phone_number_id or _EVERY_NUMBER
    async with connection.transaction():
        found = await connection.fetchrow(_HOLD, list_id, account_id)
        if found is None:
            return Attached.UNKNOWN
        added = await connection.fetchval(_ATTACH, account_id, number, list_id, *found, attachment.attached_at)
        if added is None:
            return Attached.BEFORE
        if most_in_force(await connection.fetch(_PLACES, account_id, number)) > MOST_ATTACHED:
            await connection.execute(_DETACH, account_id, number, list_id)
            return Attached.TOO_MANY
        await connection.execute(_COUNT_ATTACHMENT, account_id, attachment.attached_at)
        await _add(connection, list_id, event)
    return Attached.ATTACHED


async def detach(
    connection: Connection, account_id: str, list_id: str, phone_number_id: str | None, event: NewEvent | None
) -> bool:
    async with connection.transaction():
        detached = await connection.fetchval(_DETACH, account_id, phone_number_id or _EVERY_NUMBER, list_id)
        if detached is not None:
            await connection.execute(_COUNT_DETACHMENT, account_id)
            await _add(connection, list_id, event)
    return detached is not None


async def _add(connection: Connection, list_id: str, event: NewEvent | None) -> None:
    if event is not None:
        await events.add(connection, list_id, event)
