"""The links between the ids of one user, and their effect on the account's lists.

A link is first stored as not settled. Then each list that has the user is updated, in a transaction of its own. Then
the link is marked as settled. A node that reads an unsettled link settles it, and so does each sweep, so nothing is
lost if a node dies. In a Citus cluster a link waits only for lists whose workers respond; see `settling`.

A user_id or a parent id is an alias. It means a number or, while no number is known, the user_id of the user's rows.
When that user_id is linked to a number or to another user_id, every alias that means it is changed too. Until then, or
if a node of the previous version made the link, such an alias is two steps from its user.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from wablock.block_list.changes import Carry, Link
from wablock.block_list.meanings import are_one, carried_on, meaning_of, meant
from wablock.block_list.ports import Member, Microseconds
from wablock.contract.spellings import keys_of
from wablock.contract.user_ids import is_parent_user_id
from wablock.storage.postgres.aliases import Alias, Linked, StoredAliases, finding, is_settled, means, unsettled
from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.sessions import Connection
from wablock.storage.postgres.settling import Settling

_LEARN_ONE = """
INSERT INTO identity_alias (account_id, alias, identity, wa_id, settled) VALUES ($1, $3, $4, $5, $2)
ON CONFLICT (account_id, alias) DO NOTHING RETURNING alias
"""
_LEARN = """
INSERT INTO identity_alias (account_id, alias, identity, wa_id, settled)
SELECT $1, unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), $2
ON CONFLICT (account_id, alias) DO NOTHING RETURNING alias
"""
_RELINK = """
UPDATE identity_alias SET identity = $4, wa_id = $5, settled = false
WHERE account_id = $1 AND alias = $2 AND identity = $3 RETURNING alias
"""

_MOST_TIMES: Final = 10  # one for each id of a user, and one for each node that links the same user


class Links:
    """The links of all accounts."""

    def __init__(self, stored: StoredAliases, connections: Connections, settling: Settling) -> None:
        """`connections`: for writes of links."""
        self._stored = stored
        self._connections = connections
        self._settling = settling

    async def learn(self, account_id: str, members: Iterable[Member], at: Microseconds) -> bool:
        """Store links of numbers and user_ids from a request. Existing links do not change.

        Returns whether all of them are settled.
        """
        by_user_id = {
            it.user_id: it for it in reversed(list(members)) if it.user_id is not None and it.wa_id is not None
        }
        by_alias = await self._stored.to_the_end(account_id, by_user_id)
        new = {
            meaning[0]: member
            for user_id, member in by_user_id.items()
            if (meaning := meaning_of(user_id, finding(by_alias))) is not None and meaning[1] is None
        }
        return await self._learn(account_id, new, by_alias, at)

    async def unite(self, change: Link) -> None:
        """See `Link`."""
        members = list(dict.fromkeys(member for member in change.members if member.links))
        aliases = [alias for member in members for alias in member.aliases]
        if len(set(aliases)) == len(aliases):
            are_settled = await self.learn(change.account_id, members, change.at)
            await self._learn_parents(change.account_id, members)
            unknown = self.unlinked if are_settled else self._unknown
            members = await unknown(change.account_id, members)
        for member in members:
            await self._unite(change.account_id, member, change.at)

    async def unlinked(self, account_id: str, users: Iterable[Member]) -> list[Member]:
        """See `BlockStore.unlinked`."""
        users_with_links = [user for user in users if user.links]
        by_alias = await self._stored.of(account_id, [alias for user in users_with_links for alias in user.aliases])
        return [user for user in users_with_links if not is_settled(user, by_alias)]

    async def _unknown(self, account_id: str, users: Sequence[Member]) -> list[Member]:
        """Those of `users` with an id that has no link, or means another user. Links need not be settled."""
        find = finding(await self._stored.to_the_end(account_id, [alias for user in users for alias in user.aliases]))
        return [user for user in users if not are_one(user, find)]

    async def carry(self, change: Carry) -> None:
        """See `Carry`."""
        account_id, at = change.account_id, change.at
        # Read before the new ids are linked: if only the number changes, this changes the user_id's link.
        by_alias = await self._stored.to_the_end(account_id, change.previous.aliases)
        names = {*change.previous.keys, *change.previous.aliases}
        names |= {key for alias in by_alias.values() for key in alias.keys}
        previous = meant(change.previous, finding(by_alias))
        if previous is not None and change.previous.parent_user_id not in by_alias:
            await self._learn_parents(account_id, [previous])
        await self.unite(Link(account_id, at, [change.current]))
        current = meant(change.current, finding(await self._stored.to_the_end(account_id, change.current.aliases)))
        if (same := carried_on(change, previous, current)) is not None:
            current = same
            await self.unite(Link(account_id, at, [current]))
        if current is None:
            return
        await self._settling.copy(account_id, names - self._settling.own_keys(current), current, at)
        if current.wa_id is None:  # a node that linked the user_id at the same time did not find the copies
            linked = await self._stored.of(account_id, [current.key])
            await self._settling.settle(account_id, {alias.alias: alias.member for alias in linked.values()}, at)

    async def _learn(self, account_id: str, new: Linked, by_alias: Mapping[str, Alias], at: Microseconds) -> bool:
        """Link the user_ids of `new`, which had no link. Settle the unsettled links of `by_alias`, too.

        Returns whether they are settled.
        """
        learned = new
        if new:
            links = sorted((user_id, self._settling.place_of(member), member.wa_id) for user_id, member in new.items())
            added = await self._connections.run(lambda connection: _learn(connection, account_id, links))
            if len(added) < len(new):  # another node was faster, and may have died since
                by_alias = {**by_alias, **await self._stored.of(account_id, new)}
                learned = {user_id: member for user_id, member in new.items() if user_id not in by_alias}
        return await self._settling.settle(account_id, {**unsettled(by_alias), **learned}, at)

    async def _learn_parents(self, account_id: str, members: Sequence[Member]) -> None:
        """Link parent ids that are not linked yet to the users that have them.

        Meta prints some parent ids as user_ids. Those may have rows, so they are united as user_ids are.
        """
        members_with_parents = [member for member in members if is_parent_user_id(member.parent_user_id or "")]
        if not members_with_parents:
            return
        by_alias = await self._stored.to_the_end(account_id, [member.user_id for member in members_with_parents])
        users = [(it.parent_user_id or "", meant(it, finding(by_alias))) for it in members_with_parents]
        links = sorted(
            (parent, self._settling.place_of(user), user.wa_id) for parent, user in users if user is not None
        )
        # A parent id has no rows, so there is nothing to settle.
        await self._connections.run(lambda connection: _learn(connection, account_id, links, settled=True))

    async def _unite(self, account_id: str, member: Member, at: Microseconds) -> None:
        waiting: set[str] = set()
        for _ in range(_MOST_TIMES):  # another node may be faster
            by_alias = await self._stored.to_the_end(account_id, member.aliases)
            await self._settling.settle(account_id, unsettled(by_alias), at)
            user = meant(member, finding(by_alias)) or member
            strange = next((it for it in member.aliases if it not in waiting and not means(by_alias, it, user)), None)
            if strange is None:
                return
            if not await self._link(account_id, strange, by_alias, user, at):
                waiting.add(strange)

    async def _link(
        self, account_id: str, alias: str, by_alias: Mapping[str, Alias], user: Member, at: Microseconds
    ) -> bool:
        """Let `alias` mean `user`. Returns whether this link is settled."""
        meaning = meaning_of(alias, finding(by_alias))
        if meaning is None:
            await self._learn_parents(account_id, [msgspec.structs.replace(user, parent_user_id=alias)])
            return True
        if meaning[0] == user.key:  # in two steps
            return await self._settling.settle(account_id, {by_alias[alias].identity: user}, at)
        if meaning[1] is None:
            return await self._learn(account_id, {meaning[0]: user}, {}, at)
        return await self._relink(account_id, by_alias[alias], {*by_alias[alias].keys, *keys_of(meaning[0])}, user, at)

    async def _relink(self, account_id: str, alias: Alias, names: set[str], user: Member, at: Microseconds) -> bool:
        """Let `alias`, which meant another number with rows under `names`, mean `user`."""
        # Copied before the link changes: the block is found by the old link, and then by the copy.
        await self._settling.copy(account_id, names, user, at)
        values = account_id, alias.alias, alias.identity, self._settling.place_of(user), user.wa_id
        if await self._connections.run(lambda connection: connection.fetch(_RELINK, *values)):
            # Copied again: another client may have blocked the user by the old link. Later blocks use the new link.
            await self._settling.copy(account_id, names, user, at)
            return await self._settling.settle(account_id, {alias.alias: user}, at)
        return True


async def _learn(
    connection: Connection, account_id: str, links: Sequence[tuple[str, str, str | None]], *, settled: bool = False
) -> Sequence[object]:
    """Returns the aliases that had no link before."""
    if len(links) == 1:  # nearly always; a set makes Citus use COPY
        return await connection.fetch(_LEARN_ONE, account_id, settled, *links[0])
    return await connection.fetch(_LEARN, account_id, settled, *map(list, zip(*links, strict=True)))
