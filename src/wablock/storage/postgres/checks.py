"""Who is blocked, on PostgreSQL: many questions, of whichever lists, in one statement."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from wablock.block_list.ports import InForce, Member, Microseconds
from wablock.storage.postgres.connections import Connection

# ANY: so that on Citus only the shards of these lists are asked.
_ROWS = """
SELECT held.list_id, held.identity, held.blocked_at, held.seq, held.reason, held.expires_at
FROM unnest($1::text[], $2::text[]) AS asked (list_id, identity)
JOIN blocked_user AS held ON held.list_id = asked.list_id AND held.identity = asked.identity
WHERE held.list_id = ANY($3::text[])
"""
_ALIASES = """
SELECT known.account_id, known.alias, known.identity
FROM unnest($1::text[], $2::text[]) AS asked (account_id, alias)
JOIN identity_alias AS known ON known.account_id = asked.account_id AND known.alias = asked.alias
"""

Name: TypeAlias = tuple[str, str]
"""A list and an identity, or an account and a user_id."""


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
    """For each question what `BlockStore.blocked` promises.

    A row that is found by its own ids is asked for before the links are: a row which a link moves in between was found
    where it was, or is found where the link says.
    """
    asked = {(it.list_id, name) for it in questions for user in it.users for name in _own_names(user)}
    found = await _rows(connection, asked)
    aliases = await _aliases(connection, questions)
    if aliases:
        meant = {
            (it.list_id, aliases[it.account_id, user.user_id])
            for it in questions
            for user in it.users
            if user.user_id is not None and (it.account_id, user.user_id) in aliases
        }
        found |= await _rows(connection, meant - asked)
    return [[_in_force(found, aliases, it, user) for user in it.users] for it in questions]


def _own_names(user: Member) -> Sequence[str]:
    return (user.key,) if user.user_id is None else (user.key, user.user_id)


async def _rows(connection: Connection, asked: set[Name]) -> dict[Name, _Block]:
    if not asked:
        return {}
    list_ids, identities = map(list, zip(*asked, strict=True))
    rows = await connection.fetch(_ROWS, list_ids, identities, list(set(list_ids)))
    return {(row[0], row[1]): _Block(row[2], row[3], row[4], row[5]) for row in rows}


async def _aliases(connection: Connection, questions: Sequence[Question]) -> Mapping[Name, str]:
    asked = {(it.account_id, user.user_id) for it in questions for user in it.users if user.user_id is not None}
    if not asked:
        return {}
    rows = await connection.fetch(_ALIASES, *map(list, zip(*asked, strict=True)))
    return {(row[0], row[1]): row[2] for row in rows}


def _in_force(
    found: Mapping[Name, _Block], aliases: Mapping[Name, str], question: Question, user: Member
) -> InForce | None:
    if not found:
        return None
    names = [*_own_names(user)]
    if user.user_id is not None and (meant := aliases.get((question.account_id, user.user_id))) is not None:
        names.append(meant)
    blocks = [block for name in names if (block := found.get((question.list_id, name))) is not None]
    holding = [block for block in blocks if block.expires_at is None or block.expires_at > question.at]
    if not holding:
        return None
    first = min(holding, key=lambda block: (block.blocked_at, block.seq))
    return InForce(first.blocked_at, first.reason, first.expires_at)
