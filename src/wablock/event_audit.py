"""The verification of stored events: is each list's hash chain as it was written? No I/O here: the store is a port.

The list may change meanwhile. So its newest event is read first, and then the events up to that one. Rows behind the
newest event are read before the newest event is read again: a correct store never has one.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import msgspec

from wablock.block_list.event_chain import ChainCheck, ChainEnd
from wablock.block_list.event_store import AFTER_ALL, BEFORE_ALL, Chain, EventStore, Span
from wablock.block_list.events import StoredEvent, event_id_of
from wablock.block_list.ports import Microseconds

_PAGE: Final = 1_000
_MOST_ATTEMPTS: Final = 5

REWRITTEN: Final = "rewritten"
DELETED: Final = "deleted"
BEHIND_THE_END: Final = "behind_the_end"
ADDED: Final = "added"
MEANINGS: Final = {
    "changed": "It is not as it was written; or an event before it was added, removed or moved.",
    "missing": "It is the last event that is there, and not the last one of the list: newer events were removed.",
    BEHIND_THE_END: "It comes after the last event of the list: it was added or moved.",
    ADDED: "Nothing was ever done to its list: it was added or moved, or the list was removed without its events.",
    REWRITTEN: "It had the noted hash, and is not in the chain with that hash: events were rewritten or removed.",
    DELETED: "It was noted, and the list says that it was deleted because of its age, which cannot be verified. "
    "If it is older than --keep-events, note a newer end.",
}
"""What each fault means, by its name. The first two are those of `event_chain.Fault`."""


class NotedEnd(msgspec.Struct, frozen=True):
    """An end of a list's chain as it was noted earlier. It finds a chain that was rewritten as a whole."""

    list_id: str
    at: Microseconds
    hash: bytes


class EventFault(msgspec.Struct, frozen=True):
    """`event_id` is "" if no event is left. `fault`: see `MEANINGS`."""

    event_id: str
    fault: str


class ListReport(msgspec.Struct, frozen=True):
    """What was verified of one list: the number of its events, the first and the last one, and all faults.

    `first` None: all events were deleted because of their age. `chain` None: the list has no chain of events; then at
    most 1,000 of them are counted and named.
    """

    list_id: str
    chain: Chain | None
    events: int = 0
    first: Microseconds | None = None
    last: Microseconds | None = None
    faults: Sequence[EventFault] = ()


class EventAudit:
    """`progress` gets the number of events of each page that was verified."""

    def __init__(
        self, store: EventStore, noted: Sequence[NotedEnd] = (), progress: Callable[[int], object] = int
    ) -> None:
        self._store = store
        self._noted = noted
        self._progress = progress

    async def lists(self, account_id: str | None = None, list_id: str | None = None) -> AsyncIterator[ListReport]:
        """Verify all lists, those of an account, or one. A list with a noted end and without events is a fault."""
        ids = [it.list_id for it in await self._store.chains(account_id) if list_id in (None, it.list_id)]
        for each in ids:
            if (report := await self._list(each)) is not None:
                yield report
        if account_id is None:
            for each in await self._store.lists_with_events():
                if each not in ids and list_id in (None, each) and (report := await self._unchained(each)) is not None:
                    yield report
            lost = {it.list_id: it for it in self._noted if it.list_id not in ids and list_id in (None, it.list_id)}
            for noted in lost.values():
                yield ListReport(noted.list_id, None, faults=[_rewritten(noted)])

    async def _list(self, list_id: str) -> ListReport | None:
        """None: the list was removed meanwhile. Events may be deleted because of their age: then it begins again."""
        attempts = 0
        while (chain := await self._store.chain(list_id)) is not None:
            attempts += 1
            report = await self._verified(chain)
            now = await self._store.chain(list_id)
            if not report.faults or attempts == _MOST_ATTEMPTS or (now is not None and now.oldest == chain.oldest):
                return report
        return None

    async def _unchained(self, list_id: str) -> ListReport | None:
        """A list without a chain, whose events nothing proves. None: it has no events any more."""
        span = Span(_PAGE, after=BEFORE_ALL, before=AFTER_ALL, is_newest_first=False)
        before = await self._store.events(list_id, span)
        report = await self._list(list_id)  # its first event may have been written meanwhile
        if report is not None:
            return report
        # A list that is removed meanwhile loses its events in the same transaction.
        left = [it for it in await self._store.events(list_id, span) if it in before]
        faults = [EventFault(it.event_id, ADDED) for it in left]
        return ListReport(list_id, None, len(left), left[0].at, left[-1].at, faults) if left else None

    async def _verified(self, chain: Chain) -> ListReport:
        one = _OneChain(chain, [it for it in self._noted if it.list_id == chain.list_id])
        place = BEFORE_ALL
        while True:
            span = Span(_PAGE, after=place, before=chain.newest.at + 1, is_newest_first=False)
            events = await self._store.events(chain.list_id, span)
            for stored in events:
                one.add(stored)
            self._progress(len(events))
            if len(events) < _PAGE:
                break
            place = events[-1].at
        newer = await self._store.events(chain.list_id, Span(1, after=chain.newest.at, before=AFTER_ALL))
        now = await self._store.chain(chain.list_id) or chain
        return one.report([it for it in newer if it.at > now.newest.at])


class _OneChain:
    """The verification of one list: its events, oldest first, and then a report."""

    def __init__(self, chain: Chain, noted: Sequence[NotedEnd]) -> None:
        self._chain = chain
        self._check = ChainCheck(chain.list_id, chain.oldest)
        self._noted = {ChainEnd(it.at, it.hash): it for it in noted}
        self._faults: list[EventFault] = []
        self._count = 0
        self._first: Microseconds | None = None
        self._last: Microseconds | None = None
        self._find(chain.oldest)

    def add(self, stored: StoredEvent) -> None:
        fault = self._check.fault_of(stored)
        if fault is not None:
            self._faults.append(EventFault(fault.event_id, fault.fault))
        self._find(ChainEnd(stored.at, stored.hash))
        self._count += 1
        self._first, self._last = stored.at if self._first is None else self._first, stored.at

    def report(self, behind: Sequence[StoredEvent]) -> ListReport:
        """`behind`: events after the list's last one."""
        end = self._check.fault_at_end(self._chain.newest)
        if end is not None:
            self._faults.append(EventFault(end.event_id, end.fault))
        self._faults += [EventFault(it.event_id, BEHIND_THE_END) for it in behind]
        oldest = self._chain.oldest.at
        self._faults += [_rewritten(it) if it.at >= oldest else _deleted(it) for it in self._noted.values()]
        return ListReport(self._chain.list_id, self._chain, self._count, self._first, self._last, self._faults)

    def _find(self, end: ChainEnd) -> None:
        self._noted.pop(end, None)


def _deleted(noted: NotedEnd) -> EventFault:
    """The end was before the chain's beginning, and its hash is not known any more. Anyone could move the beginning."""
    return EventFault(event_id_of(noted.list_id, noted.at), DELETED)


def _rewritten(noted: NotedEnd) -> EventFault:
    return EventFault(event_id_of(noted.list_id, noted.at), REWRITTEN)
