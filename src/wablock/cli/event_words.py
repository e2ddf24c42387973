"""Events in words: who did what to which list, and why."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from wablock.cli.changed_users import counted, user_text
from wablock.cli.named_lists import ALL_NUMBERS, ALLOW, label
from wablock.cli.tables import time_text
from wablock.client import (
    ApiError,
    Client,
    Event,
    InvalidAccessToken,
    ListsUnsupported,
    RateLimited,
    ServerTrouble,
    SharedList,
)
from wablock.names import name_key

_MOST_SHOWN: Final = 3  # users of an event
_WHATSAPP: Final = "WhatsApp"
_VERBS: Final = {"block": "blocked", "unblock": "unblocked", "edit": "edited"}
_VERBS_OF_ALLOW_LISTS: Final = _VERBS | {"block": "added", "unblock": "removed"}
_OF_LISTS: Final = {"create": "created the list", "delete": "deleted the list"}


class ListNames(msgspec.Struct, frozen=True):
    """What people call the lists of an account, by their ids. Those of numbers have the names of the numbers."""

    names: Mapping[str, str]
    allow_lists: frozenset[str] = frozenset()

    def id_named(self, text: str) -> str | None:
        """The id of the list with this id or name; None if no list or several lists have it."""
        key = name_key(text.strip())
        found = [list_id for list_id, name in self.names.items() if name_key(name) == key]
        return text if text in self.names else found[0] if len(found) == 1 else None

    def name(self, list_id: str) -> str:
        return self.names.get(list_id, list_id)


def list_names(client: Client) -> ListNames:
    """The names of all lists that the token may see: a token for some numbers sees no shared ones."""
    names: dict[str, str] = {}
    shared: Sequence[SharedList] = ()
    try:
        names = {it.phone_number_id: label(it) for it in client.numbers()}
        shared = client.lists()
    except (InvalidAccessToken, ServerTrouble, RateLimited):
        raise
    except (ApiError, ListsUnsupported):
        pass
    return ListNames(
        names | {it.list_id: it.name for it in shared},
        frozenset(it.list_id for it in shared if it.kind == ALLOW.value),
    )


def row_of(event: Event, names: ListNames) -> dict[str, Any]:
    """The cells of a table."""
    return {
        "time": time_text(event.at),
        "who": who(event),
        "what": what(event, names),
        "list": event.name or names.name(event.list_id),
        "why": why(event),
        "event_id": event.event_id,
    }


def line_of(event: Event, names: ListNames) -> str:
    """One line, for events that are followed."""
    cells = row_of(event, names)
    reason = f" ({cells['why']})" if cells["why"] else ""
    return f"{cells['time']}  {cells['who']}  {cells['what']}  on {cells['list']}{reason}  {event.event_id}"


def who(event: Event) -> str:
    """Both names, so that neither can hide the other."""
    by = event.by or ("-" if event.details_deleted else _WHATSAPP)
    return f"{event.on_behalf_of} via {by}" if event.on_behalf_of else by


def what(event: Event, names: ListNames) -> str:
    """What was done, and to which users."""
    kind, users = event.kind or "", f"{counted(event.user_count)}: {_users(event)}"
    if event.details_deleted:
        return "details were deleted"
    if kind in _OF_LISTS:
        return f"{_OF_LISTS[kind]} {event.name or event.list_id}"
    if kind in ("attach", "detach"):
        place = ALL_NUMBERS if event.everywhere else names.name(event.phone_number_id or "")
        return f"attached it to {place}" if kind == "attach" else f"detached it from {place}"
    if kind == "undo":
        return f"undid {event.undoes}, {users}"
    if kind in ("link", "carry"):
        return f"showed {'another id' if kind == 'link' else 'a new number or id'} of {users}"
    verbs = _VERBS_OF_ALLOW_LISTS if event.list_id in names.allow_lists else _VERBS
    return f"{verbs.get(kind, kind)} {users}"


def why(event: Event) -> str | None:
    """The reason of the event, or the one that all its blocks have."""
    reasons = {user.after.reason for user in event.users if user.after is not None}
    common = next(iter(reasons)) if len(reasons) == 1 and event.kind in ("block", "edit") else None
    return event.reason or common


def _users(event: Event) -> str:
    shown = ", ".join(user_text(it.wa_id, it.user_id) for it in event.users[:_MOST_SHOWN])
    more = event.user_count - min(len(event.users), _MOST_SHOWN)
    return f"{shown} and {more:,} more" if more > 0 else shown
