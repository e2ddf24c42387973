"""Events of a list: what each change did to it, who made the change, and what was there before.

An event is stored as text. It is never changed, so that its hash proves it; see `event_chain`.
"""

import os
import re
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from wablock.block_list.ports import Listed, Microseconds

_SALT: Final = 16  # characters of base64url: 96 random bits
_SALTS_AT_ONCE: Final = 64
LIST_ID: Final = "(?:[0-9]{1,32}|list_[0-9a-f]{16})"
"""The pattern of a list's id: that of a number's own list, or of a shared one."""
_EVENT_ID: Final = re.compile(f"({LIST_ID})-([0-9]{{1,18}})")
_LEAST_OF_A_ROW: Final = 10
"""The fields of `Listed` without a default."""


class EventKind(StrEnum):
    """What was done. `link`, `carry`: WhatsApp has shown another id of a user; see `changes.Link` and `changes.Carry`.

    `create`, `attach`, `detach`, `delete`: of a shared list.
    """

    BLOCK = "block"
    UNBLOCK = "unblock"
    EDIT = "edit"
    UNDO = "undo"
    LINK = "link"
    CARRY = "carry"
    CREATE = "create"
    ATTACH = "attach"
    DETACH = "detach"
    DELETE = "delete"


CAN_BE_UNDONE: Final = frozenset((EventKind.BLOCK, EventKind.UNBLOCK, EventKind.EDIT, EventKind.UNDO))


class BlockDetails(msgspec.Struct, frozen=True, array_like=True):
    """What a block says besides its user."""

    reason: str | None = None
    note: str | None = None
    expires_at: Microseconds | None = None


class StoredRow(Listed, frozen=True, array_like=True):
    """A row of a list within an event."""


class UserChange(msgspec.Struct, frozen=True, array_like=True):
    """What an event did to one user, which is a wa_id or a user_id.

    `newer_by`: the event's time minus the `seq` of the user's row afterwards; None: the user had none. `details`: those
    afterwards; None: those of the event. `before`: the user's rows before. `was_updated`: the request named the user
    twice, so that it added the row and updated it.
    """

    user: str
    newer_by: int | None = 0
    details: BlockDetails | None = None
    before: tuple[StoredRow, ...] = ()
    was_updated: bool = False


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The stored text of an event, without its time and its batch, which are beside it.

    What is usual is left out: a POST of one user takes a hundred bytes.

    `salt` keeps others from guessing the content of an event whose text was deleted. `reason`: why users were
    unblocked, or an event was undone. `details`: those of the blocks, unless a user has others. `undoes`: the time of
    the event that this one undid. `phone_number_id`: where a list was attached; "" for everywhere. `name`: of a list.
    """

    salt: str = msgspec.field(name="s")
    kind: EventKind = msgspec.field(name="k", default=EventKind.BLOCK)
    by: str = msgspec.field(name="b", default="")
    request_id: str | None = msgspec.field(name="r", default=None)
    on_behalf_of: str | None = msgspec.field(name="o", default=None)
    reason: str | None = msgspec.field(name="w", default=None)
    source: str | None = msgspec.field(name="f", default="api")
    undoes: Microseconds | None = msgspec.field(name="z", default=None)
    phone_number_id: str | None = msgspec.field(name="p", default=None)
    name: str | None = msgspec.field(name="n", default=None)
    details: BlockDetails = msgspec.field(name="d", default=BlockDetails())
    users: tuple[UserChange, ...] = msgspec.field(name="u", default=())


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as a store keeps it. `at` is its place in the list's chain, and grows strictly.

    `text` None: it was deleted, and `commitment` is the hash of what it was.
    """

    list_id: str
    at: Microseconds
    batch_id: str | None
    text: str | None
    hash: bytes
    commitment: bytes | None = None

    @property
    def event_id(self) -> str:
        return event_id_of(self.list_id, self.at)


RowChange = tuple[Sequence[Listed], Listed | None]
"""A user's rows before a change, and the first of them afterwards; None: the user has none."""


def event_id_of(list_id: str, at: Microseconds) -> str:
    return f"{list_id}-{at}"


def place_in_chain(event_id: str) -> tuple[str, Microseconds] | None:
    """The list and the time of an event's id; None if it is not one."""
    match = _EVENT_ID.fullmatch(event_id)
    return None if match is None else (match[1], int(match[2]))


def is_list_id(text: str) -> bool:
    """Whether a list can have this id: a number's own list, or a shared one."""
    return re.fullmatch(LIST_ID, text) is not None


class Salts:
    """Secret salts. Many are made together, which costs less. Any thread may take one."""

    def __init__(self, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._random_bytes = random_bytes
        self._ready: deque[str] = deque()

    def __call__(self) -> str:
        try:
            return self._ready.pop()
        except IndexError:
            text = urlsafe_b64encode(self._random_bytes(_SALTS_AT_ONCE * _SALT * 3 // 4)).decode()
            first, *others = (text[start : start + _SALT] for start in range(0, len(text), _SALT))
            self._ready.extend(others)
            return first


new_salt: Final = Salts()


def text_of(event: Event, at: Microseconds, changes: Sequence[RowChange]) -> str:
    """The text of `event`, which was at `at` and made these changes. Built without structs: every block needs it."""
    text = _encode(event)
    if not changes:
        return text.decode()
    common = next((_details(after) for _, after in changes if after is not None), _NO_DETAILS)
    details = b"" if common == _NO_DETAILS else b',"d":' + _encode(common)
    users = _encode([_written(at, before, after, common) for before, after in changes])
    return (text[:-1] + details + b',"u":' + users + b"}").decode()


def event_of(text: str) -> Event:
    return _decode(text)


def _written(at: Microseconds, before: Sequence[Listed], after: Listed | None, common: list[Any] | None) -> list[Any]:
    """A `UserChange` without its last values if they are the defaults."""
    row = before[0] if after is None else after
    entry: list[Any] = [row.wa_id or row.identity, None, None]
    if after is not None:
        entry[1] = at - after.seq
        details = _details(after)
        entry[2] = None if details == common else details
    if before:
        entry.append([_trimmed(row) for row in before])
    elif after is not None and after.updated_at is not None:
        entry += [[], True]
    elif entry[2] is None:
        del entry[2]
        if entry[1] == 0:
            del entry[1]
    return entry


def _details(row: Listed) -> list[Any]:
    return [row.reason, row.note, row.expires_at]


def _trimmed(row: Listed) -> list[Any]:
    values = list(msgspec.structs.astuple(row))
    while len(values) > _LEAST_OF_A_ROW and values[-1] is None:
        values.pop()
    return values


_NO_DETAILS: Final = [None, None, None]
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Event).decode
