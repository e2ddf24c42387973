"""Checks on PostgreSQL: many questions, about any lists, in one statement. In a cluster, see `linked_checks`."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias

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


def _own_rows_by(column: str, users: str) -> str:
    """The rows of the numbers' own lists whose identity is in `column` of `users`."""
    return f"""
SELECT name.list_id, name.account_id, name.identity, name.alias,
       block.blocked_at, block.seq, block.reason, block.expires_at, NULL, NULL, NULL
FROM {users}
JOIN blocked_user AS block ON block.list_id = name.list_id AND block.identity = name.{column}
"""


def _all_rows_by(column: str, users: str) -> str:
    """The rows of these lists, and of those that are attached to the numbers."""
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


def _with_lists(list_ids: str, account_ids: str) -> str:
    """A row without a time for each number with attached lists."""
    return f"""
UNION ALL
SELECT number.list_id, number.account_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest({list_ids}::text[], {account_ids}::text[]) AS number (list_id, account_id)
WHERE EXISTS (
  SELECT 1 FROM attachment
  WHERE attachment.account_id = number.account_id AND attachment.phone_number_id IN ('', number.list_id)
)
"""


_NUMBERS: Final = """(
  SELECT list_id, account_id, identity, NULL AS alias
  FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (list_id, account_id, identity)
) AS name"""
# A parent id may be two steps from its number, if the user_id between them was linked just now or by an older node.
_LINKED_TWICE: Final = f"""(
  SELECT name.list_id, name.account_id, name.identity, name.alias, unnest({keys_of("further.identity")}) AS meant
  FROM {_NAMES}
  JOIN identity_alias AS known ON known.account_id = name.account_id AND known.alias = name.alias
  JOIN identity_alias AS further ON further.account_id = known.account_id AND further.alias = known.identity
  LIMIT 2 * cardinality($1::text[])
) AS name"""

# Each is one statement, so that links, rows and the lists in force are of one moment: otherwise a link could change in
# between, and a blocked user would not be found. One branch for each column: with OR, PostgreSQL would scan the list.
_BY_NUMBERS: Final = (("identity", _NUMBERS),)
_BY_ALL_IDS: Final = (("identity", _NAMES), ("alias", _NAMES), ("meant", _LINKED))
_BY_PARENT_IDS: Final = (*_BY_ALL_IDS, ("meant", _LINKED_TWICE))
_ROWS = "UNION ALL".join([_own_rows_by(*it) for it in _BY_NUMBERS]) + _with_lists("$4", "$5")
_ROWS_BY_ALL_IDS = "UNION ALL".join([_own_rows_by(*it) for it in _BY_ALL_IDS]) + _with_lists("$5", "$6")
_ROWS_BY_PARENT_IDS = "UNION ALL".join([_own_rows_by(*it) for it in _BY_PARENT_IDS]) + _with_lists("$5", "$6")
# For numbers with attached lists: few numbers have some, and these statements read more.
_ALL_ROWS = "UNION ALL".join([_all_rows_by(*it) for it in _BY_NUMBERS])
_ALL_ROWS_BY_ALL_IDS = "UNION ALL".join([_all_rows_by(*it) for it in _BY_ALL_IDS])
_ALL_ROWS_BY_PARENT_IDS = "UNION ALL".join([_all_rows_by(*it) for it in _BY_PARENT_IDS])
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
    """See `BlockStore.blocked`. Each question is answered as of one moment."""
    ids = {name for it in questions for user in it.users for name in _ids_of(it, user)}
    if not ids:
        return [[] for _ in questions]
    statement, args = _statement(ids, of_own_lists=True)
    blocks, with_lists = _read(await connection.fetch(statement, *args))
    if with_lists:
        more = {name for name in ids if name[:2] in with_lists}
        statement, args = _statement(more, of_own_lists=False)
        shared, _ = _read(await connection.fetch(statement, *args))
        blocks = {name: of_name for name, of_name in blocks.items() if name not in more} | shared
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


def _statement(ids: set[UserIds], *, of_own_lists: bool) -> tuple[str, Sequence[Sequence[Any]]]:
    """The statement that reads the rows of `ids`, and its arguments."""
    list_ids, account_ids, identities, user_ids = map(list, zip(*ids, strict=True))
    names: list[list[Any]] = [list_ids, account_ids, identities]
    if not any(user_ids):
        own, every = _ROWS, _ALL_ROWS
    elif _NO_IDENTITY in identities:
        own, every = _ROWS_BY_PARENT_IDS, _ALL_ROWS_BY_PARENT_IDS
    else:
        own, every = _ROWS_BY_ALL_IDS, _ALL_ROWS_BY_ALL_IDS
    if any(user_ids):
        names.append(user_ids)
    if not of_own_lists:
        return every, names
    numbers = list({name[:2] for name in ids})
    return own, [*names, [list_id for list_id, _ in numbers], [account_id for _, account_id in numbers]]


def _read(rows: Sequence[Any]) -> tuple[dict[UserIds, Sequence[Block]], AbstractSet[tuple[str, str]]]:
    """The blocks of those users who have any, and the numbers with attached lists."""
    blocks: dict[UserIds, Sequence[Block]] = {}
    with_lists: set[tuple[str, str]] = set()
    for row in rows:
        if row[4] is None:
            with_lists.add((row[0], row[1]))
            continue
        attached = None if row[8] is None else AttachedList(row[8], ListKind(row[9]), row[10])
        name = row[0], row[1], row[2], row[3]
        blocks[name] = (*blocks.get(name, ()), Block(row[4], row[5], row[6], row[7], attached))
    return blocks, with_lists


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
