"""`PostgresStore`: block lists, numbers and tokens in one PostgreSQL database, for any number of nodes.

A node caches nothing between two calls, so a change that one node has acknowledged is in force at all nodes.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from wablock.block_list.changes import Block, Carry, Change, Edit, Link, NoteInbound, Recall, Sweep, Unblock, Undo
from wablock.block_list.list_changes import Copy, Merge
from wablock.block_list.pages import Page, PageRequest
from wablock.block_list.ports import InForce, Listed, Member, Microseconds, Outcome
from wablock.contract.errors import GraphError, UnknownObject
from wablock.failures import Overloaded
from wablock.storage.meter import StoreMeter
from wablock.storage.postgres import directory, lists, reads
from wablock.storage.postgres.aliases import StoredAliases
from wablock.storage.postgres.checks import Question
from wablock.storage.postgres.directories import Directories
from wablock.storage.postgres.keys_in_use import KeysInUse
from wablock.storage.postgres.lanes import Lanes
from wablock.storage.postgres.links import Links
from wablock.storage.postgres.rekeying import QUIET_FOR, Rekeying
from wablock.storage.postgres.schema import prepare
from wablock.storage.postgres.sessions import Connection
from wablock.storage.postgres.settling import Settling
from wablock.storage.postgres.spread_checks import SpreadChecks
from wablock.storage.postgres.sweeping import sweep
from wablock.storage.unreachable import Unreachable

T = TypeVar("T")

# A row lock is a write. This lock does not wait for nodes that check or migrate.
_READY: Final = "SELECT 1 FROM wablock_schema WHERE only_row FOR KEY SHARE"
# In a cluster every machine would have to answer. This writes only to the log of the one that executes it.
_READY_IN_CLUSTER: Final = """
SELECT pg_logical_emit_message(true, 'wablock', 'ready') WHERE current_setting('transaction_read_only') = 'off'
"""


class PostgresStore(Directories):
    """A `BlockStore`, a `Directory` and a `RouteStore`.

    Changes are grouped by list. Checks share round trips, and so do the look-ups at the start of each request. Only one
    event loop may use a store.
    """

    is_shared = True

    def __init__(self, dsn: str, meter: StoreMeter, *, quiet_for: float = QUIET_FOR) -> None:
        """Create or migrate the schema if needed. Raises `CannotOpen`.

        `quiet_for`: the nodes of the previous version count as gone after so many seconds without one.
        """
        prepared = prepare(dsn)
        keys = KeysInUse(beside_older=prepared.beside_older)
        super().__init__(Lanes(dsn, meter, keys, has_workers=prepared.has_workers))
        common = self._lanes.common
        stored = StoredAliases(self._lanes.known)
        self._settling = Settling(stored, common.writing, self._lanes, keys, self._attempts)
        self._links = Links(stored, common.writing, self._settling)
        self._stored_aliases = stored
        self._spread_checks = SpreadChecks(self._lanes) if self._lanes.are_several else None
        self._rekeying = Rekeying(self._lanes.several_writing, self._lanes.submit, keys, quiet_for)

    async def close(self) -> None:
        """Returns when all changes are durable and the connections are closed."""
        await self._attempts.close()
        await self._lanes.close()

    async def apply(self, change: Change) -> Outcome:
        match change:
            case Block():
                return await self._block(change)
            case Unblock() | Undo():
                users = await self._settling.settle_on(change)
                return await self._lanes.submit(change.list_id, msgspec.structs.replace(change, members=users))
            case Edit():
                (user,) = await self._settling.settle_on(change)
                return await self._lanes.submit(change.list_id, msgspec.structs.replace(change, member=user))
            case Recall():
                return await self._lanes.submit(change.list_id, change)
            case NoteInbound():
                await self._learn(change.phone_number_id, change)
                return await self._lanes.submit(change.phone_number_id, change)
            case Link():
                await self._links.unite(change)
            case Carry():
                await self._links.carry(change)
            case Sweep():
                await self._settling.sweep(change.at)
                await sweep(self._lanes.several_writing, self._lanes.submit, change)
                await self._rekeying.step(change.at)
        return Outcome()

    async def page(self, request: PageRequest) -> Page:
        return await self._read_of(request.list_id, reads.page, request)

    async def stamp(self, list_id: str) -> int:
        return await (await self._lanes.of(list_id)).stamps.ask(list_id)

    async def blocked(
        self, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
    ) -> Sequence[InForce | None]:
        if self._spread_checks is not None:
            return await self._spread_checks.blocked(account_id, list_id, users, at)
        return await self._lanes.common.checks.ask(Question(account_id, list_id, users, at))

    async def row(self, account_id: str, list_id: str, user: Member, at: Microseconds) -> Listed | None:
        return await self._read_of(list_id, lists.row, account_id, list_id, user, at)

    async def unlinked(self, account_id: str, users: Sequence[Member]) -> Sequence[Member]:
        return await self._links.unlinked(account_id, users)

    async def is_ready(self) -> bool:
        try:
            return await self._lanes.common.write(_can_log if self._lanes.are_several else _can_lock)
        except GraphError:
            return False

    async def _block(self, change: Block) -> Outcome:
        """The links in the request are stored first.

        Another request may link a user_id at the same time. Then the user's row is merged or copied: a block of the
        user_id alone becomes a block of the linked number, too.
        """
        if change.key is not None and any(member.links for member in change.members):
            # Before anything is learned: the request may be refused.
            known = await self.apply(Recall(change.list_id, change.account_id, change.at, change.key))
            if known.is_repeat:
                return known
        await self._learn(change.list_id, change)
        await self._settling.settle_on(change)  # the user's row has the details to replace, and needs no place
        alone = [member.user_id for member in change.members if member.user_id is not None and member.wa_id is None]
        earlier = await self._stored_aliases.of(change.account_id, alone)
        outcome = await self._lanes.submit(change.list_id, change)
        try:
            for user_id, alias in (await self._stored_aliases.of(change.account_id, alone)).items():
                alias_before = earlier.get(user_id)
                if alias_before is None:
                    await self._lanes.submit(change.list_id, Merge(change.account_id, change.at, alias.member, user_id))
                elif not alias_before.means(alias.member):
                    copy = Copy(change.account_id, change.at, frozenset(alias_before.keys), alias.member)
                    await self._lanes.submit(change.list_id, copy)
        except Overloaded as error:  # nothing was changed
            raise Unreachable from error
        return outcome

    async def _learn(self, list_id: str, change: Block | NoteInbound) -> None:
        """Raises `UnknownObject`, and learns nothing, if the list is not the account's."""
        news = await self._links.unlinked(change.account_id, change.members)
        if not news:
            return
        if await self._read_of(list_id, directory.owner, list_id) not in (None, change.account_id):
            raise UnknownObject("POST", list_id)
        await self._links.learn(change.account_id, news, change.at)


async def _can_lock(connection: Connection) -> bool:
    """Only a write shows whether changes can be made durable."""
    return await connection.fetchval(_READY) is not None


async def _can_log(connection: Connection) -> bool:
    return await connection.fetchval(_READY_IN_CLUSTER) is not None
