"""Checks on SQLite. They are read in a transaction, so that all results are of one moment."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, TypeAlias

import apsw
import msgspec

from wablock.block_list.meanings import is_known
from wablock.block_list.ports import InForce, Member, Microseconds
from wablock.block_list.shared_lists import AttachedList, ListKind, in_force_on
from wablock.contract.spellings import keys_of, one_spelling

_Entries: TypeAlias = Mapping[str, tuple[tuple[int, int], InForce]]
"""A list's rows by identity, each with its place in time."""


def _on_each_list(identities: str) -> str:
    """The user's rows on the number's own list and on those that are attached. `identities`: what `identity` is."""
    # One branch for each place of attachment: for IN or OR, SQLite would make a table of both in every check.
    # +? and INDEXED BY: see reads.py and tables.py.
    in_force = f"(expires_at IS NULL OR expires_at > +?2) AND identity {identities}"
    shared = f"""
SELECT attachment.list_id, kind, name, seq, blocked_at, reason, expires_at
FROM attachment CROSS JOIN blocked_user INDEXED BY blocked_user_identity
WHERE blocked_user.list_id = attachment.list_id AND {in_force} AND account_id = +?3 AND phone_number_id ="""
    return f"""
SELECT NULL, NULL, NULL, seq, blocked_at, reason, expires_at FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +?1 AND {in_force}
UNION ALL {shared} +?1
UNION ALL {shared} ''
"""


_BLOCKED_BY_NUMBER = _on_each_list("= +?4")
_BLOCKED_BY_EITHER_KEY = _on_each_list("IN (+?4, +?5)")
_BLOCKED = _on_each_list("""IN (
  +?4, +?5, +?6, (SELECT identity FROM identity_alias WHERE account_id = +?3 AND alias = +?6),
  (SELECT wablock_other_key(identity) FROM identity_alias
   WHERE account_id = +?3 AND alias = +?6 AND (identity GLOB '22[59]*' OR identity GLOB '54*')))""")
# A parent id may be two steps from its number, if a process of the previous version linked the user_id between them.
_MEANT = """
WITH
  linked (identity) AS (SELECT identity FROM identity_alias WHERE account_id = +?3 AND alias IN (+?6, +?7)),
  meant (identity) AS (
    SELECT identity FROM linked
    UNION ALL
    SELECT identity_alias.identity FROM linked
    CROSS JOIN identity_alias
    WHERE identity_alias.account_id = +?3 AND identity_alias.alias = linked.identity)
"""
_BLOCKED_BY_PARENT = _MEANT + _on_each_list("""IN (
  SELECT +?4 UNION ALL SELECT +?5 UNION ALL SELECT +?6 UNION ALL SELECT identity FROM meant
  UNION ALL SELECT wablock_other_key(identity) FROM meant WHERE identity GLOB '22[59]*' OR identity GLOB '54*')""")
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
_ATTACHED = """
SELECT list_id, kind, name FROM attachment WHERE account_id = +? AND phone_number_id IN ('', +?) ORDER BY name
"""
_ON_ANY = """
SELECT list_id, identity, blocked_at, seq, reason, expires_at
FROM carray(?1) AS in_force
CROSS JOIN carray(?2) AS wanted
CROSS JOIN blocked_user INDEXED BY blocked_user_identity
WHERE list_id = in_force.value AND identity = wanted.value AND (expires_at IS NULL OR expires_at > +?3)
"""
_MOMENT: Final = itemgetter(4, 3)
_FEW: Final = 4  # up to so many users, one statement for each is faster


def blocked(
    connection: apsw.Connection, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
) -> Sequence[InForce | None]:
    """See `BlockStore.blocked`."""
    if len(users) == 1:
        return [_blocked(connection, account_id, list_id, users[0], at)]
    if len(users) <= _FEW:
        return [_blocked(connection, account_id, list_id, user, at) for user in users]
    if attached := _attached(connection, account_id, list_id):
        return _blocked_on_any(connection, account_id, list_id, attached, users, at)
    return _blocked_of_many(connection, account_id, list_id, users, at)


