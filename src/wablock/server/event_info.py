"""An event of a list as JSON, for callers of `/v1/events` and for subscribers."""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from wablock.account_events import ListEvent
from wablock.block_list.events import BlockDetails, UserChange, event_id_of
from wablock.block_list.ports import Effect, Listed
from wablock.block_list.rules import SECOND

MOST_USERS_SHOWN: Final = 10
"""The most users of an event on a page, and in a request to a subscriber."""


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


def event_info(it: ListEvent, most_users: int | None) -> EventInfo:
    """The event with its first users, or with all."""
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


def event_json(it: ListEvent) -> bytes:
    """The event as a page shows it."""
    return msgspec.json.encode(event_info(it, MOST_USERS_SHOWN))
