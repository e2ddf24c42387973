"""`/v1/events`: what was done to the lists of an account, and the undoing of it."""

import re
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from wablock.account_events import MOST_EVENTS, AccountEvents, EventFilter, EventPage, ListEvent, Place, Undone
from wablock.block_list.events import BlockDetails, UserChange, event_id_of, place_in_chain
from wablock.block_list.ports import BusinessNumber, Effect, Listed, Member
from wablock.block_list.rules import DEFAULT_LIMIT, SECOND
from wablock.block_list.service import BlockList
from wablock.block_list.undoing import CHANGES
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter, UserFailure
from wablock.server.answers import Answer, json_answer
from wablock.server.callers import Callers
from wablock.server.causes import cause_of
from wablock.server.decoding import decoded, moment, query_parameter
from wablock.server.endpoints.check import INVALID_USER
from wablock.server.idempotency_keys import idempotency_key, marked
from wablock.server.limits import RateLimits
from wablock.server.request import Request
from wablock.server.router import Route, route

_PATH: Final = "/v1/events"
_MOST_USERS_SHOWN: Final = 10  # of an event on a page
_LATEST: Final = 1 << 62
_MONTH: Final = re.compile("[0-9]{4}-[0-9]{2}")  # a time without its day, and no event of a list
_NOT_A_PLACE: Final = "It is the event_id of an event, or a time: seconds since 1970, or ISO 8601 with a zone."


class EventDetails(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A user's block before or after an event. What it did not have is missing. Times are in seconds since 1970."""

    reason: str | UnsetType = UNSET
    note: str | UnsetType = UNSET
    expires_at: int | UnsetType = UNSET
    blocked_at: int | UnsetType = UNSET
    blocked_by: str | UnsetType = UNSET


class EventUser(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A user that an event changed. `before`, `after`: the user's block; without one, the user was not on the list."""

    wa_id: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    effect: str
    before: EventDetails | UnsetType = UNSET
    after: EventDetails | UnsetType = UNSET


class EventInfo(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An event: what was done to a list (`kind`), when (`at`, seconds since 1970), who did it, and why.

    `by` is the label of the access token; missing if a webhook of WhatsApp was the cause. `undoes`: the event that
    this one undid. `phone_number_id` or `everywhere`: where a list was attached or detached. A page shows the first ten
    users of each event, and their number in `user_count`. `details_deleted`: only the event's place and hash were kept.
    """

    event_id: str
    list_id: str
    at: int
    kind: str | UnsetType = UNSET
    by: str | UnsetType = UNSET
    on_behalf_of: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    source: str | UnsetType = UNSET
    batch_id: str | UnsetType = UNSET
    undoes: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    phone_number_id: str | UnsetType = UNSET
    everywhere: bool | UnsetType = UNSET
    details_deleted: bool | UnsetType = UNSET
    user_count: int = 0
    users: list[EventUser] = []


class EventList(msgspec.Struct, omit_defaults=True):
    """Events. `next`: the `after`, or with `since` the `since`, of the next page; missing on the last one."""

    data: list[EventInfo]
    next: str | UnsetType = UNSET


class UndoRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How to undo an event. `preview`: change nothing, and show what would be done."""

    preview: bool = False
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
        return json_answer(request, _info(await self._events.one(caller, request.parameters["event_id"]), None))

    async def undo_event(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        undo = decoded(await self._callers.body(request), UndoRequest)
        found = await self._events.one(caller, request.parameters["event_id"], "POST")
        self._rates.of_list(found.stored.list_id)
        cause, key = cause_of(request, undo.reason), idempotency_key(request)
        undone = await self._events.undo(caller, found, cause, is_preview=undo.preview, key=key)
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
    shown = EventList([_info(it, _MOST_USERS_SHOWN) for it in page.events])
    if page.next is not None:
        shown.next = event_id_of(page.next[1], page.next[0])
    return shown


def _info(it: ListEvent, most_users: int | None) -> EventInfo:
    stored, event = it.stored, it.event
    info = EventInfo(
        event_id=stored.event_id, list_id=stored.list_id, at=stored.at // SECOND, batch_id=stored.batch_id or UNSET
    )
    if event is None:
        info.details_deleted = True
        return info
    info.kind, info.by, info.name = event.kind, event.by or UNSET, event.name or UNSET
    info.on_behalf_of, info.request_id = event.on_behalf_of or UNSET, event.request_id or UNSET
    info.reason, info.source = event.reason or UNSET, event.source or UNSET
    if event.undoes is not None:
        info.undoes = event_id_of(stored.list_id, event.undoes)
    if event.phone_number_id is not None:
        info.phone_number_id = event.phone_number_id or UNSET
        info.everywhere = event.phone_number_id == "" or UNSET
    info.user_count = len(event.users)
    info.users = [_user(user, event.details) for user in event.users[:most_users]]
    return info


def _user(change: UserChange, common: BlockDetails) -> EventUser:
    effect = Effect.REMOVED if change.newer_by is None else Effect.UPDATED if change.before else Effect.ADDED
    user = EventUser(effect=effect)
    if change.user.isdecimal():
        user.wa_id = change.user
    else:
        user.user_id = change.user
    if change.before:
        user.before = _details(change.before[0])
        row: Listed = change.before[0]
        user.before.blocked_at, user.before.blocked_by = row.blocked_at // SECOND, row.blocked_by
    if change.newer_by is not None:
        user.after = _details(change.details or common)
    return user


def _details(of: BlockDetails | Listed) -> EventDetails:
    expires_at = UNSET if of.expires_at is None else of.expires_at // SECOND
    return EventDetails(
        reason=UNSET if of.reason is None else of.reason,
        note=UNSET if of.note is None else of.note,
        expires_at=expires_at,
    )


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
