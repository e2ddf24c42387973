"""The types of responses about events, decoded as leniently as `answers`."""

from collections.abc import Sequence

import msgspec


class EventDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """A user's block before or after an event. Times are in seconds since 1970."""

    reason: str | None = None
    note: str | None = None
    expires_at: int | None = None
    blocked_at: int | None = None
    blocked_by: str | None = None


class EventUser(msgspec.Struct, frozen=True, omit_defaults=True):
    """A user that an event changed. `before`, `after`: the user's block; None: the user was not on the list."""

    effect: str
    wa_id: str | None = None
    user_id: str | None = None
    before: EventDetails | None = None
    after: EventDetails | None = None


class Event(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was done to a list (`kind`), when (`at`, in seconds since 1970), who did it, and why.

    `by`: the label of the access token, or None if a webhook of WhatsApp was the cause. `on_behalf_of`: the person that
    the caller acted for. `undoes`: the event that this one undid. `user_count`: of all users; a page has the first ten
    in `users`, and `event` has all.
    """

    event_id: str
    list_id: str
    at: int
    kind: str | None = None
    by: str | None = None
    on_behalf_of: str | None = None
    request_id: str | None = None
    reason: str | None = None
    source: str | None = None
    batch_id: str | None = None
    undoes: str | None = None
    name: str | None = None
    phone_number_id: str | None = None
    everywhere: bool = False
    details_deleted: bool = False
    user_count: int = 0
    users: Sequence[EventUser] = ()


class EventPage(msgspec.Struct, frozen=True):
    """Events. `next`: the `after`, or with `since` the `since`, of the next page; None on the last one."""

    data: Sequence[Event]
    next: str | None = None


class UndoneUser(msgspec.Struct, frozen=True, omit_defaults=True):
    """What undoing did to a user: `removed`, `restored`, `updated`, `unchanged`, or why it left the user alone.

    `changed_since`: another change was made after the event. `expired`: the block would have ended since. `refused`:
    the allow list `allowed_by` has the user.
    """

    effect: str
    wa_id: str | None = None
    user_id: str | None = None
    allowed_by: str | None = None


class UndoResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What undoing an event did, or as a `preview` would do: `changed` users, and those that it `left` alone.

    `event_id`: the event of the undo itself; None if it changed nothing.
    """

    preview: bool
    changed: int
    left: int
    users: Sequence[UndoneUser] = ()
    event_id: str | None = None
