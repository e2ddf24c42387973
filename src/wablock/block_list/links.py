"""Links between the ids of one user, and their effect on the account's lists, within one transaction.

An alias, a user_id or a parent id, means a number. While no number is known, it means a user_id, which then is the
identity of the user's rows. When that user_id is linked to a number or to another user_id, every alias that meant it is
changed too. So an alias is one step from its user, except if a process of the previous version wrote a link.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from wablock.block_list.changes import Carry, Link
from wablock.block_list.list_changes import Copy, Merge, names_of_member
from wablock.block_list.meanings import FindMeaning, Meaning, carried_on, meaning_of, meanings_of, meant
from wablock.block_list.ports import Member, Microseconds
from wablock.contract.spellings import keys_of


class Aliases(Protocol):
    """The aliases of all accounts."""

    def find_meaning(self, account_id: str, alias: str) -> Meaning | None:
        """The user that the alias was linked to: the current key of a number with its wa_id, or a user_id."""

    def link(self, account_id: str, alias: str, meaning: Meaning) -> None:
        """Let `alias` mean this."""

    def repoint(self, account_id: str, user_id: str, meaning: Meaning) -> None:
        """Let every alias that means `user_id` mean this."""


ChangeLists = Callable[[frozenset[str], Merge | Copy], None]
"""Apply a change to every list of its account that has a row under one of these names."""


class Links:
    """The links of all accounts."""

    def __init__(self, aliases: Aliases, change_lists: ChangeLists) -> None:
        self._aliases = aliases
        self._change_lists = change_lists

    def learn(self, account_id: str, members: Iterable[Member], at: Microseconds) -> None:
        """Learn links of numbers and user_ids from a request. Existing links do not change."""
        find = self._finding(account_id)
        for member in members:
            if member.user_id is not None and member.wa_id is not None:
                meaning = meaning_of(member.user_id, find)
                if meaning is not None and meaning[1] is None:
                    self._link(account_id, meaning[0], member, at)

    def meanings(self, account_id: str, members: Iterable[Member]) -> dict[str, Meaning]:
        """See `meanings_of`."""
        return meanings_of(members, self._finding(account_id))

    def unite(self, change: Link) -> None:
        """See `Link`."""
        for member in change.members:
            if member.links:
                self._unite(change.account_id, member, change.at)

    def carry(self, change: Carry) -> None:
        """See `Carry`."""
        account_id, find = change.account_id, self._finding(change.account_id)
        # Read before the new ids are linked: if only the number changes, this changes the user_id's link.
        meanings = self.meanings(account_id, [change.previous])
        names = set(names_of_member(change.previous, meanings))
        previous, parent = meant(change.previous, find), change.previous.parent_user_id
        if previous is not None and parent is not None and find(parent) is None:
            self._aliases.link(account_id, parent, (previous.key, previous.wa_id))
        self.unite(Link(account_id, change.at, [change.current]))
        current = meant(change.current, find)
        if (same := carried_on(change, previous, current)) is not None:
            current = same
            self.unite(Link(account_id, change.at, [current]))
        if current is not None:
            self._copy(account_id, names - set(current.keys), current, change.at)

    def _unite(self, account_id: str, member: Member, at: Microseconds) -> None:
        """Let all ids of `member` mean one user."""
        find = self._finding(account_id)
        user = meant(member, find) or member
        for alias in member.aliases:
            target = find(alias)
            if alias == user.key or (target is not None and target[0] == user.key):
                continue
            meaning = meaning_of(alias, find)
            if meaning is not None and meaning[1] is None:
                self._link(account_id, meaning[0], user, at)
                continue
            if alias == member.user_id:
                self._link(account_id, alias, user, at)
            else:  # a parent id has no rows
                self._aliases.link(account_id, alias, (user.key, user.wa_id))
            if meaning is not None and meaning[0] != user.key:
                self._copy(account_id, keys_of(meaning[0]), user, at)

    def _link(self, account_id: str, alias: str, member: Member, at: Microseconds) -> None:
        """Let the user_id `alias` mean `member`, and merge their rows in every list."""
        meaning = member.key, member.wa_id
        self._aliases.link(account_id, alias, meaning)
        self._aliases.repoint(account_id, alias, meaning)
        self._change_lists(frozenset({*member.keys, alias}), Merge(account_id, at, member, alias))

    def _copy(self, account_id: str, names: Iterable[str], current: Member, at: Microseconds) -> None:
        under = frozenset(names)
        self._change_lists(under, Copy(account_id, at, under, current))

    def _finding(self, account_id: str) -> FindMeaning:
        return partial(self._aliases.find_meaning, account_id)
