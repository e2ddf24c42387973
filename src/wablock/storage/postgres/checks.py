"""Who is blocked, on PostgreSQL: many questions, of whichever lists, in one statement."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from wablock.block_list.ports import InForce, Member, Microseconds
from wablock.storage.postgres.alias_keys import keys_of
from wablock.storage.postgres.connections import Connection

# ANY: so that on Citus only the shards of these lists are asked.
_ROWS = """
SELECT held.list_id, held.identity, held.blocked_at, held.seq, held.reason, held.expires_at
FROM unnest($1::text[], $2::text[]) AS asked (list_id, identity)
JOIN blocked_user AS held ON held.list_id = asked.list_id AND held.identity = asked.identity
WHERE held.list_id = ANY($3::text[])
"""
_ASKED: Final = "unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS asked (list_id, account_id, identity, alias)"
# LIMIT: made before the rows are looked up, so that these are looked up by list and identity, and not by one of them.
# A number has two keys at most; taking it to have ten, the planner would rather walk through a list it believes short.
_LINKED: Final = f"""(
  SELECT asked.list_id, asked.account_id, asked.identity, asked.alias, unnest({keys_of("known.identity")}) AS meant
  FROM {_ASKED}
  JOIN identity_alias AS known ON known.account_id = asked.account_id AND known.alias = asked.alias
  LIMIT 2 * cardinality($1::text[])
) AS asked"""


def _rows_by(name: str, asked: str) -> str:
    """The rows under one of the names of those who are `asked` about."""
    return f"""
SELECT asked.list_id, asked.account_id, asked.identity, asked.alias,
       held.blocked_at, held.seq, held.reason, held.expires_at
FROM {asked}
JOIN blocked_user AS held ON held.list_id = asked.list_id AND held.identity = asked.{name}
WHERE held.list_id = ANY($5::text[])
"""


# One statement, so that links and rows are of one moment: between two a user could be unblocked whom a link has left.
# A branch for each name: of one that may be any of them PostgreSQL makes a walk.
_ROWS_BY_ALL_IDS = "UNION ALL".join(
    [_rows_by("identity", _ASKED), _rows_by("alias", _ASKED), _rows_by("meant", _LINKED)]
)

# A parent id may be two steps from its number: a user_id between them may just have been linked, or by an older node.
_LINKED_TWICE: Final = f"""(
  SELECT asked.list_id, asked.account_id, asked.identity, asked.alias, unnest({keys_of("further.identity")}) AS meant
  FROM {_ASKED}
  JOIN identity_alias AS known ON known.account_id = asked.account_id AND known.alias = asked.alias
  JOIN identity_alias AS further ON further.account_id = known.account_id AND further.alias = known.identity
  LIMIT 2 * cardinality($1::text[])
) AS asked"""
_ROWS_BY_PARENT_IDS = "UNION ALL".join([_ROWS_BY_ALL_IDS, _rows_by("meant", _LINKED_TWICE)])
_NOBODY: Final = ""  # the identity that goes with a parent id, under which itself no row lies

Name: TypeAlias = tuple[str, str]
"""A list and an identity, or an account and a user_id."""

Asked: TypeAlias = tuple[str, str, str, str | None]
"""A list, its account, and a user's two ids."""


class Question(msgspec.Struct, frozen=True):
    """Which of `users` are blocked on a list at `at`?"""

    account_id: str
    list_id: str
    users: Sequence[Member]
    at: Microseconds


class _Block(msgspec.Struct, frozen=True):
    blocked_at: Microseconds
    seq: int
    reason: str | None
    expires_at: Microseconds | None


async def blocked(connection: Connection, questions: Sequence[Question]) -> Sequence[Sequence[InForce | None]]:
    """For each question what `BlockStore.blocked` promises, all of one moment."""
    asked = {name for it in questions for user in it.users for name in _asked(it, user)}
    found = await _found(connection, asked)
    if not found:
        return [[None] * len(it.users) for it in questions]
    return [[_in_force(_blocks(found, _asked(it, user)), it.at) for user in it.users] for it in questions]


def _asked(question: Question, user: Member) -> Sequence[Asked]:
    first = question.list_id, question.account_id, user.key, user.user_id
    former_keys, parent = user.former_keys, user.parent_user_id
    if not former_keys and parent is None:
        return (first,)
    names = [first, *((question.list_id, question.account_id, key, None) for key in former_keys)]
    if parent is not None:
        names.append((question.list_id, question.account_id, _NOBODY, parent))
    return names


def _blocks(found: Mapping[Asked, Sequence[_Block]], names: Sequence[Asked]) -> Sequence[_Block]:
    if len(names) == 1:
        return found.get(names[0], ())
    return [block for name in names for block in found.get(name, ())]


async def _found(connection: Connection, asked: set[Asked]) -> Mapping[Asked, Sequence[_Block]]:
    """The rows of those who have any."""
    if not asked:
        return {}
    list_ids, account_ids, identities, user_ids = map(list, zip(*asked, strict=True))
    lists = list(set(list_ids))
    if not any(user_ids):
        rows = await connection.fetch(_ROWS, list_ids, identities, lists)
        by_number = {(row[0], row[1]): _Block(row[2], row[3], row[4], row[5]) for row in rows}
        return {it: [by_number[it[0], it[2]]] for it in asked if (it[0], it[2]) in by_number}
    by_ids = _ROWS_BY_PARENT_IDS if _NOBODY in identities else _ROWS_BY_ALL_IDS
    found: dict[Asked, list[_Block]] = {}
    for row in await connection.fetch(by_ids, list_ids, account_ids, identities, user_ids, lists):
        found.setdefault((row[0], row[1], row[2], row[3]), []).append(_Block(row[4], row[5], row[6], row[7]))
    return found


def _in_force(blocks: Sequence[_Block], at: Microseconds) -> InForce | None:
    holding = [block for block in blocks if block.expires_at is None or block.expires_at > at]
    if not holding:
        return None
    first = min(holding, key=lambda block: (block.blocked_at, block.seq))
    return InForce(first.blocked_at, first.reason, first.expires_at)
