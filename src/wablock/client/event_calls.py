"""The client's calls to `/v1/events`, and the walks over many events. No I/O here."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from wablock.client.event_answers import Event, EventPage, UndoResult
from wablock.client.exchange import Exchange, HttpRequest
from wablock.client.failures import EventsUnsupported, ListsUnsupported, NoAnswer
from wablock.client.keys import RequestKeys, random_key
from wablock.client.members import response_of_lists
from wablock.client.retrying import Retries

_T = TypeVar("_T", bound=msgspec.Struct)

_PATH: Final = "/v1/events"
_LARGEST_PAGE: Final = 100
_VISIBLE_WITHIN: Final = 60
"""Seconds. A server that is slow or whose clock is wrong may write an event behind others that were read already."""


class EventFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which events: all, or those of one list, of one batch, with one user."""

    list_id: str | None = None
    batch_id: str | None = None
    user: str | None = None


class _UndoRequest(msgspec.Struct, omit_defaults=True):
    preview: bool = False
    reason: str | None = None
    batch_id: str | None = None


class EventCalls:
    """The calls for the lists that the token may read."""

    def __init__(self, retries: Retries, chance: Callable[[], float], new_key: Callable[[], str] = random_key) -> None:
        self._retries = retries
        self._chance = chance
        self._new_key = new_key

    def page(
        self,
        chosen: EventFilter,
        limit: int | None = None,
        after: str | None = None,
        since: str | int | None = None,
    ) -> Exchange[EventPage]:
        parameters = msgspec.to_builtins(chosen) | {"limit": limit, "after": after, "since": since}
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        request = HttpRequest("GET", f"{_PATH}?{query}" if query else _PATH)
        return (yield from self._send(request, EventPage, chosen.list_id))

    def event(self, event_id: str) -> Exchange[Event]:
        return (yield from self._send(HttpRequest("GET", _path_of(event_id)), Event, event_id))

    def undo(
        self,
        event_id: str,
        *,
        preview: bool = False,
        reason: str | None = None,
        batch_id: str | None = None,
        key: str | None = None,
    ) -> Exchange[UndoResult]:
        request = HttpRequest(
            "POST",
            f"{_path_of(event_id)}/undo",
            msgspec.json.encode(_UndoRequest(preview, reason, batch_id)),
            RequestKeys(key, self._retries, self._new_key).headers(),
        )
        return (yield from self._send(request, UndoResult, event_id))

    def _send(self, request: HttpRequest, kind: type[_T], named: str | None) -> Exchange[_T]:
        """`named`: the list or the event in the request. An error may name the list of the event."""
        ids = [] if named is None else [named, named.rpartition("-")[0] or named]
        try:
            answer, _ = yield from response_of_lists(request, kind, ids, self._retries, self._chance)
        except ListsUnsupported as error:
            raise EventsUnsupported from error
        return answer


class OlderEvents:
    """A walk over all events, newest first."""

    def __init__(self, calls: EventCalls, chosen: EventFilter, after: str | None = None) -> None:
        self._calls = calls
        self._chosen = chosen
        self._after = after
        self._ended = False

    def turn(self, limit: int = _LARGEST_PAGE) -> Exchange[Sequence[Event] | None]:
        """The events of the next page, which may have none; None after the last page. Raises `NoAnswer` if none is."""
        if self._ended:
            return None
        page = yield from self._calls.page(self._chosen, limit, after=self._after)
        _check_progress(page, self._after)
        self._after, self._ended = page.next, page.next is None
        return page.data


class NewEvents:
    """New events, each once, oldest first.

    An event may become visible after a later one. So each round reads the last 60 seconds before the newest event
    again, and leaves out the events that it has returned.
    """

    def __init__(self, calls: EventCalls, chosen: EventFilter, since: str | int | None) -> None:
        """`since`: an event_id or a time; None: only events from now on."""
        self._calls = calls
        self._chosen = chosen
        self._start = since
        self._known: dict[str, int] = {}
        self._oldest: int | None = None
        self._newest = 0
        self._next: str | int | None = None
        self.has_more = True
        """Whether there may be more events now."""

    def turn(self) -> Exchange[Sequence[Event]]:
        """The new events of one page. If it raises, the next turn continues there."""
        if self._start is None:
            yield from self._begin()
        page = yield from self._since(self._next or self._place())
        new = self._new(page.data)
        self._next, self.has_more = page.next, page.next is not None
        return new

    def _begin(self) -> Exchange[None]:
        """Remember the events that are there, as far back as a round reads."""
        newest = (yield from self._calls.page(EventFilter(), 1)).data
        start: int | str = max(newest[0].at - _VISIBLE_WITHIN, 0) if newest else 0
        place: int | str | None = start
        events: list[Event] = []
        while newest and place is not None:
            page = yield from self._since(place)
            events += page.data
            place = page.next
        self._new(events)
        self._start = start

    def _since(self, place: str | int | None) -> Exchange[EventPage]:
        page = yield from self._calls.page(self._chosen, _LARGEST_PAGE, since=place)
        _check_progress(page, place)
        return page

    def _place(self) -> str | int | None:
        """Where a round begins: 60 seconds before the newest event, but not before the start."""
        first = self._newest - _VISIBLE_WITHIN
        if self._oldest is None or first < self._oldest:
            return self._start
        self._known = {event_id: at for event_id, at in self._known.items() if at >= first}
        return first

    def _new(self, events: Sequence[Event]) -> list[Event]:
        new = [event for event in events if event.event_id not in self._known]
        for event in new:
            self._known[event.event_id] = event.at
            self._oldest = event.at if self._oldest is None else min(self._oldest, event.at)
            self._newest = max(self._newest, event.at)
        return new


def _check_progress(page: EventPage, place: str | int | None) -> None:
    """Raises `NoAnswer` if the next page would be this one again, for ever."""
    if page.next is not None and page.next == place:
        raise NoAnswer("The server returns the same events again and again.")


def _path_of(event_id: str) -> str:
    """Raises `ValueError` for a text that would make it the path of something else."""
    if event_id in ("", ".", "..") or "/" in event_id:
        raise ValueError(f"event_id must be the id of an event, such as 106540352242922-1795842000123456: {event_id!r}")
    return f"{_PATH}/{quote(event_id, safe='')}"
