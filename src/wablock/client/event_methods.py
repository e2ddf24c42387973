"""The methods of both clients for events: who changed a list, and the undoing of it. Only wablock has them."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from typing import Final, TypeVar

from wablock.client.event_answers import Event, EventPage, UndoResult
from wablock.client.event_calls import EventCalls, EventFilter, NewEvents, OlderEvents
from wablock.client.exchange import Exchange
from wablock.contract.wire import Time, seconds_of

T = TypeVar("T")
Since = str | Time
"""An event_id, a time in ISO 8601 with a zone, a `datetime` with a zone, or seconds since 1970."""
_SECONDS_BETWEEN_REQUESTS: Final = 1.0


class EventMethods(ABC):
    """The methods of `Client`. `list_id`: a shared list, or the id of a number for its own; None: all lists of the
    account that the token may read.
    """

    _event_calls: EventCalls

    def events(
        self,
        *,
        list_id: str | None = None,
        batch_id: str | None = None,
        user: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        since: Since | None = None,
    ) -> EventPage:
        """One page: the newest events, newest first, or those older than the event `after`.

        With `since`, which is an event or a time, the newer ones, oldest first. `user`: only events that name the user.
        """
        chosen = EventFilter(list_id, batch_id, user)
        return self._run(self._event_calls.page(chosen, limit, after, _place(since)))

    def older_events(
        self,
        *,
        list_id: str | None = None,
        batch_id: str | None = None,
        user: str | None = None,
        after: str | None = None,
    ) -> Iterator[Event]:
        """All events, newest first, or all that are older than the event `after`."""
        walk = OlderEvents(self._event_calls, EventFilter(list_id, batch_id, user), after)
        while (events := self._run(walk.turn())) is not None:
            yield from events

    def follow_events(
        self,
        *,
        list_id: str | None = None,
        batch_id: str | None = None,
        user: str | None = None,
        since: Since | None = None,
        every: float = _SECONDS_BETWEEN_REQUESTS,
    ) -> Iterator[Event]:
        """Each new event once, oldest first, for ever; it requests them `every` so many seconds.

        `since`: the event or the time at which it begins; None: the first request. Raises `ClientError` after retries,
        and then ends. `next_events` can continue.
        """
        new = self.new_events(list_id=list_id, batch_id=batch_id, user=user, since=since)
        while True:
            yield from self.next_events(new)
            if not new.has_more:
                time.sleep(every)

    def new_events(
        self,
        *,
        list_id: str | None = None,
        batch_id: str | None = None,
        user: str | None = None,
        since: Since | None = None,
    ) -> NewEvents:
        """The state of `follow_events`, for `next_events`."""
        return NewEvents(self._event_calls, EventFilter(list_id, batch_id, user), _place(since))

    def next_events(self, new: NewEvents) -> Sequence[Event]:
        """The events since the last call with `new`, or some of them if `new.has_more`.

        If it raises `ClientError`, the next call continues there.
        """
        return self._run(new.turn())

    def event(self, event_id: str) -> Event:
        """One event, with all its users. Raises `UnknownObject`."""
        return self._run(self._event_calls.event(event_id))

    def undo(
        self,
        event_id: str,
        *,
        preview: bool = False,
        reason: str | None = None,
        batch_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> UndoResult:
        """Give each user of an event the block that the user had before it, or none. With `preview`, change nothing.

        A user whose block was changed since is left alone. It may be repeated: then each user is `unchanged`. Raises
        `CannotUndo`. `batch_id`: of the undo's own event; see `add_members`. `idempotency_key`: see `Client.block`.
        """
        return self._run(
            self._event_calls.undo(event_id, preview=preview, reason=reason, batch_id=batch_id, key=idempotency_key)
        )

    @abstractmethod
    def _run(self, exchange: Exchange[T]) -> T: ...


class AsyncEventMethods(ABC):
    """The methods of `AsyncClient`."""

    _event_calls: EventCalls

    async def events(
        self,
        *,
        list_id: str | None = None,
        batch_id: str | None = None,
        user: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        since: Since | None = None,
    ) -> EventPage:
        """See `Client.events`."""
        chosen = EventFilter(list_id, batch_id, user)
        return await self._run(self._event_calls.page(chosen, limit, after, _place(since)))

    async def older_events(
        self,
        *,
        list_id: str | None = None,
        batch_id: str | None = None,
        user: str | None = None,
        after: str | None = None,
    ) -> AsyncIterator[Event]:
        """See `Client.older_events`."""
        walk = OlderEvents(self._event_calls, EventFilter(list_id, batch_id, user), after)
        while (events := await self._run(walk.turn())) is not None:
            for event in events:
                yield event

    async def follow_events(
        self,
        *,
        list_id: str | None = None,
        batch_id: str | None = None,
        user: str | None = None,
        since: Since | None = None,
        every: float = _SECONDS_BETWEEN_REQUESTS,
    ) -> AsyncIterator[Event]:
        """See `Client.follow_events`."""
        new = self.new_events(list_id=list_id, batch_id=batch_id, user=user, since=since)
        while True:
            for event in await self.next_events(new):
                yield event
            if not new.has_more:
                await asyncio.sleep(every)

    def new_events(
        self,
        *,
        list_id: str | None = None,
        batch_id: str | None = None,
        user: str | None = None,
        since: Since | None = None,
    ) -> NewEvents:
        """See `Client.new_events`."""
        return NewEvents(self._event_calls, EventFilter(list_id, batch_id, user), _place(since))

    async def next_events(self, new: NewEvents) -> Sequence[Event]:
        """See `Client.next_events`."""
        return await self._run(new.turn())

    async def event(self, event_id: str) -> Event:
        """See `Client.event`."""
        return await self._run(self._event_calls.event(event_id))

    async def undo(
        self,
        event_id: str,
        *,
        preview: bool = False,
        reason: str | None = None,
        batch_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> UndoResult:
        """See `Client.undo`."""
        return await self._run(
            self._event_calls.undo(event_id, preview=preview, reason=reason, batch_id=batch_id, key=idempotency_key)
        )

    @abstractmethod
    def _run(self, exchange: Exchange[T]) -> Awaitable[T]: ...


def _place(since: Since | None) -> str | int | None:
    """Raises `ValueError` for a `datetime` without a zone."""
    return since if since is None or isinstance(since, str) else seconds_of(since)
