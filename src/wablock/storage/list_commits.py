"""Group commit for each list: changes of one list share a transaction, and do not delay other lists."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from wablock.block_list.ports import Outcome
from wablock.storage.group_commit import Backlog, CommitMeter, GroupCommit

C = TypeVar("C")

ApplyToList = Callable[[str, Sequence[C]], Awaitable[Sequence[Outcome | Exception]]]


class ListCommits(Generic[C]):
    """A `GroupCommit` for each list with changes, and one limit for all."""

    def __init__(self, apply: ApplyToList[C], meter: CommitMeter, backlog: Backlog) -> None:
        self._apply = apply
        self._meter = meter
        self._backlog = backlog
        self._lists: dict[str, GroupCommit[C]] = {}

    async def submit(self, list_id: str, change: C) -> Outcome:
        """Returns when `change` is durable. Raises `Overloaded` immediately, and changes nothing, if too many wait."""
        group = self._lists.get(list_id)
        if group is None:
            group = GroupCommit(partial(self._apply, list_id), self._meter, self._backlog)
            self._lists[list_id] = group
        try:
            return await group.submit(change)
        finally:
            if group.is_idle and self._lists.get(list_id) is group:
                del self._lists[list_id]

    async def drain(self) -> None:
        """Returns when no change waits."""
        while self._lists:
            for list_id, group in list(self._lists.items()):
                await group.drain()
                if group.is_idle and self._lists.get(list_id) is group:
                    del self._lists[list_id]
