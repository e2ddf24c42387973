"""`/v1/events`: what was done to the lists of an account, and the undoing of it."""

import re
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from wablock.account_events import MOST_EVENTS, AccountEvents, EventFilter, EventPage, Place, Undone
from wablock.block_list.events import event_id_of, place_in_chain
from wablock.block_list.ports import BusinessNumber, Effect, Member
from wablock.block_list.results import ChangeOptions
from wablock.block_list.rules import DEFAULT_LIMIT
from wablock.block_list.service import BlockList
from wablock.block_list.undoing import CHANGES
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter, UserFailure
from wablock.server.answers import Answer, json_answer
from wablock.server.callers import Callers
from wablock.server.causes import cause_of
from wablock.server.decoding import decoded, moment, query_parameter
from wablock.server.endpoints.check import INVALID_USER
from wablock.server.event_info import MOST_USERS_SHOWN, EventInfo, event_info
from wablock.server.idempotency_keys import idempotency_key, marked
from wablock.server.limits import RateLimits
from wablock.server.request import Request
from wablock.server.router import Route, route

_PATH: Final = "/v1/events"
_LATEST: Final = 1 << 62
_MONTH: Final = re.compile("[0-9]{4}-[0-9]{2}")  # a time without its day, and no event of a list
_NOT_A_PLACE: Final = "It is the event_id of an event, or a time: seconds since 1970, or ISO 8601 with a zone."


class EventList(msgspec.Struct, omit_defaults=True):
    """Events. `next`: the `after`, or with `since` the `since`, of the next page; missing on the last one."""

    data: list[EventInfo]
    next: str | UnsetType = UNSET


class UndoRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How to undo an event. `preview`: change nothing, and show what would be done.

    `batch_id`: the batch of the undo's own event. Events that were undone with one can be brought back together.
    """

    preview: bool = False
    batch_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=wire.WITHOUT_NUL)] | None = None
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=wire.WITHOUT_NUL)] | None = None


class UndoneUser(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What undoing did to a user.

    `effect`: `removed`, `restored`, `updated`; `unchanged` if the user is already as before the event; `changed_since`
    if another change was made after the event, and stays; `expired` if the block would have ended since; `refused` if
    the allow list `allowed_by` has the user.
    """

    wa_id: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    effect: str
    allowed_by: str | UnsetType = UNSET


class UndoResult(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What undoing an event did, or with `preview` would do: `changed` users; `left`: those that it left alone.

    `event_id`: the event of the undo itself, if it changed anything.
    """

    preview: bool
    event_id: str | UnsetType = UNSET
    changed: int
    left: int
    users: list[UndoneUser]


class EventEndpoints:
    def __init__(self, events: AccountEvents, block_list: BlockList, callers: Callers, rates: RateLimits) -> None:
        self._events = events
        self._block_list = block_list
        self._callers = callers
        self._rates = rates

    def routes(self) -> list[Route]:
        return [
            route("GET", _PATH, self.list_events),
            route("GET", _PATH + "/{event_id}", self.get_event),
            route("POST", _PATH + "/{event_id}/undo", self.undo_event),
        ]

    async def list_events(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        chosen, limit = self._filter(request, caller.account_id), _limit(request)
        after, since = _place(request, "after"), _place(request, "since")
        if after is not None and since is not None:
            raise InvalidParameter("Send after or since, not both.")
        if since is not None:
            page = await self._events.newer(caller, chosen, limit, since)
        elif after is not None:
            page = await self._events.older(caller, chosen, limit, after)
        else:
            page = await self._events.older(caller, chosen, limit)
        return json_answer(request, _event_list(page))

    async def get_event(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        return json_answer(request, event_info(await self._events.one(caller, request.parameters["event_id"]), None))

    async def undo_event(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        undo = decoded(await self._callers.body(request), UndoRequest)
        found = await self._events.one(caller, request.parameters["event_id"], "POST")
        self._rates.of_list(found.stored.list_id)
        options = ChangeOptions(
            batch_id=undo.batch_id, cause=cause_of(request, undo.reason), key=idempotency_key(request)
        )
        undone = await self._events.undo(caller, found, options, is_preview=undo.preview)
        answer = json_answer(request, _undo_result(undone, is_preview=undo.preview))
        return marked(answer, is_repeat=undone.outcome.is_repeat)

    def _filter(self, request: Request, account_id: str) -> EventFilter:
        user, batch_id = query_parameter(request, "user", ""), query_parameter(request, "batch_id", "")
        if "\0" in batch_id:
            raise InvalidParameter("Param batch_id must not contain a NUL character.")
        return EventFilter(
            query_parameter(request, "list_id", "") or None,
            batch_id or None,
            self._member(user, account_id) if user else None,
        )

    def _member(self, text: str, account_id: str) -> Member:
        try:
            return self._block_list.member(BusinessNumber("", account_id), wire.user_of(text))
        except UserFailure as failure:
            raise InvalidParameter(INVALID_USER, failure.details) from None


def _limit(request: Request) -> int:
    text = query_parameter(request, "limit", str(DEFAULT_LIMIT))
    if not text.isascii() or not text.isdigit() or int(text[:20]) < 1:
        raise InvalidParameter("Param limit must be an integer of 1 or more.")
    return min(int(text[:20]), MOST_EVENTS)


def _place(request: Request, name: str) -> Place | None:
    """The place of an event's id, or of a time. Raises `InvalidParameter`."""
    text = query_parameter(request, name, "")
    if not text:
        return None
    place = place_in_chain(text)
    if place is not None and not _MONTH.fullmatch(text):
        return place[1], place[0]
    try:
        at = moment(text, name)
    except InvalidParameter as error:
        raise InvalidParameter(f"Param {name} is not a place among the events.", _NOT_A_PLACE) from error
    return None if at is None else (min(at, _LATEST), "")


def _event_list(page: EventPage) -> EventList:
    shown = EventList([event_info(it, MOST_USERS_SHOWN) for it in page.events])
    if page.next is not None:
        shown.next = event_id_of(page.next[1], page.next[0])
    return shown


def _undo_result(undone: Undone, *, is_preview: bool) -> UndoResult:
    effects: Sequence[Effect] = undone.outcome.effects
    changed = sum(effect in CHANGES for effect in effects)
    return UndoResult(
        preview=is_preview,
        event_id=undone.event_id or UNSET,
        changed=changed,
        left=len(effects) - changed,
        users=[
            UndoneUser(
                wa_id=member.wa_id or UNSET,
                user_id=UNSET if member.wa_id else member.user_id or UNSET,
                effect=effect,
                allowed_by=undone.outcome.allowed_by.get(index, UNSET),
            )
            for index, (member, effect) in enumerate(zip(undone.members, effects, strict=True))
        ],
    )
