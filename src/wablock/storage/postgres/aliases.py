"""Stored aliases, as links use them."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import msgspec

from wablock.block_list.meanings import MOST_STEPS, FindMeaning, Meaning, is_known
from wablock.block_list.ports import Member
from wablock.contract.spellings import keys_of, one_spelling
from wablock.contract.user_ids import is_parent_user_id
from wablock.storage.postgres.connections import Connections

_KNOWN = "SELECT alias, identity, wa_id, settled FROM identity_alias WHERE account_id = $1 AND alias = ANY($2)"

# A link counts while another one leads to its alias: nodes may make both at the same time.
IS_UNSETTLED: Final = """(NOT known.settled OR EXISTS (
  SELECT 1 FROM identity_alias AS further
  WHERE further.account_id = known.account_id AND further.identity = known.alias AND NOT further.settled
))"""


class Alias(msgspec.Struct, frozen=True):
    """The user that an alias means. `settled`: the account's lists are updated.

    `identity` is as stored: a current or former key; or a user_id, and then there is no `wa_id`.
    """

    alias: str
    identity: str
    wa_id: str | None
    settled: bool

    @property
    def member(self) -> Member:
        user_id = None if is_parent_user_id(self.alias) else self.alias
        return Member(one_spelling(self.identity), self.wa_id, user_id, self.wa_id or self.identity)

    @property
    def meaning(self) -> Meaning:
        return one_spelling(self.identity), self.wa_id

    @property
    def keys(self) -> tuple[str, ...]:
        return keys_of(self.identity)

    def means(self, member: Member) -> bool:
        return one_spelling(self.identity) == member.key


Linked: TypeAlias = Mapping[str, Member]
"""The users that some aliases mean."""


class StoredAliases:
    """The aliases of all accounts, to read."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def of(self, account_id: str, aliases: Iterable[str | None]) -> Mapping[str, Alias]:
        """Those of `aliases` that have a link."""
        names = sorted({alias for alias in aliases if alias is not None})
        if not names:
            return {}
        rows = await self._connections.run(lambda connection: connection.fetch(_KNOWN, account_id, names))
        return {row[0]: Alias(*row) for row in rows}

    async def to_the_end(self, account_id: str, aliases: Iterable[str | None]) -> Mapping[str, Alias]:
        """Those of `aliases` that have a link, and the user_ids that they mean."""
        by_alias = dict(await self.of(account_id, aliases))
        for _ in range(MOST_STEPS):
            further = {it.identity for it in by_alias.values() if it.wa_id is None} - by_alias.keys()
            if not further:
                break
            by_alias |= await self.of(account_id, further)
        return by_alias


def unsettled(by_alias: Mapping[str, Alias]) -> Linked:
    """The links that are not settled yet, by alias."""
    return {it.alias: it.member for it in by_alias.values() if not it.settled}


def finding(by_alias: Mapping[str, Alias]) -> FindMeaning:
    return lambda alias: by_alias[alias].meaning if alias in by_alias else None


def means(by_alias: Mapping[str, Alias], alias: str, user: Member) -> bool:
    return alias == user.key or (alias in by_alias and by_alias[alias].means(user))


def is_settled(user: Member, by_alias: Mapping[str, Alias]) -> bool:
    """Whether all ids of the user are linked, and all lists of the account are updated."""
    aliases = [by_alias[alias] for alias in user.aliases if alias in by_alias]
    return all(it.settled for it in aliases) and is_known(user, {it.alias: it.identity for it in by_alias.values()})
