"""Checks on PostgreSQL: many questions, about any lists, in one statement. In a cluster, see `linked_checks`."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from wablock.block_list.ports import InForce, Member, Microseconds
from wablock.block_list.shared_lists import MOST_ATTACHED, AttachedList, ListKind, in_force_on
from wablock.storage.postgres.alias_keys import keys_of
from wablock.storage.postgres.sessions import Connection

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
    """The rows whose identity is in `column` of `users`, on the number's own list and on those that are attached."""
    # LIMIT: as above. Otherwise PostgreSQL would look up a user on the lists of all accounts.
    return f"""
SELECT name.list_id, name.account_id, name.identity, name.alias,
       block.blocked_at, block.seq, block.reason, block.expires_at, name.shared_id, name.kind, name.shared_name
FROM (
  SELECT name.*, in_force.*
  FROM {users}
  JOIN LATERAL (
    SELECT name.list_id AS in_force_id, NULL AS shared_id, NULL AS kind, NULL AS shared_name
    UNION ALL
    SELECT attachment.list_id, attachment.list_id, attachment.kind, attachment.name FROM attachment
    WHERE attachment.account_id = name.account_id AND attachment.phone_number_id IN ('', name.list_id)
  ) AS in_force ON true
  LIMIT {2 + 2 * MOST_ATTACHED} * cardinality($1::text[])
) AS name
JOIN blocked_user AS block ON block.list_id = name.in_force_id AND block.identity = name.{column}
"""


_NUMBERS: Final = """(
  SELECT list_id, account_id, identity, NULL AS alias
  FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (list_id, account_id, identity)
) AS name"""
_ROWS = _rows_by("identity", _NUMBERS)
# One statement, so that links, rows and the lists in force are of one moment: otherwise a link could change in between,
# and a blocked user would not be found. One branch for each column: with OR, PostgreSQL would scan the list.
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
    attached: AttachedList | None = None
    """The shared list that has the row; None: the number's own."""


async def blocked(connection: Connection, questions: Sequence[Question]) -> Sequence[Sequence[InForce | None]]:
    """See `BlockStore.blocked`. All questions are answered as of one moment."""
    ids = {name for it in questions for user in it.users for name in _ids_of(it, user)}
    blocks = await _blocks_by_ids(connection, ids)
    if not blocks:
        return [[None] * len(it.users) for it in questions]
    return [[_answer(_blocks(blocks, _ids_of(it, user)), it.at) for user in it.users] for it in questions]


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
    if not any(user_ids):
        rows = await connection.fetch(_ROWS, list_ids, account_ids, identities)
    else:
        by_ids = _ROWS_BY_PARENT_IDS if _NO_IDENTITY in identities else _ROWS_BY_ALL_IDS
        rows = await connection.fetch(by_ids, list_ids, account_ids, identities, user_ids)
    blocks: dict[UserIds, list[Block]] = {}
    for row in rows:
        attached = None if row[8] is None else AttachedList(row[8], ListKind(row[9]), row[10])
        block = Block(row[4], row[5], row[6], row[7], attached)
        blocks.setdefault((row[0], row[1], row[2], row[3]), []).append(block)
    return blocks


def _answer(blocks: Sequence[Block], at: Microseconds) -> InForce | None:
    if all(block.attached is None for block in blocks):
        return in_force(blocks, at)
    by_list: dict[AttachedList | None, list[Block]] = {}
    for block in blocks:
        by_list.setdefault(block.attached, []).append(block)
    own = in_force(by_list.pop(None, ()), at)
    shared = sorted(
        ((it, entry) for it, of_list in by_list.items() if it and (entry := in_force(of_list, at))), key=_name
    )
    return in_force_on(own, shared)


def _name(found: tuple[AttachedList, InForce]) -> str:
    return found[0].name


def in_force(blocks: Sequence[Block], at: Microseconds) -> InForce | None:
    """The earliest of a user's blocks that hold at `at`."""
    holding = [block for block in blocks if block.expires_at is None or block.expires_at > at]
    if not holding:
        return None
    first = min(holding, key=lambda block: (block.blocked_at, block.seq))
    return InForce(first.blocked_at, first.reason, first.expires_at)
