"""The events of an account's lists, as its tokens may read and undo them. No I/O here."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

import msgspec

from wablock.access import AccessToken, Scope, require
from wablock.account_lists import AccountLists
from wablock.block_list.changes import Undo
from wablock.block_list.event_store import Chain, EventStore, Span
from wablock.block_list.events import (
    CAN_BE_UNDONE,
    Event,
    EventKind,
    StoredEvent,
    event_id_of,
    event_of,
    is_list_id,
    place_in_chain,
)
from wablock.block_list.ports import Member, Microseconds, Outcome
from wablock.block_list.repeats import apply_once
from wablock.block_list.results import ChangeOptions
from wablock.block_list.rules import SECOND
from wablock.block_list.shared_lists import is_own
from wablock.block_list.store import BlockStore
from wablock.block_list.undoing import users_of
from wablock.contract.errors import UnknownObject
from wablock.failures import CannotUndo

MOST_EVENTS: Final = 100
"""The most events on a page."""
_AT_ONCE: Final = 10  # lists that are read at the same time
_LONGEST_PAGE: Final = 250_000
"""A page ends after so many characters of stored text, so that reading them does not keep other requests waiting."""
_MOST_SEARCHED: Final = 1_000  # events in which one request looks for a user

_DAY: Final = 86_400 * SECOND
_SLICE: Final = 2_000  # events that are deleted in one transaction, so that no change waits long
_MOST_SWEPT: Final = 100_000

Place: TypeAlias = tuple[Microseconds, str]
"""An event's place among those of all lists: its time, and its list."""
_END: Final = (1 << 62, "")


class ListEvent(msgspec.Struct, frozen=True):
    """An event of a list. `event` None: its text was deleted."""

    stored: StoredEvent
    event: Event | None


class EventFilter(msgspec.Struct, frozen=True):
    """Which events: all, or those of one list, of one batch, with one user."""

    list_id: str | None = None
    batch_id: str | None = None
    user: Member | None = None


class EventPage(msgspec.Struct, frozen=True):
    """Events, and the place of the last one that was read; None if there are no more."""

    events: Sequence[ListEvent]
    next: Place | None


class Undone(msgspec.Struct, frozen=True):
    """What undoing an event did, or would do, to each of its users. `event_id`: of the undo, if it changed anything."""

    members: Sequence[Member]
    outcome: Outcome
    event_id: str | None


class UndoStore(EventStore, BlockStore, Protocol):
    """The stored lists with their events."""


class AccountEvents:
    """The events of all accounts.

    A token for some numbers sees those of these numbers' own lists.
    """

    def __init__(
        self, store: UndoStore, lists: AccountLists, clock: Callable[[], Microseconds], keep_days: int = 0
    ) -> None:
        """`keep_days`: events are deleted when they are older; 0: never."""
        self._store = store
        self._lists = lists
        self._clock = clock
        self._keep_days = keep_days

    async def older(self, caller: AccessToken, chosen: EventFilter, limit: int, place: Place = _END) -> EventPage:
        """The newest `limit` events before `place`, newest first."""
        chains = await self._chains(caller, chosen)
        chains.sort(key=lambda chain: (chain.newest.at, chain.list_id), reverse=True)
        most = _most(chosen, limit, len(chains))
        events: list[StoredEvent] = []
        for start in range(0, len(chains), _AT_ONCE):
            some = chains[start : start + _AT_ONCE]
            if len(events) >= most and some[0].newest.at < events[-1].at:
                break  # all events of the other lists are older
            spans = {it.list_id: Span(most, before=_below(place, it), batch_id=chosen.batch_id) for it in some}
            events = sorted([*events, *await self._read(spans)], key=_order, reverse=True)[:most]
        return _page(events, chosen, limit, most)

    async def newer(self, caller: AccessToken, chosen: EventFilter, limit: int, place: Place) -> EventPage:
        """The first `limit` events after `place`, oldest first. Lists without newer events are not read."""
        chains = [it for it in await self._chains(caller, chosen) if it.newest.at >= place[0]]
        most = _most(chosen, limit, len(chains))
        events: list[StoredEvent] = []
        for start in range(0, len(chains), _AT_ONCE):
            spans = {
                it.list_id: Span(most, after=_above(place, it), is_newest_first=False, batch_id=chosen.batch_id)
                for it in chains[start : start + _AT_ONCE]
            }
            events = sorted([*events, *await self._read(spans)], key=_order)[:most]
        return _page(events, chosen, limit, most)

    async def one(self, caller: AccessToken, event_id: str, method: str = "GET") -> ListEvent:
        """Raises `UnknownObject` if the token may see no such event."""
        require(caller, Scope.READ)
        place = place_in_chain(event_id)
        if place is not None:
            list_id, at = place
            chain = await self._store.chain(list_id)
            if chain is not None and _may_see(caller, chain):
                for stored in await self._store.events(list_id, Span(1, after=at - 1, before=at + 1)):
                    return read_event(stored)
        raise UnknownObject(method, event_id)

    async def undo(
        self, caller: AccessToken, found: ListEvent, options: ChangeOptions, *, is_preview: bool = False
    ) -> Undone:
        """Undo an event, durable on return; see `Undo`. Raises `CannotUndo`.

        Of `options`, the cause, source, key and `batch_id` of the undo count. A preview does not use the key.
        """
        require(caller, Scope.WRITE)
        stored, event = found.stored, found.event
        if event is None:
            raise CannotUndo(stored.event_id, "its details were deleted")
        if event.kind not in CAN_BE_UNDONE:
            raise CannotUndo(stored.event_id, _WHY_NOT[event.kind])
        number = await self._lists.place(caller, stored.list_id, Scope.WRITE, "POST")
        members, before, after = users_of(event, stored.at)
        undo = Undo(
            stored.list_id,
            number.account_id,
            self._clock(),
            caller.label,
            stored.at,
            members,
            before,
            after,
            is_preview,
            options.source,
            options.batch_id,
            options.cause,
        )
        outcome = await apply_once(self._store, undo, ChangeOptions() if is_preview else options)
        undone = None if outcome.event_at is None else event_id_of(stored.list_id, outcome.event_at)
        return Undone(members, outcome, undone)

    async def sweep(self) -> None:
        """Delete the events that are too old; at most `_MOST_SWEPT`, so the next sweep may have to continue."""
        if not self._keep_days:
            return
        before, left = self._clock() - self._keep_days * _DAY, _MOST_SWEPT
        while left > 0:
            deleted = await self._store.delete_events(before, _SLICE)
            left = left - deleted if deleted == _SLICE else 0

    async def _chains(self, caller: AccessToken, chosen: EventFilter) -> list[Chain]:
        """The chains that the token may see. Raises `UnknownObject` for a list that it may not."""
        require(caller, Scope.READ)
        if chosen.list_id is None:
            return [it for it in await self._store.chains(caller.account_id) if _may_see(caller, it)]
        if not is_list_id(chosen.list_id):
            raise UnknownObject("GET", chosen.list_id)
        chain = await self._store.chain(chosen.list_id)
        if chain is not None and chain.is_deleted and _may_see(caller, chain):
            return [chain]
        await self._lists.place(caller, chosen.list_id, Scope.READ, "GET")
        return [chain] if chain is not None and chain.account_id == caller.account_id else []

    async def _read(self, spans: Mapping[str, Span]) -> list[StoredEvent]:
        reads = await asyncio.gather(*(self._store.events(list_id, span) for list_id, span in spans.items()))
        return [event for events in reads for event in events]


