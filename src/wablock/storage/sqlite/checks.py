"""Checks on SQLite. They are read in a transaction, so that all results are of one moment."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import apsw
import msgspec

from wablock.block_list.meanings import is_known
from wablock.block_list.ports import InForce, Member, Microseconds
from wablock.contract.spellings import keys_of, one_spelling

# +? and INDEXED BY: see reads.py and tables.py.
_BLOCKED = """
SELECT blocked_at, reason, expires_at FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +?1 AND (expires_at IS NULL OR expires_at > +?2) AND identity IN (
  +?3, +?6, +?4, (SELECT identity FROM identity_alias WHERE account_id = +?5 AND alias = +?4),
  (SELECT wablock_other_key(identity) FROM identity_alias
   WHERE account_id = +?5 AND alias = +?4 AND (identity GLOB '22[59]*' OR identity GLOB '54*')))
ORDER BY blocked_at, seq LIMIT 1
"""
# A parent id may be two steps from its number, if a process of the previous version linked the user_id between them.
_BLOCKED_BY_PARENT = """
WITH
  linked (identity) AS (SELECT identity FROM identity_alias WHERE account_id = +?5 AND alias IN (+?4, +?7)),
  meant (identity) AS (
    SELECT identity FROM linked
    UNION ALL
    SELECT identity_alias.identity FROM linked
    CROSS JOIN identity_alias
    WHERE identity_alias.account_id = +?5 AND identity_alias.alias = linked.identity)
SELECT blocked_at, reason, expires_at FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +?1 AND (expires_at IS NULL OR expires_at > +?2) AND identity IN (
  SELECT +?3 UNION ALL SELECT +?6 UNION ALL SELECT +?4 UNION ALL SELECT identity FROM meant
  UNION ALL SELECT wablock_other_key(identity) FROM meant WHERE identity GLOB '22[59]*' OR identity GLOB '54*')