def _attached(connection: apsw.Connection, account_id: str, phone_number_id: str) -> Sequence[AttachedList]:
    """The shared lists that are in force on the number."""
    rows: list[tuple[Any, ...]] = connection.execute(_ATTACHED, (account_id, phone_number_id)).fetchall()
    return [AttachedList(list_id, ListKind(kind), name) for list_id, kind, name in rows] if rows else ()


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
        names = list_id, at, account_id, key, former_key, user.user_id, user.parent_user_id
        rows = connection.execute(_BLOCKED_BY_PARENT, names).fetchall()
    elif user.user_id is not None:
        rows = connection.execute(_BLOCKED, (list_id, at, account_id, key, former_key, user.user_id)).fetchall()
    elif former_keys:
        rows = connection.execute(_BLOCKED_BY_EITHER_KEY, (list_id, at, account_id, key, former_key)).fetchall()
    else:
        rows = connection.execute(_BLOCKED_BY_NUMBER, (list_id, at, account_id, key)).fetchall()
    return _of_rows(rows) if rows else None


def _of_rows(rows: list[tuple[Any, ...]]) -> InForce | None:
    """The block in force of one user, of its rows on all lists."""
    first = rows[0]
    if len(rows) == 1 and first[0] is None:  # as for nearly all blocked users
        return InForce(first[4], first[5], first[6])
    own: InForce | None = None
    shared: dict[str, tuple[AttachedList, InForce]] = {}
    for list_id, kind, name, _, *entry in sorted(rows, key=_MOMENT):
        if list_id is None:
            own = own or InForce(*entry)
        elif list_id not in shared:
            shared[list_id] = AttachedList(list_id, ListKind(kind), name), InForce(*entry)
    return in_force_on(own, sorted(shared.values(), key=_name))


def _name(found: tuple[AttachedList, InForce]) -> str:
    return found[0].name


def _blocked_of_many(
    connection: apsw.Connection, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
) -> Sequence[InForce | None]:
    user_ids, aliases = _ids_and_aliases(connection, account_id, users)
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
    return [_first(blocks, _names_of(user, aliases, former.get(user.key, ()))) for user in users]


def _blocked_on_any(
    connection: apsw.Connection,
    account_id: str,
    list_id: str,
    attached: Sequence[AttachedList],
    users: Sequence[Member],
    at: Microseconds,
) -> Sequence[InForce | None]:
    """As `blocked`, with the lists that are attached to the number."""
    _, aliases = _ids_and_aliases(connection, account_id, users)
    names = [_names_of(user, aliases, user.former_keys) for user in users]
    lists = apsw.carray((list_id, *(it.list_id for it in attached)))
    wanted = apsw.carray(tuple({name for of_user in names for name in of_user}))
    entries: dict[str, dict[str, tuple[tuple[int, int], InForce]]] = {}
    for of_list, identity, blocked_at, seq, *rest in connection.execute(_ON_ANY, (lists, wanted, at)):
        entries.setdefault(of_list, {})[identity] = (blocked_at, seq), InForce(blocked_at, *rest)
    if not entries:
        return [None] * len(users)
    own = entries.get(list_id, {})
    shared = [(it, entries[it.list_id]) for it in attached if it.list_id in entries]
    return [
        in_force_on(
            _first(own, of_user),
            [(it, entry) for it, of_list in shared if (entry := _first(of_list, of_user)) is not None],
        )
        for of_user in names
    ]


def _ids_and_aliases(
    connection: apsw.Connection, account_id: str, users: Sequence[Member]
) -> tuple[list[str], Mapping[str, str]]:
    """The ids of the users besides their numbers, and the identities that those and further ones are linked to."""
    user_ids = [user.user_id for user in users if user.user_id is not None]
    parents = [user.parent_user_id for user in users if user.parent_user_id is not None]
    user_ids += parents
    aliases = _aliases(connection, account_id, user_ids)
    if parents:  # see _BLOCKED_BY_PARENT
        user_ids_of_parents = [aliases[parent] for parent in parents if parent in aliases]
        aliases = {**aliases, **_aliases(connection, account_id, user_ids_of_parents)}
    return user_ids, aliases


def _names_of(user: Member, aliases: Mapping[str, str], former_keys: Sequence[str]) -> Sequence[str]:
    """Every identity under which a list may have the user."""
    names: list[str] = [user.key, *former_keys]
    if user.user_id is not None:
        names += (user.user_id, *(keys_of(aliases[user.user_id]) if user.user_id in aliases else ()))
    if user.parent_user_id is not None and user.parent_user_id in aliases:
        identity = aliases[user.parent_user_id]
        names += (*keys_of(identity), *(keys_of(aliases[identity]) if identity in aliases else ()))
    return names


def _first(blocks: _Entries, names: Sequence[str]) -> InForce | None:
    """The earliest of a user's blocks."""
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
