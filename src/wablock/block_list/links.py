"""Which ids of an account are one user, and what that means for its lists, within one transaction.

A user_id or a parent id is an alias. It means a number, or, while no number is known, a user_id, under which the user's
rows lie. When that user_id is linked to a number or to another user_id, every alias that meant it is pointed there at
once, so that an alias is one step from its user. More steps are possible only where a process of the version before
wrote the second.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from wablock.block_list.changes import Copy, Merge, names_of_member
from wablock.block_list.meanings import FindMeaning, Meaning, carried_on, meaning_of, meanings_of, meant
from wablock.block_list.ports import Carry, Link, Member, Microseconds
from wablock.contract.spellings import keys_of


class Aliases(Protocol):
    """The aliases of all accounts."""

    def find_meaning(self, account_id: str, alias: str) -> Meaning | None:
        """What the alias was linked to: today's key of a number with its wa_id, or a user_id."""

    def link(self, account_id: str, alias: str, meaning: Meaning) -> None:
        """From now on `alias` means this."""

    def repoint(self, account_id: str, user_id: str, meaning: Meaning) -> None:
        """Every alias that means `user_id` means this from now on."""


ChangeLists = Callable[[frozenset[str], Merge | Copy], None]
"""Apply a change to every list of its account that has a row under one of these names."""


class Links:
    """The links of all accounts."""

    def __init__(self, aliases: Aliases, change_lists: ChangeLists) -> None:
        self._aliases = aliases
        self._change_lists = change_lists

    def learn(self, account_id: str, members: Iterable[Member], at: Microseconds) -> None:
        """Links of numbers and user_ids that a request shows: one that is known already stays."""
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
        # Before anything is learned: where the user_id stays and the number is another, the link is about to change.
        known = self.meanings(account_id, [change.previous])
        names = set(names_of_member(change.previous, known))
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
        """From now on all ids that `member` shows mean one user."""
        find = self._finding(account_id)
        user = meant(member, find) or member
        for alias in member.aliases:
            known = find(alias)
            if alias == user.key or (known is not None and known[0] == user.key):
                continue
            meaning = meaning_of(alias, find)
            if meaning is not None and meaning[1] is None:
                self._link(account_id, meaning[0], user, at)
                continue
            if alias == member.user_id:
                self._link(account_id, alias, user, at)
            else:  # no row lies under a parent id
                self._aliases.link(account_id, alias, (user.key, user.wa_id))
            if meaning is not None and meaning[0] != user.key:
                self._copy(account_id, keys_of(meaning[0]), user, at)

    def _link(self, account_id: str, alias: str, member: Member, at: Microseconds) -> None:
        """From now on the user_id `alias` means `member`, and rows under either become one in every list."""
        meaning = member.key, member.wa_id
        self._aliases.link(account_id, alias, meaning)
        self._aliases.repoint(account_id, alias, meaning)
        self._change_lists(frozenset({*member.keys, alias}), Merge(account_id, at, member, alias))

    def _copy(self, account_id: str, names: Iterable[str], current: Member, at: Microseconds) -> None:
        under = frozenset(names)
        self._change_lists(under, Copy(account_id, at, under, current))

    def _finding(self, account_id: str) -> FindMeaning:
        return partial(self._aliases.find_meaning, account_id)
