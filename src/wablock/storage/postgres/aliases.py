"""Stored aliases, as links use them."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from wablock.block_list.meanings import FindMeaning, Meaning, is_known
from wablock.block_list.ports import Member
from wablock.contract.spellings import keys_of, one_spelling
from wablock.contract.user_ids import is_parent_user_id


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
