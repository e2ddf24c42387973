"""What answers say, read as tolerantly as Meta writes: unknown members mean nothing, a code may be a text."""

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

_T = TypeVar("_T", bound=msgspec.Struct)


class UserDone(msgspec.Struct, frozen=True, omit_defaults=True):
    """A user who was blocked or unblocked; `input` as it was sent."""

    input: str = ""
    wa_id: str | None = None
    user_id: str | None = None


class ErrorDetails(msgspec.Struct, frozen=True):
    details: str | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    """The member `error` of an answer, or one of a failed user's `errors`."""

    message: str | None = None
    code: int = 0
    type: str | None = None
    error_subcode: int | None = None
    is_transient: bool | None = None
    error_data: ErrorDetails | str | None = None
    fbtrace_id: str | None = None

    @property
    def details(self) -> str | None:
        """What to do; some servers say it without an object around it."""
        return self.error_data.details if isinstance(self.error_data, ErrorDetails) else self.error_data


class FailedUser(msgspec.Struct, frozen=True):
    """A user of a request who could not be blocked, unblocked or checked, and why."""

    input: str = ""
    wa_id: str | None = None
    user_id: str | None = None
    errors: list[ErrorBody] = []

    @property
    def code(self) -> int:
        """The first error's code: 131047, 131021, 139101; 0 where the server gave none."""
        return self.errors[0].code if self.errors else 0

    @property
    def reason(self) -> str:
        """Why, in the server's words."""
        if not self.errors:
            return "no reason given"
        error = self.errors[0]
        return ": ".join(said for said in (error.message, error.details) if said) or f"error {error.code}"


class BlockedUser(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row of a block list. The members after `user_id` are there when `fields` asks for them; times in seconds."""

    wa_id: str | None = None
    user_id: str | None = None
    input: str | None = None
    reason: str | None = None
    note: str | None = None
    blocked_at: int | None = None
    blocked_by: str | None = None
    expires_at: int | None = None


class CheckedUser(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a user is blocked; times in seconds since 1970, and only where the server tells them."""

    input: str
    blocked: bool
    wa_id: str | None = None
    user_id: str | None = None
    blocked_at: int | None = None
    reason: str | None = None
    expires_at: int | None = None


class Cursors(msgspec.Struct, frozen=True):
    after: str | None = None
    before: str | None = None


class ReadPaging(msgspec.Struct, frozen=True):
    """`after` and `before` are None where neither `cursors` nor the links have one; a link's leads where it leads."""

    cursors: Cursors | None = None
    next: str | None = None
    previous: str | None = None

    @property
    def after(self) -> str | None:
        return _cursor_in(self.next, "after") or (self.cursors and self.cursors.after) or None

    @property
    def before(self) -> str | None:
        return _cursor_in(self.previous, "before") or (self.cursors and self.cursors.before) or None


class ListAnswer(msgspec.Struct, frozen=True):
    data: list[BlockedUser]
    paging: ReadPaging | None = None


class ChangedUsers(msgspec.Struct, frozen=True):
    added_users: list[UserDone] = []
    removed_users: list[UserDone] = []
    failed_users: list[FailedUser] = []


class Changed(msgspec.Struct, frozen=True):
    block_users: ChangedUsers
    error: ErrorBody | None = None


class Checked(msgspec.Struct, frozen=True):
    users: list[CheckedUser]
    failed_users: list[FailedUser] = []


class RecentDrop(msgspec.Struct, frozen=True):
    """A dropped message or call: when (seconds since 1970), of whom (masked), what, how large (bytes)."""

    seq: int
    at: int
    sender: str
    type: str
    size: int


class RecentDropList(msgspec.Struct, frozen=True):
    """Oldest first. `after`: the `seq` to continue from."""

    data: Sequence[RecentDrop]
    after: int


class FailedAnswer(msgspec.Struct, frozen=True):
    error: ErrorBody


class Page(msgspec.Struct, frozen=True):
    """A page of a block list, newest block first. `after` and `before` mark its last and first row.

    `has_next` False is certain: the list ends here. True: there is a next page, or, where a server gives cursors and no
    links, there may be one; it is empty then, and its own `has_next` is False. The same of `has_previous`.
    """

    users: Sequence[BlockedUser]
    after: str | None = None
    before: str | None = None
    has_next: bool = False
    has_previous: bool = False


def decoded(body: bytes, kind: type[_T]) -> _T | None:
    """`body` as `kind`; None where it is something else."""
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _cursor_in(link: str | None, name: str) -> str | None:
    """The cursor that a link carries. The link itself is never requested: the token is for the base URL alone."""
    try:
        return parse_qs(urlsplit(link or "").query).get(name, [None])[-1]
    except ValueError:  # no address
        return None
