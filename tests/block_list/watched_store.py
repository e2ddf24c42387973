"""`WatchedStore`: a `MemoryStore` that records its changes, and can fail."""

from collections.abc import Sequence

from wablock.block_list.changes import Change
from wablock.block_list.pages import Page, PageRequest
from wablock.block_list.ports import InForce, Member, Microseconds, Outcome
from wablock.contract.errors import BlocklistInternalError
from wablock.storage.memory import MemoryStore


class WatchedStore(MemoryStore):
    """`applied`: all changes so far. While `is_failing`, every method fails."""

    def __init__(self) -> None:
        super().__init__()
        self.is_failing = False
        self.applied: list[Change] = []

    async def apply(self, change: Change) -> Outcome:
        self._fail_if_failing()
        self.applied.append(change)
        return await super().apply(change)

    async def page(self, request: PageRequest) -> Page:
        self._fail_if_failing()
        return await super().page(request)

    async def stamp(self, list_id: str) -> int:
        self._fail_if_failing()
        return await super().stamp(list_id)

    async def blocked(
        self, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
    ) -> Sequence[InForce | None]:
        self._fail_if_failing()
        return await super().blocked(account_id, list_id, users, at)

    async def unlinked(self, account_id: str, users: Sequence[Member]) -> Sequence[Member]:
        self._fail_if_failing()
        return await super().unlinked(account_id, users)

    async def is_ready(self) -> bool:
        return not self.is_failing

    def _fail_if_failing(self) -> None:
        if self.is_failing:
            raise BlocklistInternalError
