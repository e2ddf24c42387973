"""The types of responses, decoded leniently: unknown members are ignored, and a code may be a string.

Meta's own responses differ in both ways.
"""

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

_T = TypeVar("_T", bound=msgspec.Struct)


class UserDone(msgspec.Struct, frozen=True, omit_defaults=True):
    """A user who was blocked or unblocked. `input` is the text that was sent.

    `effect` is what the change did: `added`, `updated` or `unchanged` for a block, `removed` or `not_there` for an
    unblock. Only wablock returns it. The second time in a request, the same user is `unchanged` or
    `not_there`. `freed`: the user was blocked, and is not any more, because an allow list has the user now.
    """

    input: str = ""
    wa_id: str | None = None
    user_id: str | None = None
    effect: str | None = None
    freed: bool = False


class ErrorDetails(msgspec.Struct, frozen=True):
    details: str | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    """The member `error` of a response, or one entry in a failed user's `errors`."""

    message: str | None = None
    code: int = 0
    type: str | None = None
    error_subcode: int | None = None
    is_transient: bool | None = None
    error_data: ErrorDetails | str | None = None
    fbtrace_id: str | None = None

    @property
    def details(self) -> str | None:
        """What to do next. Some servers send it as a plain string, not inside an object."""
        return self.error_data.details if isinstance(self.error_data, ErrorDetails) else self.error_data


class FailedUser(msgspec.Struct, frozen=True):
    """A user that the server could not block, unblock or check, and the reason."""

    input: str = ""
    wa_id: str | None = None
    user_id: str | None = None
    errors: list[ErrorBody] = []

    @property
    def code(self) -> int:
        """The first error's code, such as 131047, 131021 or 139101; 0 if the server sent none."""
        return self.errors[0].code if self.errors else 0

    @property
    def reason(self) -> str:
        """The reason, in the server's words."""
        if not self.errors:
            return "no reason given"
        error = self.errors[0]
        return ": ".join(text for text in (error.message, error.details) if text) or f"error {error.code}"


class BlockedUser(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row of a block list. The members after `user_id` are present only if `fields` requests them.

    Times are in seconds since 1970.
    """

    wa_id: str | None = None
    user_id: str | None = None
    input: str | None = None
    reason: str | None = None
    note: str | None = None
    blocked_at: int | None = None
    blocked_by: str | None = None
    expires_at: int | None = None
    updated_at: int | None = None
    updated_by: str | None = None
    source: str | None = None
    batch_id: str | None = None


class ListMember(BlockedUser, frozen=True, omit_defaults=True):
    """A user on a list of wablock, with all details. `etag` changes with every change of the member; see `edit`."""

    etag: str | None = None


class AddedMembers(msgspec.Struct, frozen=True):
    members: list[UserDone]
    failed: list[FailedUser] = []


class BlockingList(msgspec.Struct, frozen=True):
    """The shared list through which a user is blocked."""

    list_id: str
    name: str


class RemovedMember(msgspec.Struct, frozen=True):
    """What became of a member. `effect`: `removed`, or `not_there` if the user was not on the list.

    `still_blocked`: the shared list that still blocks the user on this number.
    """

    effect: str
    still_blocked: BlockingList | None = None


class CheckedUser(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a user is blocked. Times are in seconds since 1970, and None if the server does not send them.

    `list`: the shared list that blocks the user; None if the number's own list does.
    """

    input: str
    blocked: bool
    wa_id: str | None = None
    user_id: str | None = None
    blocked_at: int | None = None
    reason: str | None = None
    expires_at: int | None = None
    list: BlockingList | None = None


class Cursors(msgspec.Struct, frozen=True):
    after: str | None = None
    before: str | None = None


class ReadPaging(msgspec.Struct, frozen=True):
    """The links and cursors of a page. `after` and `before` are None if neither the links nor `cursors` have one.

    A link's cursor takes precedence over the one in `cursors`.
    """

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


class MembersAnswer(msgspec.Struct, frozen=True):
    data: list[ListMember]
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
    """A dropped message, call or handover. `at`: seconds since 1970. `sender` is masked. `size` is in bytes."""

    seq: int
    at: int
    sender: str
    type: str
    size: int


class RecentDropList(msgspec.Struct, frozen=True):
    """Dropped items, oldest first. `after` is the `seq` to continue from."""

    data: Sequence[RecentDrop]
    after: int


class Number(msgspec.Struct, frozen=True, omit_defaults=True):
    """A business number. `wa_id` is the phone number itself. `created_at` is in seconds since 1970."""

    phone_number_id: str
    name: str | None = None
    wa_id: str | None = None
    country: str | None = None
    rules: str | None = None
    waba_id: str | None = None
    created_at: int | None = None


class FailedAnswer(msgspec.Struct, frozen=True):
    error: ErrorBody


class Page(msgspec.Struct, frozen=True):
    """A page of a block list, newest block first. `after` and `before` mark its last and first row.

    If `has_next` is False, the list ends here. If it is True, there is a next page. One exception: a server that sends
    cursors without links does not say where the list ends. Then the next page may be empty, with `has_next` False.
    `has_previous` works the same way.
    """

    users: Sequence[BlockedUser]
    after: str | None = None
    before: str | None = None
    has_next: bool = False
    has_previous: bool = False


def decoded(body: bytes, kind: type[_T]) -> _T | None:
    """`body` decoded as `kind`; None if it does not match."""
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _cursor_in(link: str | None, name: str) -> str | None:
    """The cursor in a link. The client never requests the link itself: the token must go only to the base URL."""
    try:
        return parse_qs(urlsplit(link or "").query).get(name, [None])[-1]
    except ValueError:  # the link is not a URL
        return None
