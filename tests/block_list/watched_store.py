"""`WatchedStore`: a `MemoryStore` that shows what it was asked to change, and can be out of order."""

from collections.abc import Sequence

from wablock.block_list.ports import Change, InForce, Member, Microseconds, Outcome, Page, PageRequest
from wablock.contract.errors import BlocklistInternalError
from wablock.storage.memory import MemoryStore


class WatchedStore(MemoryStore):
    """`applied` are all changes so far. `in_trouble` makes every method fail."""

    def __init__(self) -> None:
        super().__init__()
        self.in_trouble = False
        self.applied: list[Change] = []

    async def apply(self, change: Change) -> Outcome:
        self._refuse_in_trouble()
        self.applied.append(change)
        return await super().apply(change)

    async def page(self, request: PageRequest) -> Page:
        self._refuse_in_trouble()
        return await super().page(request)

    async def stamp(self, list_id: str) -> int:
        self._refuse_in_trouble()
        return await super().stamp(list_id)

    async def blocked(
        self, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
    ) -> Sequence[InForce | None]:
        self._refuse_in_trouble()
        return await super().blocked(account_id, list_id, users, at)

    async def unlinked(self, account_id: str, users: Sequence[Member]) -> Sequence[Member]:
        self._refuse_in_trouble()
        return await super().unlinked(account_id, users)

    async def is_ready(self) -> bool:
        return not self.in_trouble

    def _refuse_in_trouble(self) -> None:
        if self.in_trouble:
            raise BlocklistInternalError
