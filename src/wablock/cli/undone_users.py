"""What undoing one or more events does to each user. The events come newest first."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from wablock.cli.changed_users import counted, user_text
from wablock.cli.output import say
from wablock.cli.tables import show
from wablock.client import Event, EventUser, UndoneUser, UndoResult

_MOST_SHOWN: Final = 5  # users in a sentence
_CHANGES: Final = {"removed": "remove", "restored": "restore", "updated": "change back"}
_PAST: Final = {"removed": "removed", "restored": "restored", "updated": "changed back"}
_OPPOSITES: Final = {"added": "removed", "removed": "restored", "updated": "updated"}
_LEFT: Final = {
    "changed_since": "was changed since",
    "refused": "is on the allow list {}: remove it there first",
}
_COLUMNS: Final = ("user", "list", "left_because")

_User = tuple[str, str]
"""A list, and a user on it."""


class UndoneUsers:
    """The users of all events that were added. `preview`: what would be done to them."""

    def __init__(self, *, preview: bool, batch_id: str | None = None) -> None:
        """`batch_id`: the batch of the undo itself."""
        self.batch_id = batch_id
        self._preview = preview
        self._users: dict[_User, UndoneUser] = {}
        self._events: list[dict[str, str]] = []
        self.refused: list[dict[str, str]] = []

    def needs_event(self, event_id: str, result: UndoResult) -> bool:
        """Whether the event itself must be read: newer events change its users, and will be undone first."""
        return self._preview and any(
            it.effect == "changed_since" and self._effect(_key(event_id, it)) in _CHANGES for it in result.users
        )

    def add(self, event_id: str, result: UndoResult, event: Event | None = None) -> None:
        """Add the result of an event that is older than those before. `event`: see `needs_event`."""
        undo = {} if result.event_id is None else {"undo_event_id": result.event_id}
        self._events.append({"event_id": event_id, **undo})
        expected = {} if event is None else {_key(event_id, it): _OPPOSITES.get(it.effect, "") for it in event.users}
        for user in result.users:
            key = _key(event_id, user)
            self._users[key] = _combined(self._users.get(key), user, expected.get(key, ""))

    def refuse(self, event_id: str, why: str) -> None:
        """Add an event that cannot be undone."""
        self.refused.append({"event_id": event_id, "why": why})

    @property
    def changed(self) -> int:
        return sum(it.effect in _CHANGES for it in self._users.values())

    @property
    def left(self) -> int:
        """Users that are not as before, and will not be."""
        return sum(it.effect in _LEFT for it in self._users.values())

    def sentence(self) -> str:
        """What is done to how many users."""
        parts = [part for effect in _CHANGES if (part := self._part(effect))]
        already = sum(it.effect in ("unchanged", "expired") for it in self._users.values())
        verb = "is" if already == 1 else "are"
        rest = f" {counted(already)} {verb} as before already." if already else ""
        if not parts:
            return f"Nothing {'would change' if self._preview else 'was changed'}.{rest}"
        done = "; ".join(parts)
        return f"This would {done}.{rest}" if self._preview else f"{done[0].upper()}{done[1:]}.{rest}"

    def show_left(self, names: Mapping[str, str]) -> None:
        """Print a table of the users that are left alone, and of the events that cannot be undone."""
        rows = [
            {
                "user": user_text(it.wa_id, it.user_id),
                "list": names.get(list_id, list_id),
                "left_because": _LEFT[it.effect].format(it.allowed_by),
            }
            for (list_id, _), it in self._users.items()
            if it.effect in _LEFT
        ]
        if rows:
            would = "would be" if self._preview else "was" if len(rows) == 1 else "were"
            say(f"{counted(len(rows))} {would} left alone:")
            show(rows, _COLUMNS, as_json=False, empty="")
        if self.refused:
            say(*(it["why"] for it in self.refused))

    def for_programs(self) -> dict[str, Any]:
        users = [{"list_id": list_id} | msgspec.to_builtins(it) for (list_id, _), it in self._users.items()]
        refused = {"refused_events": self.refused} if self.refused else {}
        counts = {"changed": self.changed, "left": self.left}
        batch = {} if self.batch_id is None or not self.changed else {"batch_id": self.batch_id}
        return {"preview": self._preview} | batch | {"events": self._events} | refused | counts | {"users": users}

    def _effect(self, key: _User) -> str:
        user = self._users.get(key)
        return "" if user is None else user.effect

    def _part(self, effect: str) -> str:
        found = {key: user_text(it.wa_id, it.user_id) for key, it in self._users.items() if it.effect == effect}
        if not found:
            return ""
        users, lists = list(dict.fromkeys(found.values())), len({list_id for list_id, _ in found})
        where = f" on {lists} lists" if lists > 1 else ""
        verb = (_CHANGES if self._preview else _PAST)[effect]
        more = len(users) - _MOST_SHOWN
        shown = ", ".join(users[:_MOST_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
        return f"{verb} {counted(len(users))}{where}: {shown}"


def _key(event_id: str, user: UndoneUser | EventUser) -> _User:
    return event_id.rpartition("-")[0], user.wa_id or user.user_id or ""


def _combined(newer: UndoneUser | None, older: UndoneUser, expected: str) -> UndoneUser:
    """What undoing two events does to a user. `expected`: what undoing the older one does after the newer one."""
    if newer is None or older.effect in _CHANGES:
        return older
    if older.effect == "changed_since" and newer.effect in _CHANGES and expected:
        return msgspec.structs.replace(newer, effect=expected)
    if older.effect in ("unchanged", "expired"):  # as before both events; a newer one may have been undone earlier
        return newer if newer.effect in _CHANGES else older
    return older
