"""Which user_id is which number, account by account, and what that means for the account's lists.

A link is kept first, as not settled; then every list where the user is on is put right, each in a transaction of its
own; then the link is settled. Whoever meets one that is not finishes it, so a node that dies in between loses nothing.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec

from wablock.block_list.ports import Carry, Link, Member, Microseconds, Outcome
from wablock.contract.errors import UnknownObject
from wablock.contract.spellings import keys_of, one_spelling
from wablock.storage.postgres.connections import Connection, Connections
from wablock.storage.postgres.keys_in_use import KeysInUse
from wablock.storage.postgres.working_list import Copy, ListChange, Merge, place_of

_KNOWN = "SELECT alias, identity, wa_id, settled FROM identity_alias WHERE account_id = $1 AND alias = ANY($2)"
_LEARN = """
INSERT INTO identity_alias (account_id, alias, identity, wa_id, settled)
SELECT $1, unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), false
ON CONFLICT (account_id, alias) DO NOTHING RETURNING alias
"""
_RELINK = """
UPDATE identity_alias SET identity = $4, wa_id = $5, settled = false
WHERE account_id = $1 AND alias = $2 AND identity = $3 RETURNING alias
"""
_SETTLE = "UPDATE identity_alias SET settled = true WHERE account_id = $1 AND alias = $2 AND identity = $3"
_LISTS = "SELECT list_id FROM account_list WHERE account_id = $1"
_LISTED = "SELECT list_id, identity FROM blocked_user WHERE list_id = ANY($1) AND identity = ANY($2)"

_MOST_LISTS: Final = 1_000  # looked through in one statement

ApplyToList = Callable[[str, ListChange], Awaitable[Outcome]]


class Alias(msgspec.Struct, frozen=True):
    """What a user_id is known to mean. `settled`: the account's lists know it too.

    `identity` is as it was kept: a key of the version before, or today's.
    """

    user_id: str
    identity: str
    wa_id: str
    settled: bool

    @property
    def member(self) -> Member:
        return Member(one_spelling(self.identity), self.wa_id, self.user_id, self.wa_id)

    @property
    def keys(self) -> tuple[str, ...]:
        return keys_of(self.identity)

    def means(self, member: Member) -> bool:
        return one_spelling(self.identity) == member.key


class Links:
    """The links of all accounts. `apply` makes one change of one list."""

    def __init__(self, connections: Connections, apply: ApplyToList, keys: KeysInUse) -> None:
        self._connections = connections
        self._apply = apply
        self._keys = keys

    async def known(self, account_id: str, user_ids: Iterable[str | None]) -> Mapping[str, Alias]:
        """What is known of `user_ids`."""
        asked = sorted({user_id for user_id in user_ids if user_id is not None})
        if not asked:
            return {}
        found = await self._connections.run(lambda connection: connection.fetch(_KNOWN, account_id, asked))
        return {row[0]: Alias(*row) for row in found}

    async def learn(self, account_id: str, members: Iterable[Member], at: Microseconds) -> None:
        """Links that a request shows: one that is known already stays."""
        showing = {member.user_id: member for member in reversed(list(members)) if member.links}
        known = await self.known(account_id, showing)
        new = [member for user_id, member in showing.items() if user_id not in known]
        if new:
            links = sorted((member.user_id or "", self._place(member), member.wa_id) for member in new)
            added = await self._connections.run(lambda connection: _learn(connection, account_id, links))
            if len(added) < len(new):  # somebody else was quicker, and may have died since
                known = await self.known(account_id, showing)
        unsettled = [alias.member for alias in known.values() if not alias.settled]
        learned = [member for member in new if member.user_id not in known]
        await self._settle(account_id, [*unsettled, *learned], at)

    async def tell(self, change: Link) -> None:
        """See `Link`."""
        showing = [member for member in change.members if member.links]
        if len({member.user_id for member in showing}) == len(showing):
            known = await self.known(change.account_id, [member.user_id for member in showing])
            await self.learn(change.account_id, [it for it in showing if it.user_id not in known], change.at)
            showing = await self.unlinked(change.account_id, showing)
        for member in showing:
            await self._tell(change.account_id, member, change.at)

    async def unlinked(self, account_id: str, users: Iterable[Member]) -> list[Member]:
        """See `BlockStore.unlinked`."""
        showing = [user for user in users if user.links]
        known = await self.known(account_id, [user.user_id for user in showing])
        return [user for user in showing if not _says(known.get(user.user_id or ""), user)]

    async def carry(self, change: Carry) -> None:
        """See `Carry`."""
        # Before anything is learned: where the user_id stays and the number is another, the link is about to change.
        known = await self.known(change.account_id, [change.previous.user_id])
        names = {*change.previous.keys, change.previous.user_id or change.previous.key}
        names |= {key for alias in known.values() for key in alias.keys}
        previous = _meant(change.previous, known)
        await self.tell(Link(change.account_id, change.at, [change.current]))
        current = _meant(change.current, await self.known(change.account_id, [change.current.user_id]))
        if current.wa_id is None and previous.wa_id is not None and change.previous.user_id is not None:
            # Only the user_id is known to have changed; what it meant, the new one means as well.
            current = msgspec.structs.replace(previous, user_id=current.user_id)
            await self.tell(Link(change.account_id, change.at, [current]))
        # Beside older nodes a user has a row for each spelling, so the change from one to another is one as any.
        own = {self._place(current)} if self._keys.beside_older else set(current.keys)
        await self._copy(change.account_id, names - own, current, change.at)
        if current.wa_id is None:  # whoever linked the user_id meanwhile did not find the copies
            linked = await self.known(change.account_id, [current.user_id])
            await self._settle(change.account_id, [alias.member for alias in linked.values()], change.at)

    async def _tell(self, account_id: str, member: Member, at: Microseconds) -> None:
        while True:
            alias = (await self.known(account_id, [member.user_id])).get(member.user_id or "")
            if alias is not None and not alias.settled:
                await self._settle(account_id, [alias.member], at)
            if alias is not None and alias.means(member):
                return
            if alias is None:
                await self.learn(account_id, [member], at)
                continue
            # Copied before the link changes: until then the block is found by the link, and then by the copy.
            await self._copy(account_id, set(alias.keys), member, at)
            values = account_id, member.user_id, alias.identity, self._place(member), member.wa_id
            if await self._connections.run(lambda connection: connection.fetch(_RELINK, *values)):  # noqa: B023 - awaited
                # Again: who was blocked by the old link meanwhile. Who is from now on sees that there is a new one.
                await self._copy(account_id, set(alias.keys), member, at)
                await self._settle(account_id, [member], at)
                return

    async def _settle(self, account_id: str, members: Sequence[Member], at: Microseconds) -> None:
        """Make one row of a member's two in every list of the account."""
        if not members:
            return
        names = {name for member in members for name in (*member.keys, member.user_id or member.key)}
        listed = await self._listed(account_id, names)
        for member in members:
            both = {*member.keys, member.user_id}
            lists = [list_id for list_id, identities in listed.items() if both & identities]
            await self._apply_all(lists, Merge(account_id, at, member))
        settled = [(account_id, member.user_id, key) for member in members for key in member.keys]
        await self._connections.run(lambda connection: connection.executemany(_SETTLE, settled))

    def _place(self, member: Member) -> str:
        return place_of(member, beside_older=self._keys.beside_older)

    async def _copy(self, account_id: str, names: set[str], current: Member, at: Microseconds) -> None:
        listed = await self._listed(account_id, names)
        await self._apply_all(listed, Copy(account_id, at, frozenset(names), current))

    async def _apply_all(self, list_ids: Iterable[str], change: ListChange) -> None:
        await asyncio.gather(*(self._apply_where_ours(list_id, change) for list_id in list_ids))

    async def _apply_where_ours(self, list_id: str, change: ListChange) -> None:
        with contextlib.suppress(UnknownObject):  # it has become another account's
            await self._apply(list_id, change)

    async def _listed(self, account_id: str, names: Iterable[str]) -> dict[str, set[str]]:
        """The account's lists that have a row under one of `names`, and which."""
        asked = sorted(names)
        found: dict[str, set[str]] = {}
        rows = await self._connections.run(lambda connection: connection.fetch(_LISTS, account_id))
        lists = iter([list_id for (list_id,) in rows])
        while some := list(islice(lists, _MOST_LISTS)):
            for list_id, identity in await self._connections.run(
                lambda connection: connection.fetch(_LISTED, some, asked)
            ):
                found.setdefault(list_id, set()).add(identity)
        return found


async def _learn(
    connection: Connection, account_id: str, links: Sequence[tuple[str, str, str | None]]
) -> Sequence[object]:
    return await connection.fetch(_LEARN, account_id, *map(list, zip(*links, strict=True)))


def _meant(member: Member, known: Mapping[str, Alias]) -> Member:
    """`member` under the number that its user_id is known to mean, where it comes without one."""
    alias = known.get(member.user_id or "")
    if alias is None or member.wa_id is not None:
        return member
    return msgspec.structs.replace(member, key=one_spelling(alias.identity), wa_id=alias.wa_id)


def _says(alias: Alias | None, user: Member) -> bool:
    return alias is not None and alias.settled and alias.means(user)
