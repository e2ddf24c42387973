"""The links between the ids of one user, and their effect on the account's lists.

A link is first stored as not settled. Then each list that has the user is updated, in a transaction of its own. Then
the link is marked as settled. A node that reads an unsettled link settles it, so nothing is lost if a node dies.

A user_id or a parent id is an alias. It means a number or, while no number is known, the user_id of the user's rows.
When that user_id is linked to a number or to another user_id, every alias that means it is changed too. Until then, or
if a node of the previous version made the link, such an alias is two steps from its user.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec

from wablock.block_list.changes import Copy, ListChange, Merge
from wablock.block_list.list_state import place_of
from wablock.block_list.meanings import MOST_STEPS, carried_on, meaning_of, meant
from wablock.block_list.ports import Carry, Link, Member, Microseconds, Outcome
from wablock.contract.errors import UnknownObject
from wablock.contract.spellings import keys_of
from wablock.contract.user_ids import is_parent_user_id
from wablock.storage.postgres.aliases import Alias, Linked, finding, is_settled, means, unsettled
from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.keys_in_use import KeysInUse
from wablock.storage.postgres.sessions import Connection

_KNOWN = "SELECT alias, identity, wa_id, settled FROM identity_alias WHERE account_id = $1 AND alias = ANY($2)"
_LEARN = """
INSERT INTO identity_alias (account_id, alias, identity, wa_id, settled)
SELECT $1, unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), false
ON CONFLICT (account_id, alias) DO NOTHING RETURNING alias
"""
# A parent id has no rows, so there is nothing to settle.
_LEARN_PARENTS = """
INSERT INTO identity_alias (account_id, alias, identity, wa_id, settled)
SELECT $1, unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), true
ON CONFLICT (account_id, alias) DO NOTHING
"""
_POINTING = "SELECT alias, identity FROM identity_alias WHERE account_id = $1 AND identity = ANY($2)"
_REPOINT = "UPDATE identity_alias SET identity = $3, wa_id = $4 WHERE account_id = $1 AND identity = $2"
_RELINK = """
UPDATE identity_alias SET identity = $4, wa_id = $5, settled = false
WHERE account_id = $1 AND alias = $2 AND identity = $3 RETURNING alias
"""
_SETTLE = "UPDATE identity_alias SET settled = true WHERE account_id = $1 AND alias = $2 AND identity = $3"
_LISTS = "SELECT list_id FROM account_list WHERE account_id = $1"
_LISTED = "SELECT list_id, identity FROM blocked_user WHERE list_id = ANY($1) AND identity = ANY($2)"

_MOST_LISTS: Final = 1_000  # in one statement
_MOST_TIMES: Final = 10  # one for each id of a user, and one for each node that links the same user

ApplyToList = Callable[[str, ListChange], Awaitable[Outcome]]


class Links:
    """The links of all accounts. `apply` makes one change of one list."""

    def __init__(self, known: Connections, connections: Connections, apply: ApplyToList, keys: KeysInUse) -> None:
        """`known`: connections for reads of links. `connections`: those for writes, and for reads of several lists."""
        self._known = known
        self._connections = connections
        self._apply = apply
        self._keys = keys

    async def links_of(self, account_id: str, aliases: Iterable[str | None]) -> Mapping[str, Alias]:
        """The links of `aliases`."""
        names = sorted({alias for alias in aliases if alias is not None})
        if not names:
            return {}
        rows = await self._known.run(lambda connection: connection.fetch(_KNOWN, account_id, names))
        return {row[0]: Alias(*row) for row in rows}

    async def learn(self, account_id: str, members: Iterable[Member], at: Microseconds) -> None:
        """Store links of numbers and user_ids from a request. Existing links do not change."""
        by_user_id = {
            it.user_id: it for it in reversed(list(members)) if it.user_id is not None and it.wa_id is not None
        }
        by_alias = await self._links_to_the_end(account_id, by_user_id)
        new = {
            meaning[0]: member
            for user_id, member in by_user_id.items()
            if (meaning := meaning_of(user_id, finding(by_alias))) is not None and meaning[1] is None
        }
        await self._learn(account_id, new, by_alias, at)

    async def unite(self, change: Link) -> None:
        """See `Link`."""
        members = list(dict.fromkeys(member for member in change.members if member.links))
        aliases = [alias for member in members for alias in member.aliases]
        if len(set(aliases)) == len(aliases):
            await self.learn(change.account_id, members, change.at)
            await self._learn_parents(change.account_id, members)
            members = await self.unlinked(change.account_id, members)
        for member in members:
            await self._unite(change.account_id, member, change.at)

    async def unlinked(self, account_id: str, users: Iterable[Member]) -> list[Member]:
        """See `BlockStore.unlinked`."""
        users_with_links = [user for user in users if user.links]
        by_alias = await self.links_of(account_id, [alias for user in users_with_links for alias in user.aliases])
        return [user for user in users_with_links if not is_settled(user, by_alias)]

    async def carry(self, change: Carry) -> None:
        """See `Carry`."""
        account_id, at = change.account_id, change.at
        # Read before the new ids are linked: if only the number changes, this changes the user_id's link.
        by_alias = await self._links_to_the_end(account_id, change.previous.aliases)
        names = {*change.previous.keys, *change.previous.aliases}
        names |= {key for alias in by_alias.values() for key in alias.keys}
        previous = meant(change.previous, finding(by_alias))
        if previous is not None and change.previous.parent_user_id not in by_alias:
            await self._learn_parents(account_id, [previous])
        await self.unite(Link(account_id, at, [change.current]))
        current = meant(change.current, finding(await self._links_to_the_end(account_id, change.current.aliases)))
        if (same := carried_on(change, previous, current)) is not None:
            current = same
            await self.unite(Link(account_id, at, [current]))
        if current is None:
            return
        # While older nodes run, a user has a row for each spelling, so a new spelling is handled like a new number.
        own = {self._place(current)} if self._keys.beside_older else set(current.keys)
        await self._copy(account_id, names - own, current, at)
        if current.wa_id is None:  # a node that linked the user_id at the same time did not find the copies
            linked = await self.links_of(account_id, [current.key])
            await self._settle(account_id, {alias.alias: alias.member for alias in linked.values()}, at)

    async def _links_to_the_end(self, account_id: str, aliases: Iterable[str | None]) -> Mapping[str, Alias]:
        """The links of `aliases`, and of the user_ids that they mean."""
        by_alias = dict(await self.links_of(account_id, aliases))
        for _ in range(MOST_STEPS):
            further = {it.identity for it in by_alias.values() if it.wa_id is None} - by_alias.keys()
            if not further:
                break
            by_alias |= await self.links_of(account_id, further)
        return by_alias

    async def _learn(self, account_id: str, new: Linked, by_alias: Mapping[str, Alias], at: Microseconds) -> None:
        """Link the user_ids of `new`, which had no link. Settle the unsettled links of `by_alias`, too."""
        learned = new
        if new:
            links = sorted((user_id, self._place(member), member.wa_id) for user_id, member in new.items())
            added = await self._connections.run(lambda connection: _learn(connection, _LEARN, account_id, links))
            if len(added) < len(new):  # another node was faster, and may have died since
                by_alias = {**by_alias, **await self.links_of(account_id, new)}
                learned = {user_id: member for user_id, member in new.items() if user_id not in by_alias}
        await self._settle(account_id, {**unsettled(by_alias), **learned}, at)

    async def _learn_parents(self, account_id: str, members: Sequence[Member]) -> None:
        """Link parent ids that are not linked yet to the users that have them.

        Meta prints some parent ids as user_ids. Those may have rows, so they are united as user_ids are.
        """
        members_with_parents = [member for member in members if is_parent_user_id(member.parent_user_id or "")]
        if not members_with_parents:
            return
        by_alias = await self._links_to_the_end(account_id, [member.user_id for member in members_with_parents])
        users = [(it.parent_user_id or "", meant(it, finding(by_alias))) for it in members_with_parents]
        links = sorted((parent, self._place(user), user.wa_id) for parent, user in users if user is not None)
        await self._connections.run(lambda connection: _learn(connection, _LEARN_PARENTS, account_id, links))

    async def _unite(self, account_id: str, member: Member, at: Microseconds) -> None:
        for _ in range(_MOST_TIMES):  # another node may be faster
            by_alias = await self._links_to_the_end(account_id, member.aliases)
            await self._settle(account_id, unsettled(by_alias), at)
            user = meant(member, finding(by_alias)) or member
            strange = next((alias for alias in member.aliases if not means(by_alias, alias, user)), None)
            if strange is None:
                return
            await self._link(account_id, strange, by_alias, user, at)

    async def _link(
        self, account_id: str, alias: str, by_alias: Mapping[str, Alias], user: Member, at: Microseconds
    ) -> None:
        """Let `alias` mean `user`."""
        meaning = meaning_of(alias, finding(by_alias))
        if meaning is None:
            await self._learn_parents(account_id, [msgspec.structs.replace(user, parent_user_id=alias)])
        elif meaning[0] == user.key:  # in two steps
            await self._settle(account_id, {by_alias[alias].identity: user}, at)
        elif meaning[1] is None:
            await self._learn(account_id, {meaning[0]: user}, {}, at)
        else:
            await self._relink(account_id, by_alias[alias], {*by_alias[alias].keys, *keys_of(meaning[0])}, user, at)

    async def _relink(self, account_id: str, alias: Alias, names: set[str], user: Member, at: Microseconds) -> None:
        """Let `alias`, which meant another number with rows under `names`, mean `user`."""
        # Copied before the link changes: the block is found by the old link, and then by the copy.
        await self._copy(account_id, names, user, at)
        values = account_id, alias.alias, alias.identity, self._place(user), user.wa_id
        if await self._connections.run(lambda connection: connection.fetch(_RELINK, *values)):
            # Copied again: another client may have blocked the user by the old link. Later blocks use the new link.
            await self._copy(account_id, names, user, at)
            await self._settle(account_id, {alias.alias: user}, at)

    async def _settle(self, account_id: str, links: Linked, at: Microseconds) -> None:
        """Merge each user's rows into one, in every list of the account."""
        if not links:
            return
        names = {name for alias, member in links.items() for name in (*member.keys, alias)}
        listed = await self._listed(account_id, names)
        await self._repoint(account_id, links, listed, at)
        for alias, member in links.items():
            both = {*member.keys, alias}
            lists = [list_id for list_id, identities in listed.items() if both & identities]
            if not is_parent_user_id(alias):
                await self._apply_all(lists, Merge(account_id, at, member, alias))
        settled = [(account_id, alias, key) for alias, member in links.items() for key in member.keys]
        await self._connections.run(lambda connection: connection.executemany(_SETTLE, settled))
        # A node that linked one of these user_ids at the same time did not find the new rows under it.
        ids = {member.key for member in links.values() if member.wa_id is None}
        moved = await self.links_of(account_id, ids)
        await self._settle(account_id, {it.alias: it.member for it in moved.values()}, at)

    async def _repoint(self, account_id: str, links: Linked, listed: Mapping[str, set[str]], at: Microseconds) -> None:
        """Let aliases that mean a user_id of `links` mean its member."""
        pointing = await self._connections.run(lambda connection: connection.fetch(_POINTING, account_id, list(links)))
        for user_id in sorted({identity for _, identity in pointing}):
            user = links[user_id]
            if any(identity == user_id and not is_parent_user_id(alias) for alias, identity in pointing):
                # Before the link changes, a check by such an alias finds the user_id's row; then the copy.
                lists = [list_id for list_id, identities in listed.items() if user_id in identities]
                await self._apply_all(lists, Copy(account_id, at, frozenset([user_id]), user))
            values = account_id, user_id, self._place(user), user.wa_id
            await self._connections.run(lambda connection: connection.execute(_REPOINT, *values))  # noqa: B023 - awaited

    def _place(self, member: Member) -> str:
        return place_of(member, beside_older=self._keys.beside_older)

    async def _copy(self, account_id: str, names: set[str], current: Member, at: Microseconds) -> None:
        listed = await self._listed(account_id, names)
        await self._apply_all(listed, Copy(account_id, at, frozenset(names), current))

    async def _apply_all(self, list_ids: Iterable[str], change: ListChange) -> None:
        await asyncio.gather(*(self._apply_where_ours(list_id, change) for list_id in list_ids))

    async def _apply_where_ours(self, list_id: str, change: ListChange) -> None:
        with contextlib.suppress(UnknownObject):  # the list has become another account's
            await self._apply(list_id, change)

    async def _listed(self, account_id: str, names: Iterable[str]) -> dict[str, set[str]]:
        """The account's lists with rows under `names`, each with those names."""
        identities = sorted(names)
        listed: dict[str, set[str]] = {}
        rows = await self._connections.run(lambda connection: connection.fetch(_LISTS, account_id))
        lists = iter([list_id for (list_id,) in rows])
        while some := list(islice(lists, _MOST_LISTS)):
            for list_id, identity in await self._connections.run(
                lambda connection: connection.fetch(_LISTED, some, identities)
            ):
                listed.setdefault(list_id, set()).add(identity)
        return listed


async def _learn(
    connection: Connection, statement: str, account_id: str, links: Sequence[tuple[str, str, str | None]]
) -> Sequence[object]:
    return await connection.fetch(statement, account_id, *map(list, zip(*links, strict=True)))
