"""Checks on PostgreSQL: many questions, about any lists, in one statement. In a cluster, see `linked_checks`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from wablock.block_list.ports import InForce, Member, Microseconds
from wablock.storage.postgres.alias_keys import keys_of
from wablock.storage.postgres.sessions import Connection

# ANY: so that Citus queries only the shards of these lists.
_ROWS = """
SELECT block.list_id, block.identity, block.blocked_at, block.seq, block.reason, block.expires_at
FROM unnest($1::text[], $2::text[]) AS name (list_id, identity)
JOIN blocked_user AS block ON block.list_id = name.list_id AND block.identity = name.identity
WHERE block.list_id = ANY($3::text[])
"""
_NAMES: Final = "unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS name (list_id, account_id, identity, alias)"
# LIMIT: PostgreSQL then reads the aliases first, and looks up the rows by list and identity, not by only one of both.
# A number has two keys at most. The planner assumes ten, and would scan a list that it assumes to be short.
_LINKED: Final = f"""(
  SELECT name.list_id, name.account_id, name.identity, name.alias, unnest({keys_of("known.identity")}) AS meant
  FROM {_NAMES}
  JOIN identity_alias AS known ON known.account_id = name.account_id AND known.alias = name.alias
  LIMIT 2 * cardinality($1::text[])
) AS name"""


def _rows_by(column: str, users: str) -> str:
    """The rows whose identity is in `column` of `users`."""
    return f"""
SELECT name.list_id, name.account_id, name.identity, name.alias,
       block.blocked_at, block.seq, block.reason, block.expires_at
FROM {users}
JOIN blocked_user AS block ON block.list_id = name.list_id AND block.identity = name.{column}
WHERE block.list_id = ANY($5::text[])
"""


# One statement, so that links and rows are of one moment: otherwise a link could change in between, and a blocked user
# would not be found. One branch for each column: with OR, PostgreSQL would scan the list.
_ROWS_BY_ALL_IDS = "UNION ALL".join(
    [_rows_by("identity", _NAMES), _rows_by("alias", _NAMES), _rows_by("meant", _LINKED)]
)

# A parent id may be two steps from its number, if the user_id between them was linked just now or by an older node.
_LINKED_TWICE: Final = f"""(
  SELECT name.list_id, name.account_id, name.identity, name.alias, unnest({keys_of("further.identity")}) AS meant
  FROM {_NAMES}
  JOIN identity_alias AS known ON known.account_id = name.account_id AND known.alias = name.alias
  JOIN identity_alias AS further ON further.account_id = known.account_id AND further.alias = known.identity
  LIMIT 2 * cardinality($1::text[])
) AS name"""
_ROWS_BY_PARENT_IDS = "UNION ALL".join([_ROWS_BY_ALL_IDS, _rows_by("meant", _LINKED_TWICE)])
_NO_IDENTITY: Final = ""  # the identity beside a parent id, which has no row of its own

Name: TypeAlias = tuple[str, str]
"""A list and an identity, or an account and a user_id."""

UserIds: TypeAlias = tuple[str, str, str, str | None]
"""A list, its account, and two ids of a user."""


class Question(msgspec.Struct, frozen=True):
    """Which of `users` are blocked on a list at `at`."""

    account_id: str
    list_id: str
    users: Sequence[Member]
    at: Microseconds


class Block(msgspec.Struct, frozen=True):
    """What a check needs of a row."""

    blocked_at: Microseconds
    seq: int
    reason: str | None
    expires_at: Microseconds | None


async def blocked(connection: Connection, questions: Sequence[Question]) -> Sequence[Sequence[InForce | None]]:
    """See `BlockStore.blocked`. All questions are answered as of one moment."""
    ids = {name for it in questions for user in it.users for name in _ids_of(it, user)}
    blocks = await _blocks_by_ids(connection, ids)
    if not blocks:
        return [[None] * len(it.users) for it in questions]
    return [[in_force(_blocks(blocks, _ids_of(it, user)), it.at) for user in it.users] for it in questions]


def _ids_of(question: Question, user: Member) -> Sequence[UserIds]:
    first = question.list_id, question.account_id, user.key, user.user_id
    former_keys, parent = user.former_keys, user.parent_user_id
    if not former_keys and parent is None:
        return (first,)
    names = [first, *((question.list_id, question.account_id, key, None) for key in former_keys)]
    if parent is not None:
        names.append((question.list_id, question.account_id, _NO_IDENTITY, parent))
    return names


def _blocks(by_ids: Mapping[UserIds, Sequence[Block]], names: Sequence[UserIds]) -> Sequence[Block]:
    if len(names) == 1:
        return by_ids.get(names[0], ())
    return [block for name in names for block in by_ids.get(name, ())]


async def _blocks_by_ids(connection: Connection, ids: set[UserIds]) -> Mapping[UserIds, Sequence[Block]]:
    """The blocks of those users who have any."""
    if not ids:
        return {}
    list_ids, account_ids, identities, user_ids = map(list, zip(*ids, strict=True))
    lists = list(set(list_ids))
    if not any(user_ids):
        by_number = await of_names(connection, [(list_id, identity) for list_id, _, identity, _ in ids])
        return {it: [by_number[it[0], it[2]]] for it in ids if (it[0], it[2]) in by_number}
    by_ids = _ROWS_BY_PARENT_IDS if _NO_IDENTITY in identities else _ROWS_BY_ALL_IDS
    blocks: dict[UserIds, list[Block]] = {}
    for row in await connection.fetch(by_ids, list_ids, account_ids, identities, user_ids, lists):
        blocks.setdefault((row[0], row[1], row[2], row[3]), []).append(Block(row[4], row[5], row[6], row[7]))
    return blocks


async def of_names(connection: Connection, names: Collection[Name]) -> Mapping[Name, Block]:
    """The blocks of `names`, which are lists and identities. Those that have none are missing."""
    if not names:
        return {}
    list_ids, identities = map(list, zip(*names, strict=True))
    rows = await connection.fetch(_ROWS, list_ids, identities, list(set(list_ids)))
    return {(row[0], row[1]): Block(row[2], row[3], row[4], row[5]) for row in rows}


def in_force(blocks: Sequence[Block], at: Microseconds) -> InForce | None:
    """The earliest of a user's blocks that hold at `at`."""
    holding = [block for block in blocks if block.expires_at is None or block.expires_at > at]
    if not holding:
        return None
    first = min(holding, key=lambda block: (block.blocked_at, block.seq))
    return InForce(first.blocked_at, first.reason, first.expires_at)
