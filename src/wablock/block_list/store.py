"""`BlockStore`, the port to a database of block lists."""

from collections.abc import Sequence
from typing import Protocol

from wablock.block_list.changes import Change
from wablock.block_list.pages import Page, PageRequest
from wablock.block_list.ports import InForce, Listed, Member, Microseconds, Outcome


class BlockStore(Protocol):
    """The port to a database of block lists. Every method is one transaction.

    All raise `BlocklistInternalError` if the database fails. Then nothing was changed or, if the connection was lost,
    the result is unknown. A retry is safe: all changes are idempotent.
    """

    async def apply(self, change: Change) -> Outcome:
        """Make `change` durable: when this returns it survives a crash and power loss, and every reader sees it.

        A list's version grows strictly with every change of its members, and is the time of the change or later. New
        members come before older ones, in the order of `members`. A user is found by any of its `keys`. Raises
        `Overloaded` immediately, and nothing is changed, if too many changes wait.
        """

    async def page(self, request: PageRequest) -> Page:
        """The page and the version, of one moment; its cost does not depend on where in the list it is."""

    async def stamp(self, list_id: str) -> int:
        """A number that changes with every write to the list, by any process. Equal stamps: equal pages."""

    async def blocked(
        self, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
    ) -> Sequence[InForce | None]:
        """For each of `users`, its block that is in force on the number `list_id` at `at`; None if it is not blocked.

        The lists in force there are read as of one moment; see `shared_lists`. A user is found by any of its ids and
        links. The cost grows with `users`, not with the lists.
        """

    async def row(self, account_id: str, list_id: str, user: Member, at: Microseconds) -> Listed | None:
        """The row of `user` that is in force at `at`, found as in `blocked`; the earliest if there are several."""

    async def unlinked(self, account_id: str, users: Sequence[Member]) -> Sequence[Member]:
        """Those of `users` with a link that is not stored, or that is stored for another number."""

    async def is_ready(self) -> bool:
        """Whether changes can be made durable now."""
