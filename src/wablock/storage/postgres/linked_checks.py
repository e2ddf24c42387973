"""Checks in a Citus cluster: links and rows are on different machines, so they are read one after the other.

The links are read first. A link that is settled afterwards moves the user's row from one of these ids to another. An id
without a number may also get a link afterwards, which moves its row to an id that the check does not know yet. So for
such ids the links are read again after the rows, and if they show further ids, the rows too. If a user_id gets another
number meanwhile, a block of either number counts.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from wablock.block_list.ports import InForce, Member
from wablock.contract.spellings import keys_of
from wablock.storage.postgres.aliases import IS_UNSETTLED
from wablock.storage.postgres.checks import Block, Name, Question, in_force
from wablock.storage.postgres.sessions import Connection

# ANY: so that Citus queries only the shards of these lists.
_ROWS = """
SELECT block.list_id, block.identity, block.blocked_at, block.seq, block.reason, block.expires_at
FROM unnest($1::text[], $2::text[]) AS name (list_id, identity)
JOIN blocked_user AS block ON block.list_id = name.list_id AND block.identity = name.identity
WHERE block.list_id = ANY($3::text[])
"""
# The second part: while a link is unsettled, the list may have the user under the alias.
_LINKS = f"""
SELECT known.account_id, known.alias AS name, known.identity AS other
FROM unnest($1::text[], $2::text[]) AS wanted (account_id, name)
JOIN identity_alias AS known ON known.account_id = wanted.account_id AND known.alias = wanted.name
UNION ALL
SELECT known.account_id, known.identity, known.alias
FROM unnest($1::text[], $2::text[]) AS wanted (account_id, name)
JOIN identity_alias AS known ON known.account_id = wanted.account_id AND known.identity = wanted.name
WHERE {IS_UNSETTLED}
"""

_Links: TypeAlias = Mapping[Name, set[str]]
"""The other ids of users, by account and id."""


class _User:
    """A user of a question, and the ids that are known so far."""

    def __init__(self, question: Question, member: Member) -> None:
        self._question = question
        self._names = {*member.keys, *member.aliases}

    @property
    def of_account(self) -> set[Name]:
        return {(self._question.account_id, name) for name in self._names}

    @property
    def of_list(self) -> set[Name]:
        return {(self._question.list_id, name) for name in self._names}

    def learn(self, links: _Links) -> bool:
        """Whether there are further ids in `links`."""
        count = len(self._names)
        self._names |= {other for name in self.of_account for other in links.get(name, ())}
        return len(self._names) > count

    def may_move(self, links: _Links) -> bool:
        """Whether the row of an id may move to an unknown id: it is not a number, and `links` has none for it."""
        return any(
            not name[0].isdigit() and not any(other[0].isdigit() for other in links.get((account_id, name), ()))
            for account_id, name in self.of_account
        )

    def in_force(self, rows: Mapping[Name, Block]) -> InForce | None:
        return in_force([rows[name] for name in self.of_list if name in rows], self._question.at)


async def blocked(connection: Connection, questions: Sequence[Question]) -> Sequence[Sequence[InForce | None]]:
    """See `BlockStore.blocked`."""
    users = [[_User(it, member) for member in it.users] for it in questions]
    all_users = [user for of_question in users for user in of_question]
    links = await _learn(connection, all_users)
    while True:
        rows = await _rows(connection, all_users)
        moving = [user for user in all_users if user.may_move(links)]
        if not moving or not _has_news(moving, await _links(connection, moving)):
            return [[user.in_force(rows) for user in of_question] for of_question in users]
        links = await _learn(connection, all_users)


async def _learn(connection: Connection, users: Sequence[_User]) -> _Links:
    """All links of the users, who learn their ids."""
    while True:
        links = await _links(connection, users)
        if not _has_news(users, links):
            return links


def _has_news(users: Sequence[_User], links: _Links) -> bool:
    learned = [user for user in users if user.learn(links)]
    return bool(learned)


async def _rows(connection: Connection, users: Sequence[_User]) -> Mapping[Name, Block]:
    names = {name for user in users for name in user.of_list}
    if not names:
        return {}
    list_ids, identities = map(list, zip(*names, strict=True))
    rows = await connection.fetch(_ROWS, list_ids, identities, list(set(list_ids)))
    return {(row[0], row[1]): Block(row[2], row[3], row[4], row[5]) for row in rows}


async def _links(connection: Connection, users: Sequence[_User]) -> _Links:
    return await links_of(connection, {name for user in users for name in user.of_account})


async def links_of(connection: Connection, names: Collection[Name]) -> _Links:
    """The ids that are linked directly to each of `names`."""
    links: dict[Name, set[str]] = {}
    if names:
        account_ids, ids = map(list, zip(*names, strict=True))
        for account_id, name, other in await connection.fetch(_LINKS, account_ids, ids):
            links.setdefault((account_id, name), set()).update(keys_of(other))
    return links