_WHY_NOT: Final = {
    EventKind.LINK: "WhatsApp has shown that two ids are one user",
    EventKind.CARRY: "the user has a new number or id. Unblock the user",
    EventKind.CREATE: "it made a list. Delete the list",
    EventKind.ATTACH: "it attached a list. Detach the list",
    EventKind.DETACH: "it detached a list. Attach the list",
    EventKind.DELETE: "it deleted a list",
}


def _may_see(caller: AccessToken, chain: Chain) -> bool:
    if chain.account_id != caller.account_id:
        return False
    return caller.phone_number_ids is None or (is_own(chain.list_id) and chain.list_id in caller.phone_number_ids)


def read_event(stored: StoredEvent) -> ListEvent:
    """The event with its decoded text."""
    return ListEvent(stored, None if stored.text is None else event_of(stored.text))


def _order(stored: StoredEvent) -> Place:
    return stored.at, stored.list_id


def _below(place: Place, chain: Chain) -> Microseconds:
    """The time before which the events of a list come before `place`."""
    return place[0] + 1 if chain.list_id < place[1] else place[0]


def _above(place: Place, chain: Chain) -> Microseconds:
    return place[0] - 1 if chain.list_id > place[1] else place[0]


def _most(chosen: EventFilter, limit: int, lists: int) -> int:
    """How many events of each list are read."""
    return limit if chosen.user is None else _MOST_SEARCHED // max(1, min(lists, _AT_ONCE))


def _page(events: Sequence[StoredEvent], chosen: EventFilter, limit: int, most: int) -> EventPage:
    """The wanted ones of `events`, of which there are more if there are `most`."""
    wanted, length = list[ListEvent](), 0
    for place, stored in enumerate(events):
        if chosen.user is not None and not _names(stored, chosen.user):
            continue
        if len(wanted) == limit or length > _LONGEST_PAGE:
            return EventPage(wanted, _order(events[place - 1]))
        wanted.append(read_event(stored))
        length += len(stored.text or "")
    return EventPage(wanted, _order(events[-1]) if len(events) == most else None)


def _names(stored: StoredEvent, user: Member) -> bool:
    """Whether the event names the user. Most texts need not be decoded."""
    names = {*user.keys, *user.aliases, user.wa_id or user.key}
    if stored.text is None or not any(name in stored.text for name in names):
        return False
    return any(
        change.user in names or any(row.identity in names or row.user_id in names for row in change.before)
        for change in event_of(stored.text).users
    )
