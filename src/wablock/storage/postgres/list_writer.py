"""The writer of lists: several together without locks, or one alone under its lock if another node writes to it."""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Final

from wablock.block_list.list_changes import ListChange
from wablock.contract.errors import BlocklistInternalError
from wablock.failures import Overloaded
from wablock.storage.postgres import directory, together
from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.keys_in_use import KeysInUse
from wablock.storage.postgres.lists import Batch, NoSuchList
from wablock.storage.postgres.together import Outcomes
from wablock.storage.round_trips import RoundTrips
from wablock.storage.unreachable import Unreachable

_log = logging.getLogger("wablock.storage")

_MOST_LISTS_TOGETHER: Final = 16  # each waits for the commits of the others
_TRIP_WITHIN: Final = 10.0  # seconds for so many commits, where a standby is slow
_CONTENDED_FOR: Final = 1.0  # seconds: after another node wrote to a list, the list is locked first


class ListWriter:
    """Writes batches of one list each. A list may have only one batch at a time."""

    def __init__(
        self, connections: Connections, keys: KeysInUse, at_once: int, several: Connections | None = None
    ) -> None:
        """`at_once`: the most round trips at the same time that write several lists.

        `several`: connections for what all machines of a cluster must do. None: it is not a cluster.
        """
        self._several = several or connections
        self._is_cluster = several is not None
        self._connections = connections
        self._keys = keys
        self._trips = RoundTrips(
            self._write_together,
            at_once=at_once,
            most_together=_MOST_LISTS_TOGETHER,
            is_stuck=connections.is_stuck,
        )
        self._contended: dict[str, float] = {}
        self._node = secrets.randbits(62)
        self._numbers = count(1)

    async def apply(self, list_id: str, changes: Sequence[ListChange]) -> Outcomes:
        """Apply `changes` to one list. If one fails, they are applied one by one."""
        try:
            return await self._apply_together(list_id, changes)
        except Unreachable:
            raise
        except Overloaded as refusal:
            return [Overloaded(refusal.details or "") for _ in changes]
        except Exception as error:
            if not isinstance(error, BlocklistInternalError):  # a bug; other errors are logged already
                _log.exception("a batch of %s changes failed", len(changes))
            if len(changes) == 1:
                return [error]
            return [(await self.apply(list_id, [change]))[0] for change in changes]

    async def _apply_together(self, list_id: str, changes: Sequence[ListChange]) -> Outcomes:
        older, cluster = self._keys.beside_older, self._is_cluster
        batch = Batch(list_id, changes, self._node, self._numbers, beside_older=older, is_in_cluster=cluster)
        try:
            return await self._write_batch(batch)
        except Overloaded as error:  # nothing was changed
            if batch.in_doubt:
                raise Unreachable from error
            raise

    async def _write_batch(self, batch: Batch) -> Outcomes:
        list_id = batch.list_id
        if not self._is_contended(list_id) and together.may_share(batch):
            outcomes = await self._trips.ask(batch)
            if outcomes is not None:
                return outcomes
            self._contended[list_id] = asyncio.get_running_loop().time() + _CONTENDED_FOR
        try:
            return await self._hold(batch)
        except NoSuchList:
            add = partial(directory.add_list, account_id=batch.changes[0].account_id, list_id=list_id)
            await self._several.run(add)
            return await self._hold(batch)

    async def _hold(self, batch: Batch) -> Outcomes:
        while (outcomes := await self._connections.run(batch)) is None:  # expired rows are deleted first, in slices
            pass
        return outcomes

    async def _write_together(self, batches: Sequence[Batch]) -> Sequence[Outcomes | None]:
        return await self._connections.run(partial(together.write, batches=batches), whole=False, within=_TRIP_WITHIN)

    def _is_contended(self, list_id: str) -> bool:
        """Whether another node has just written to the list: then deciding without a lock is likely to fail."""
        until = self._contended.get(list_id)
        if until is None:
            return False
        if until < asyncio.get_running_loop().time():
            del self._contended[list_id]
            return False
        return True
