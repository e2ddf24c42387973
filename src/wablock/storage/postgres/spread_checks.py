"""Checks in a Citus cluster: the lists that are in force on a number may be on several workers.

Each list is read in the lane of its worker. The lists that are in force are read before and after, and the entries
twice, until nothing has changed in between. So a user who is moved from one list to another is not missed.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

from wablock.block_list.ports import InForce, Member, Microseconds
from wablock.block_list.shared_lists import AttachedList, in_force_on
from wablock.storage.postgres import shared_lists
from wablock.storage.postgres.checks import Question
from wablock.storage.postgres.lanes import Lanes
from wablock.storage.postgres.shared_lists import AttachedLists, Number
from wablock.storage.round_trips import RoundTrips

_Entries = Sequence[Sequence[InForce | None]]
"""For each list, the entry of each user."""


class SpreadChecks:
    """The checks of a node."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        read = partial(lanes.common.read, shared_lists.attached_to)
        self._attached: RoundTrips[Number, AttachedLists] = RoundTrips(
            read, at_once=1, is_stuck=lanes.common.reading.is_stuck
        )

    async def blocked(
        self, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
    ) -> Sequence[InForce | None]:
        """See `BlockStore.blocked`."""
        number = account_id, list_id
        before: tuple[AttachedLists, _Entries] | None = None
        attached = await self._attached.ask(number)
        while True:
            lists = [list_id, *(it.list_id for it in attached.lists)]
            entries = await asyncio.gather(*(self._entries(account_id, it, users, at) for it in lists))
            now = attached, entries
            attached = await self._attached.ask(number)
            if attached == now[0] and (len(lists) == 1 or now == before):
                own, *shared = entries
                return [in_force_on(own[place], _of(place, attached.lists, shared)) for place in range(len(users))]
            before = now

    async def _entries(
        self, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
    ) -> Sequence[InForce | None]:
        lane = await self._lanes.of(list_id)
        return await lane.checks.ask(Question(account_id, list_id, users, at))


def _of(place: int, attached: Sequence[AttachedList], shared: _Entries) -> list[tuple[AttachedList, InForce]]:
    """The entries of one user, each with its list."""
    found = ((it, entries[place]) for it, entries in zip(attached, shared, strict=True))
    return [(it, entry) for it, entry in found if entry is not None]