ORDER BY blocked_at, seq LIMIT 1
"""
_BLOCKED_BY_NUMBER = """
SELECT blocked_at, reason, expires_at FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +?1 AND (expires_at IS NULL OR expires_at > +?2) AND identity = +?3
"""
_BLOCKED_BY_EITHER_KEY = """
SELECT blocked_at, reason, expires_at FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +?1 AND (expires_at IS NULL OR expires_at > +?2) AND identity IN (+?3, +?4)
ORDER BY blocked_at, seq LIMIT 1
"""
# CROSS JOIN: starts from the names, and never scans the list.
_BLOCKED_OF_MANY = """
SELECT wanted.value, blocked_at, seq, reason, expires_at
FROM json_each(?1) AS wanted
CROSS JOIN blocked_user INDEXED BY blocked_user_identity
WHERE list_id = ?2 AND identity = wanted.value AND (expires_at IS NULL OR expires_at > ?3)
"""
_ALIASES = """
SELECT alias, identity FROM json_each(?1) AS wanted
CROSS JOIN identity_alias
WHERE account_id = ?2 AND alias = wanted.value
"""
_FEW: Final = 4  # up to so many users, one statement for each is faster


def blocked(
    connection: apsw.Connection, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
) -> Sequence[InForce | None]:
    """See `BlockStore.blocked`."""
    if len(users) == 1:
        return [_blocked(connection, account_id, list_id, users[0], at)]
    if len(users) <= _FEW:
        return [_blocked(connection, account_id, list_id, user, at) for user in users]
    return _blocked_of_many(connection, account_id, list_id, users, at)


def unlinked(connection: apsw.Connection, account_id: str, users: Sequence[Member]) -> Sequence[Member]:
    """See `BlockStore.unlinked`."""
    users_with_links = [it for it in users if (it.user_id is not None or it.parent_user_id is not None) and it.links]
    user_ids = [it.user_id for it in users_with_links if it.user_id is not None]
    parents = [it.parent_user_id for it in users_with_links if it.parent_user_id is not None]
    identities = _aliases(connection, account_id, user_ids + parents)
    if not parents:  # as in most webhooks
        pairs = zip(users_with_links, user_ids, strict=True)
        return [
            user
            for user, user_id in pairs
            if user_id not in identities or one_spelling(identities[user_id]) != user.key
        ]
    return [user for user in users_with_links if not is_known(user, identities)]


def _blocked(
    connection: apsw.Connection, account_id: str, list_id: str, user: Member, at: Microseconds
) -> InForce | None:
    key, former_keys = user.key, user.former_keys
    former_key = former_keys[0] if former_keys else key  # no user has two
    if user.parent_user_id is not None:
        names = list_id, at, key, user.user_id, account_id, former_key, user.parent_user_id
        row = connection.execute(_BLOCKED_BY_PARENT, names).fetchone()
    elif user.user_id is not None:
        row = connection.execute(_BLOCKED, (list_id, at, key, user.user_id, account_id, former_key)).fetchone()
    elif former_keys:
        row = connection.execute(_BLOCKED_BY_EITHER_KEY, (list_id, at, key, former_key)).fetchone()
    else:
        row = connection.execute(_BLOCKED_BY_NUMBER, (list_id, at, key)).fetchone()
    return None if row is None else InForce(*row)


def _blocked_of_many(
    connection: apsw.Connection, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
) -> Sequence[InForce | None]:
    user_ids = [user.user_id for user in users if user.user_id is not None]
    parents = [user.parent_user_id for user in users if user.parent_user_id is not None]
    user_ids += parents
    aliases = _aliases(connection, account_id, user_ids)
    if parents:  # see _BLOCKED_BY_PARENT
        user_ids_of_parents = [aliases[parent] for parent in parents if parent in aliases]
        aliases = {**aliases, **_aliases(connection, account_id, user_ids_of_parents)}
    former = {user.key: keys for user in users if (keys := user.former_keys)}
    names = [user.key for user in users]
    names += [key for keys in former.values() for key in keys]
    if user_ids:
        linked_keys = [key for identity in aliases.values() for key in keys_of(identity)]
        names = list({*names, *user_ids, *linked_keys})
    rows: list[tuple[Any, ...]] = connection.execute(_BLOCKED_OF_MANY, (_json(names), list_id, at)).fetchall()
    if not rows:
        return [None] * len(users)
    blocks = {name: ((blocked_at, seq), InForce(blocked_at, *rest)) for name, blocked_at, seq, *rest in rows}
    if not user_ids and not former:  # each user has one name
        return [blocks[user.key][1] if user.key in blocks else None for user in users]
    return [_first(blocks, user, aliases, former.get(user.key, ())) for user in users]


def _first(
    blocks: Mapping[str, tuple[tuple[int, int], InForce]],
    user: Member,
    aliases: Mapping[str, str],
    former_keys: Sequence[str],
) -> InForce | None:
    names: list[str] = [user.key, *former_keys]
    if user.user_id is not None:
        names += (user.user_id, *(keys_of(aliases[user.user_id]) if user.user_id in aliases else ()))
    if user.parent_user_id is not None and user.parent_user_id in aliases:
        identity = aliases[user.parent_user_id]
        names += (*keys_of(identity), *(keys_of(aliases[identity]) if identity in aliases else ()))
    own_blocks = [blocks[name] for name in names if name in blocks]
    return min(own_blocks, key=itemgetter(0))[1] if own_blocks else None


def _aliases(connection: apsw.Connection, account_id: str, user_ids: Sequence[str]) -> Mapping[str, str]:
    """The identities that `user_ids` are linked to."""
    if not user_ids:
        return {}
    rows: list[tuple[Any, ...]] = connection.execute(_ALIASES, (_json(user_ids), account_id)).fetchall()
    return dict(rows)


def _json(names: Sequence[str]) -> str:
    return msgspec.json.encode(names).decode()
