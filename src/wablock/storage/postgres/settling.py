"""The settling of links: each list that has the user is updated, so that the user has one row there.

In a Citus cluster a worker may not respond. A link does not wait for it: a check finds a user by every id also while
the link is unsettled. What must change a list first, such as a number that a user gave up, does wait.
"""

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from wablock.block_list.changes import Block, Edit, Unblock, Undo
from wablock.block_list.list_changes import Copy, ListChange, Merge
from wablock.block_list.list_rows import place_of
from wablock.block_list.meanings import MOST_STEPS, meant
from wablock.block_list.ports import Member, Microseconds
from wablock.contract.errors import GraphError, UnknownObject
from wablock.contract.user_ids import is_parent_user_id
from wablock.storage.postgres.aliases import IS_UNSETTLED, Alias, Linked, StoredAliases, finding
from wablock.storage.postgres.attempts import Attempts
from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.keys_in_use import KeysInUse
from wablock.storage.postgres.lanes import Lanes
from wablock.storage.round_trips import RoundTrips

_POINTING = "SELECT alias, identity FROM identity_alias WHERE account_id = $1 AND identity = ANY($2)"
_REPOINT = "UPDATE identity_alias SET identity = $3, wa_id = $4 WHERE account_id = $1 AND identity = $2"
_SETTLE = "UPDATE identity_alias SET settled = true WHERE account_id = $1 AND alias = $2 AND identity = $3"
_LISTS = "SELECT list_id FROM account_list WHERE account_id = $1"
_LISTED = "SELECT list_id, identity FROM blocked_user WHERE list_id = ANY($1) AND identity = ANY($2)"
_UNSETTLED_OF = f"""
SELECT known.account_id, known.alias, known.identity, known.wa_id, known.settled
FROM unnest($1::text[], $2::text[]) AS wanted (account_id, identity)
JOIN identity_alias AS known ON known.account_id = wanted.account_id AND known.identity = wanted.identity
WHERE {IS_UNSETTLED}
"""
_UNSETTLED = """
SELECT account_id, alias, identity, wa_id, settled FROM identity_alias
WHERE NOT settled AND (account_id, identity, alias) > ($1, $2, $3) ORDER BY account_id, identity, alias LIMIT $4
"""

_MOST_LISTS: Final = 1_000  # in one statement
_MOST_LINKS: Final = 1_000  # settled together in a sweep
_SWEEPS_PATIENCE: Final = 1.0  # seconds for one account

_Users: TypeAlias = tuple[str, Collection[str]]
"""An account, and identities of its users."""


