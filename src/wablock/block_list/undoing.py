"""The undoing of an event: what it does to each of the event's users."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import astuple

from wablock.block_list.changes import RowAfter, Undo
from wablock.block_list.events import Event, EventKind, UserChange
from wablock.block_list.ports import Effect, Listed, Member, Microseconds
from wablock.contract.spellings import one_spelling

CHANGES: Final = frozenset((Effect.REMOVED, Effect.UPDATED, Effect.RESTORED))
"""The effects of an undo with which a user's rows change."""


def users_of(event: Event, at: Microseconds) -> tuple[list[Member], list[Sequence[Listed]], list[RowAfter | None]]:
    """The users of the event at `at`; for each, the rows before it, and what it left; see `Undo`."""
    members, before, after = list[Member](), list[Sequence[Listed]](), list[RowAfter | None]()
    for change in event.users:
        members.append(_member(change.user, change.before))
        before.append([Listed(*astuple(row)) for row in change.before])
        after.append(None if change.newer_by is None else _left(change, event, at - change.newer_by))
    return members, before, after


def effect_of_undo(undo: Undo, index: int, current: Sequence[Listed], target: Sequence[Listed]) -> Effect:
    """What undoing does to a user who has the rows `current`. `target`: those that the user had and would still have.

    A user who already is as before the event stays so: an undo can be repeated.
    """
    if list(current) == list(target):
        return Effect.EXPIRED if undo.before[index] and not target else Effect.UNCHANGED
    if not _is_as_left(current, undo.after[index], undo.at):
        is_same = [*map(_content, current)] == [*map(_content, target)]
        return Effect.UNCHANGED if is_same else Effect.CHANGED_SINCE
    if not target:
        return Effect.REMOVED
    return Effect.UPDATED if current else Effect.RESTORED


def _is_as_left(current: Sequence[Listed], left: RowAfter | None, at: Microseconds) -> bool:
    """Whether the rows are those that the event left, or have expired at the time that it set."""
    if left is None or (left.expires_at is not None and left.expires_at <= at):
        return not current
    if not current or (left.is_new and current[0].updated_at is not None):
        return False
    return _content(current[0]) == (left.seq, left.reason, left.note, left.expires_at)


def _content(row: Listed) -> tuple[object, ...]:
    return row.seq, row.reason, row.note, row.expires_at


def _left(change: UserChange, event: Event, seq: int) -> RowAfter:
    details = change.details or event.details
    is_new = event.kind is EventKind.BLOCK and not change.before and not change.was_updated
    return RowAfter(seq, details.reason, details.note, details.expires_at, is_new)


def _member(user: str, before: Sequence[Listed]) -> Member:
    """The user, with all ids that the event has."""
    wa_id = user if user.isdecimal() else None
    user_id = next((row.user_id for row in before if row.user_id is not None), None if wa_id else user)
    return Member(user if wa_id is None else one_spelling(wa_id), wa_id, user_id, user)
