"""Who is blocked, on SQLite: read on the event loop, beside a writer that never holds it up."""

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from wablock.block_list.ports import InForce, Member, Microseconds

# +? and INDEXED BY: see reads.py and transaction.py.
_BLOCKED = """
SELECT blocked_at, reason, expires_at FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +?1 AND (expires_at IS NULL OR expires_at > +?2) AND identity IN (
  +?3, +?4, (SELECT identity FROM identity_alias WHERE account_id = +?5 AND alias = +?4))
ORDER BY seq LIMIT 1
"""
_BLOCKED_BY_NUMBER = """
SELECT blocked_at, reason, expires_at FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +?1 AND (expires_at IS NULL OR expires_at > +?2) AND identity = +?3
"""
# CROSS JOIN: driven from those who are asked about, never by a scan of the list.
_BLOCKED_OF_MANY = """
SELECT asked.value, blocked_at, reason, expires_at
FROM json_each(?1) AS asked
CROSS JOIN blocked_user INDEXED BY blocked_user_identity
WHERE list_id = ?2 AND identity = asked.value AND (expires_at IS NULL OR expires_at > ?3)
"""
_ALIASES = """
SELECT alias, identity FROM json_each(?1) AS asked
CROSS JOIN identity_alias
WHERE account_id = ?2 AND alias = asked.value
"""
_FEW = 8  # up to here a statement for each is the quicker way


def blocked(
    connection: apsw.Connection, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
) -> Sequence[InForce | None]:
    """See `BlockStore.blocked`."""
    if len(users) > _FEW:
        return _blocked_of_many(connection, account_id, list_id, users, at)
    return [_blocked(connection, account_id, list_id, user, at) for user in users]


def unlinked(connection: apsw.Connection, account_id: str, users: Sequence[Member]) -> Sequence[Member]:
    """See `BlockStore.unlinked`."""
    known = _aliases(connection, account_id, users)
    return [user for user in users if user.links and known.get(user.user_id) != user.key]


def _blocked(
    connection: apsw.Connection, account_id: str, list_id: str, user: Member, at: Microseconds
) -> InForce | None:
    if user.user_id is None:
        row = connection.execute(_BLOCKED_BY_NUMBER, (list_id, at, user.key)).fetchone()
    else:
        row = connection.execute(_BLOCKED, (list_id, at, user.key, user.user_id, account_id)).fetchone()
    return None if row is None else InForce(*row)


def _blocked_of_many(
    connection: apsw.Connection, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
) -> Sequence[InForce | None]:
    """In a transaction, so that links and blocks are of one moment."""
    connection.execute("BEGIN")
    try:
        aliases = _aliases(connection, account_id, users)
        names = {user.key for user in users} | {user.user_id for user in users if user.user_id} | set(aliases.values())
        rows: list[tuple[Any, ...]] = connection.execute(_BLOCKED_OF_MANY, (_json(names), list_id, at)).fetchall()
    finally:
        connection.execute("COMMIT")
    found = {row[0]: InForce(*row[1:]) for row in rows}
    return [_first(found, user, aliases) for user in users] if found else [None] * len(users)


def _first(found: dict[str, InForce], user: Member, aliases: dict[str | None, str]) -> InForce | None:
    if user.user_id is None:
        return found.get(user.key)
    blocks = [found[name] for name in {user.key, user.user_id, aliases.get(user.user_id, user.key)} if name in found]
    return min(blocks, key=lambda block: block.blocked_at, default=None)


def _aliases(connection: apsw.Connection, account_id: str, users: Sequence[Member]) -> dict[str | None, str]:
    """What the user_ids among `users` mean, as far as it is known."""
    user_ids = {user.user_id for user in users if user.user_id is not None}
    if not user_ids:
        return {}
    rows: list[tuple[Any, ...]] = connection.execute(_ALIASES, (_json(user_ids), account_id)).fetchall()
    return dict(rows)


def _json(names: set[str]) -> str:
    return msgspec.json.encode(list(names)).decode()