class Settling:
    """Settles the links of all accounts."""

    def __init__(
        self, stored: StoredAliases, connections: Connections, lanes: Lanes, keys: KeysInUse, attempts: Attempts
    ) -> None:
        """`connections`: for writes of links."""
        self._stored = stored
        self._connections = connections
        self._lanes = lanes
        self._keys = keys
        self._unsettled = RoundTrips(self._unsettled_of, at_once=1, is_stuck=connections.is_stuck)
        self._attempts = attempts

    def place_of(self, member: Member) -> str:
        return place_of(member, beside_older=self._keys.beside_older)

    def own_keys(self, member: Member) -> set[str]:
        """The keys under which a list has this user.

        While older nodes run, a user has a row for each spelling, so a new spelling is handled like a new number.
        """
        return {self.place_of(member)} if self._keys.beside_older else set(member.keys)

    async def settle(self, account_id: str, links: Linked, at: Microseconds) -> bool:
        """Merge each user's rows into one, in every list of the account.

        Returns False if a worker does not respond soon: the links stay unsettled, until someone meets them again, or
        until the next sweep.
        """
        if not links:
            return True
        if not self._lanes.are_several:
            await self._settle(account_id, links, at)
            return True
        if not self._attempts.may_begin(account_id):
            return False
        return await self._attempts.make(account_id, self._settle(account_id, links, at))

    async def settle_on(self, change: Block | Unblock | Edit | Undo) -> Sequence[Member]:
        """Settle the unsettled links of the users, on this list alone.

        Returns the users that the ids of the change mean, which may be several links from them.
        """
        if not self._lanes.are_several:
            return change.members
        account_id, aliases = change.account_id, [alias for member in change.members for alias in member.aliases]
        by_alias = await self._stored.to_the_end(account_id, aliases)
        members = [meant(member, finding(by_alias)) or member for member in change.members]
        users = {key: alias.member for alias in by_alias.values() for key in alias.keys}
        users |= {name: member for member in members for name in (*member.keys, *member.aliases)}
        names: Collection[str] = tuple(users)
        while names:
            links = await self._unsettled_to(account_id, names)
            names = {it.alias for it in links} - users.keys()
            for it in links:
                user = next(users[key] for key in (it.identity, *it.keys) if key in users)
                users.setdefault(it.alias, user)
                if it.alias != user.key and not is_parent_user_id(it.alias):
                    await self._apply_where_ours(change.list_id, Merge(account_id, change.at, user, it.alias))
        return members

    async def copy(self, account_id: str, names: set[str], current: Member, at: Microseconds) -> None:
        """Copy the blocks of `names` to `current`, in every list. Raises `GraphError` if a list cannot be changed."""
        for _ in range(MOST_STEPS):  # a list may have the users under other ids, if their links are not settled
            links = {it.alias: it.member for it in await self._unsettled_to(account_id, names)}
            if not links:
                break
            await self._settle(account_id, links, at)
        listed, failure = await self._listed(account_id, names)
        if failure is not None:
            raise failure
        await self._apply_all(listed, Copy(account_id, at, frozenset(names), current))

    async def sweep(self, at: Microseconds) -> None:
        """Settle the links that were left unsettled."""
        last = ("", "", "")
        while rows := await self._connections.run(
            lambda connection: connection.fetch(_UNSETTLED, *last, _MOST_LINKS)  # noqa: B023 - awaited
        ):
            links: dict[str, dict[str, Member]] = {}
            for account_id, *alias in rows:
                link = Alias(*alias)
                links.setdefault(account_id, {})[link.alias] = link.member
            for account_id, members in links.items():
                settling = self._settle(account_id, members, at)
                if self._lanes.are_several:  # other accounts do not wait for a worker that is silent
                    await self._attempts.make(account_id, settling, _SWEEPS_PATIENCE)
                else:
                    with contextlib.suppress(GraphError):  # logged already; the next sweep continues
                        await settling
            last = rows[-1][0], rows[-1][2], rows[-1][1]

    async def _settle(self, account_id: str, links: Linked, at: Microseconds) -> None:
        links = _to_the_end(links)
        names = {name for alias, member in links.items() for name in (*member.keys, alias)}
        listed, failure = await self._listed(account_id, names)
        if failure is None:
            await self._repoint(account_id, links, listed, at)
        for alias, member in links.items():
            both = {*member.keys, alias}
            lists = [list_id for list_id, identities in listed.items() if both & identities]
            if not is_parent_user_id(alias):
                await self._apply_all(lists, Merge(account_id, at, member, alias))
        if failure is not None:
            raise failure
        # A node that linked one of these user_ids at the same time did not find the new rows under it. They are moved
        # before the link counts as settled: a worker may fail in between.
        moved = await self._stored.of(account_id, {member.key for member in links.values() if member.wa_id is None})
        if moved:
            await self._settle(account_id, {it.alias: it.member for it in moved.values()}, at)
        settled = [
            (account_id, alias, key)
            for alias, member in links.items()
            for key in (*member.keys, *(moved[member.key].keys if member.key in moved else ()))
        ]
        await self._connections.run(lambda connection: connection.executemany(_SETTLE, settled))

    async def _repoint(self, account_id: str, links: Linked, listed: Mapping[str, set[str]], at: Microseconds) -> None:
        """Let aliases that mean a user_id of `links` mean its member."""
        pointing = await self._connections.run(lambda connection: connection.fetch(_POINTING, account_id, list(links)))
        for user_id in sorted({identity for _, identity in pointing}):
            user = links[user_id]
            if any(identity == user_id and not is_parent_user_id(alias) for alias, identity in pointing):
                # Before the link changes, a check by such an alias finds the user_id's row; then the copy.
                lists = [list_id for list_id, identities in listed.items() if user_id in identities]
                await self._apply_all(lists, Copy(account_id, at, frozenset([user_id]), user))
            values = account_id, user_id, self.place_of(user), user.wa_id
            await self._connections.run(lambda connection: connection.execute(_REPOINT, *values))  # noqa: B023 - awaited

    async def _apply_all(self, list_ids: Iterable[str], change: ListChange) -> None:
        await asyncio.gather(*(self._apply_where_ours(list_id, change) for list_id in list_ids))

    async def _apply_where_ours(self, list_id: str, change: ListChange) -> None:
        with contextlib.suppress(UnknownObject):  # the list has become another account's
            await self._lanes.submit(list_id, change)

    async def _listed(self, account_id: str, names: Iterable[str]) -> tuple[Mapping[str, set[str]], GraphError | None]:
        """The account's lists with rows under `names`, each with those names.

        If a worker fails, its lists are missing, and the failure is returned too.
        """
        rows = await self._connections.run(lambda connection: connection.fetch(_LISTS, account_id))
        lanes = await self._lanes.writing_of([list_id for (list_id,) in rows])
        wanted, listed = sorted(names), dict[str, set[str]]()
        reads = (_listed(connections, list_ids, wanted) for connections, list_ids in lanes.items())
        failure: GraphError | None = None
        for result in await asyncio.gather(*reads, return_exceptions=True):
            if isinstance(result, GraphError):
                failure = result
            elif isinstance(result, BaseException):
                raise result
            else:
                for list_id, identity in result:
                    listed.setdefault(list_id, set()).add(identity)
        return listed, failure

    async def _unsettled_to(self, account_id: str, identities: Collection[str]) -> Sequence[Alias]:
        """The unsettled links to these users. Without a cluster a link is unsettled only for a moment."""
        if not identities or not self._lanes.are_several:
            return ()
        return await self._unsettled.ask((account_id, identities))

    async def _unsettled_of(self, users: Sequence[_Users]) -> Sequence[Sequence[Alias]]:
        account_ids, identities = map(list, zip(*((of, key) for of, keys in users for key in keys), strict=True))
        rows = await self._connections.run(lambda connection: connection.fetch(_UNSETTLED_OF, account_ids, identities))
        return [
            [Alias(*alias) for account_id, *alias in rows if account_id == of and alias[1] in keys]
            for of, keys in users
        ]


def _to_the_end(links: Linked) -> Linked:
    """`links` without those in two steps: rows that move to a user_id would stay there if its own were moved before."""
    by_alias = dict(links)
    for _ in range(MOST_STEPS):
        by_alias = {alias: by_alias.get(member.key, member) for alias, member in by_alias.items()}
    return by_alias


async def _listed(
    connections: Connections, list_ids: Sequence[str], identities: Sequence[str]
) -> Sequence[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for start in range(0, len(list_ids), _MOST_LISTS):
        some = list_ids[start : start + _MOST_LISTS]
        rows += await connections.run(lambda connection: connection.fetch(_LISTED, some, identities))  # noqa: B023 - awaited
    return rows
