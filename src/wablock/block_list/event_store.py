"""`EventStore`, the port to the stored events of lists."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from wablock.block_list.event_chain import ChainEnd
from wablock.block_list.events import StoredEvent
from wablock.block_list.ports import Microseconds

_LATEST = 1 << 62
BEFORE_ALL = -(1 << 63) - 1
AFTER_ALL = 1 << 63
"""Before and after every time that a database can have, also one that no event of wablock has."""


class Chain(msgspec.Struct, frozen=True):
    """The two ends of a list's events. `is_deleted`: the list was deleted; its account may still read its events."""

    list_id: str
    account_id: str
    oldest: ChainEnd
    newest: ChainEnd
    is_deleted: bool


class Span(msgspec.Struct, frozen=True):
    """At most `most` events of one list between two times, which do not belong to it; all, or those of one batch."""

    most: int
    after: Microseconds = -1
    before: Microseconds = _LATEST
    is_newest_first: bool = True
    batch_id: str | None = None


class EventStore(Protocol):
    """The port to the stored events. They are written with the changes themselves; see `BlockStore.apply`.

    Every method is one transaction. Raises `BlocklistInternalError` if the database fails.
    """

    async def chains(self, account_id: str | None = None) -> Sequence[Chain]:
        """The lists of an account, or of all, that have events or had some, also those that were deleted; by id."""

    async def chain(self, list_id: str) -> Chain | None:
        """The chain of a list; None if it has had no events."""

    async def lists_with_events(self) -> Sequence[str]:
        """All lists with stored events, by id. The cost grows with the number of events: it is for verification."""

    async def events(self, list_id: str, span: Span) -> Sequence[StoredEvent]:
        """The cost grows with the number of events that are returned, not with the list's."""

    async def delete_events(self, before: Microseconds, most: int) -> int:
        """Delete at most `most` events that are older than `before`, the oldest of each list first.

        Returns their number. The chain of what is left can be verified: it begins at `Chain.oldest`.
        """
