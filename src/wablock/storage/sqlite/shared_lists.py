"""Shared lists and where they are in force, on SQLite. See `SharedListStore`."""

from collections.abc import Sequence
from typing import Any, Final

import apsw

from wablock.block_list.event_chain import NewEvent
from wablock.block_list.shared_lists import (
    MOST_ATTACHED,
    Attached,
    Attachment,
    ListKind,
    Removal,
    SharedList,
    most_in_force,
)
from wablock.storage.sqlite import events
from wablock.storage.sqlite.writes import BatchWriter

_ADD = """
INSERT INTO shared_list (list_id, account_id, kind, name, name_key, created_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_ADD_ROW = "INSERT INTO block_list (list_id, account_id, version, size) VALUES (?, ?, 0, 0)"
_LISTS = """
SELECT list_id, account_id, kind, name, created_at FROM shared_list WHERE account_id = ? ORDER BY name_key
"""
_FIND = "SELECT kind, name FROM shared_list WHERE account_id = ? AND list_id = ?"
_ATTACHMENTS = """
SELECT account_id, list_id, phone_number_id, attached_at FROM attachment WHERE account_id = ?
ORDER BY phone_number_id, name
"""
_IS_ATTACHED = "SELECT 1 FROM attachment WHERE account_id = ? AND list_id = ?"
_REMOVE = "DELETE FROM shared_list WHERE account_id = ? AND list_id = ?"
_REMOVE_MEMBERS = "DELETE FROM blocked_user WHERE list_id = ?"
# Without an account: so a change that was accepted just before fails.
_GIVE_UP = """
UPDATE block_list SET account_id = '', former_account_id = account_id, version = version + 1, size = 0 WHERE list_id = ?
"""
_PLACES = """
SELECT list_id, nullif(phone_number_id, '') FROM attachment
WHERE account_id = ?1 AND (?2 = '' OR phone_number_id IN ('', ?2))
"""
_ATTACH = """
INSERT INTO attachment (account_id, phone_number_id, list_id, kind, name, attached_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_DETACH = "DELETE FROM attachment WHERE account_id = ? AND phone_number_id = ? AND list_id = ?"
_EVERY_NUMBER: Final = ""


def add_list(writer: BatchWriter, new: SharedList, event: NewEvent | None) -> bool:
    with writer.transaction() as connection:
        values = new.list_id, new.account_id, new.kind, new.name, new.name_key, new.created_at
        connection.execute(_ADD, values)
        if not connection.changes():
            return False
        connection.execute(_ADD_ROW, (new.list_id, new.account_id))
        _add(connection, new.list_id, event)
        return True


def shared_lists(connection: apsw.Connection, account_id: str) -> Sequence[SharedList]:
    return [
        SharedList(list_id, account, ListKind(kind), name, at)
        for list_id, account, kind, name, at in connection.execute(_LISTS, (account_id,))
    ]


def attachments(connection: apsw.Connection, account_id: str) -> Sequence[Attachment]:
    return [
        Attachment(account, list_id, number or None, at)
        for account, list_id, number, at in connection.execute(_ATTACHMENTS, (account_id,))
    ]


def remove_list(writer: BatchWriter, account_id: str, list_id: str, event: NewEvent | None) -> Removal:
    with writer.transaction() as connection:
        if connection.execute(_IS_ATTACHED, (account_id, list_id)).fetchone() is not None:
            return Removal.ATTACHED
        connection.execute(_REMOVE, (account_id, list_id))
        if not connection.changes():
            return Removal.UNKNOWN
        connection.execute(_REMOVE_MEMBERS, (list_id,))
        _add(connection, list_id, event)
        connection.execute(_GIVE_UP, (list_id,))
        return Removal.REMOVED


def attach(writer: BatchWriter, attachment: Attachment, event: NewEvent | None) -> Attached:
    account_id, list_id = attachment.account_id, attachment.list_id
    with writer.transaction() as connection:
        found = connection.execute(_FIND, (account_id, list_id)).fetchone()
        if found is None:
            return Attached.UNKNOWN
        number = attachment.phone_number_id or _EVERY_NUMBER
        connection.execute(_ATTACH, (account_id, number, list_id, *found, attachment.attached_at))
        if not connection.changes():
            return Attached.BEFORE
        places: list[tuple[Any, ...]] = connection.execute(_PLACES, (account_id, number)).fetchall()
        if most_in_force(places) > MOST_ATTACHED:
            connection.execute(_DETACH, (account_id, number, list_id))
            return Attached.TOO_MANY
        _add(connection, list_id, event)
        return Attached.ATTACHED


def detach(
    writer: BatchWriter, account_id: str, list_id: str, phone_number_id: str | None, event: NewEvent | None
) -> bool:
    with writer.transaction() as connection:
        connection.execute(_DETACH, (account_id, phone_number_id or _EVERY_NUMBER, list_id))
        if not connection.changes():
            return False
        _add(connection, list_id, event)
        return True


def _add(connection: apsw.Connection, list_id: str, event: NewEvent | None) -> None:
    if event is not None:
        events.add(connection, list_id, event)
