"""`BlockStore`, what the rules need of a database, and the values it speaks of.

Times are microseconds since 1970. A number's own block list has the number's id as its `list_id`.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from wablock.contract import spellings

Microseconds = int


class Rules(StrEnum):
    """`open`: whoever you want to block. `meta`: as Meta, the last 24 hours' senders and 64,000 users."""

    OPEN = "open"
    META = "meta"


class BusinessNumber(msgspec.Struct, frozen=True):
    """A number of the business. `wa_id` is its own, `country` reads national numbers; None where not known."""

    phone_number_id: str
    account_id: str
    wa_id: str | None = None
    country: str | None = None
    rules: Rules | None = None


class Member(msgspec.Struct, frozen=True, gc=False):
    """A user to block or unblock, with what is to be kept about it. `expires_at` None: until unblocked.

    A user of whom only the parent id is known has it as `key` and as `parent_user_id`, and no `user_id`.
    """

    key: str
    wa_id: str | None
    user_id: str | None
    input: str
    reason: str | None = None
    note: str | None = None
    expires_at: Microseconds | None = None
    parent_user_id: str | None = None

    @property
    def former_keys(self) -> tuple[str, ...]:
        """Other keys under which a store may have this user: the version before kept it so. Nearly always none."""
        if self.wa_id is None or self.wa_id[0] not in spellings.MAY_HAVE_FORMER_KEYS:
            return ()
        return spellings.former_keys(self.wa_id)

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key of the user's number, today's first."""
        return (self.key, *self.former_keys)

    @property
    def links(self) -> bool:
        """Whether this member shows that two ids are one user."""
        if self.user_id is not None and self.user_id != self.key:
            return True
        return self.parent_user_id is not None and self.parent_user_id != self.key

    @property
    def aliases(self) -> tuple[str, ...]:
        """The ids by which the user may be known besides its number."""
        return tuple(alias for alias in (self.user_id, self.parent_user_id) if alias is not None)

    @property
    def has_details(self) -> bool:
        return self.reason is not None or self.note is not None or self.expires_at is not None


class Block(msgspec.Struct, frozen=True):
    """Block `members`.

    The preconditions are decided where the change is made durable, so that two writers cannot both pass. `max_size`:
    the list may not grow past it. `written_since`: only users whose last message to the number is not older. Neither
    is asked of a user who is on the list already.
    """

    list_id: str
    account_id: str
    at: Microseconds
    by: str
    members: Sequence[Member]
    max_size: int | None = None
    written_since: Microseconds | None = None


class Unblock(msgspec.Struct, frozen=True):
    """Take `members` off the list, whichever spelling or id each is given by."""

    list_id: str
    account_id: str
    at: Microseconds
    members: Sequence[Member]


class NoteInbound(msgspec.Struct, frozen=True):
    """`members` wrote to the number at `at`, or each at its own of `times`; an older time changes nothing.

    A link of a number and a user_id is learned as a request shows it: one that is known already stays. A parent id is
    learned by `Link` and `Carry` alone.
    """

    phone_number_id: str
    account_id: str
    at: Microseconds
    members: Sequence[Member]
    times: Sequence[Microseconds] | None = None


class Link(msgspec.Struct, frozen=True):
    """WhatsApp says that each of `members`, who has two ids or three, is one user.

    Its word counts more than a request's: a user_id or a parent id that meant another number means this one from now
    on, and the block of the number before is carried over as `Carry` does. What two ids without a number mean is one
    user as well: two user_ids that were shown with one parent id have one row.
    """

    account_id: str
    at: Microseconds
    members: Sequence[Member]


class Carry(msgspec.Struct, frozen=True):
    """The user `previous` is `current` from now on: who changed the number or got a new user_id.

    In every list of the account where `previous` is in force, `current` is blocked as well: since when, by whom, why
    and until when as before, at the list's newest place. `previous` stays blocked, since messages from before the
    change may come late. Where both have one key, the user_ids are linked. A full list lets nobody through. Either may
    be given by a parent id alone. One of `previous` that means nobody yet means who `previous` is, and so does one that
    is all that `current` shows.
    """

    account_id: str
    at: Microseconds
    previous: Member
    current: Member


class Sweep(msgspec.Struct, frozen=True):
    """Forget blocks that expired before `at`, and last messages older than `inbound_before`."""

    at: Microseconds
    inbound_before: Microseconds


Change = Block | Unblock | NoteInbound | Link | Carry | Sweep


class Refusal(StrEnum):
    """Why a member was not blocked."""

    LIST_FULL = "list_full"
    NOT_WRITTEN_LATELY = "not_written_lately"


class Effect(StrEnum):
    """What a change did to one user. Another spelling of a user later in the same request finds what the first left."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    NOT_THERE = "not_there"
    REFUSED = "refused"


class Listed(msgspec.Struct, frozen=True, gc=False):
    """A blocked user's row, as it is kept. `seq` is its place in the list's order: newer is larger."""

    identity: str
    seq: int
    wa_id: str | None
    user_id: str | None
    input: str
    blocked_at: Microseconds
    blocked_by: str
    reason: str | None
    note: str | None
    expires_at: Microseconds | None


class Outcome(msgspec.Struct, frozen=True):
    """What became of a change: the refused members by their index; everybody else is done.

    Of a block and an unblock there is more: for each member its effect, and the user's rows before, of which there is
    more than one where a user was listed under several ids.
    """

    refused: Mapping[int, Refusal] = {}
    effects: Sequence[Effect] = ()
    before: Sequence[Sequence[Listed]] = ()


class Row(msgspec.Struct, frozen=True, gc=False):
    """A blocked user, as a page shows it. `seq` is its place in the list's order: newer is larger.

    What follows `user_id` is there when the page was asked for `details`.
    """

    seq: int
    wa_id: str | None
    user_id: str | None
    input: str = ""
    blocked_at: Microseconds = 0
    blocked_by: str = ""
    reason: str | None = None
    note: str | None = None
    expires_at: Microseconds | None = None


class InForce(msgspec.Struct, frozen=True, gc=False):
    """A block that holds now."""

    blocked_at: Microseconds
    reason: str | None = None
    expires_at: Microseconds | None = None


class PageRequest(msgspec.Struct, frozen=True):
    """At most `limit` rows in force at `at`: the newest, or those next after or before the row at a `seq`."""

    list_id: str
    limit: int
    at: Microseconds
    after: int | None = None
    before: int | None = None
    details: bool = True


class Page(msgspec.Struct, frozen=True):
    """Rows newest first, and the list's version (0: never changed), all of one moment.

    While nothing is written the page stays true until `holds_until`, when somebody's block expires; None: for good.
    """

    rows: Sequence[Row]
    version: int
    has_previous: bool
    has_next: bool
    holds_until: Microseconds | None = None


class BlockStore(Protocol):
    """Where block lists are kept. Every method is one transaction.

    All raise `BlocklistInternalError` where the database cannot do it; then nothing of it was done, or for a lost
    connection nothing is known, and repeating is safe: all changes are idempotent.
    """

    async def apply(self, change: Change) -> Outcome:
        """Make `change` durable: when this returns it survives a crash and power loss, and every reader sees it.

        A list's version grows strictly with every change of its members, and is the time of the change or later. New
        members come before older ones, in the order of `members`. A user is found by any of its `keys`. Raises
        `Overloaded` at once, nothing done, when too much is waiting.
        """

    async def page(self, request: PageRequest) -> Page:
        """The page and the version, of one moment; its cost does not depend on where in the list it is."""

    async def stamp(self, list_id: str) -> int:
        """A number that is another one once anything was written to the list, by whoever: equal stamps, equal pages."""

    async def blocked(
        self, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
    ) -> Sequence[InForce | None]:
        """For each of `users`, its block on the list that is in force at `at`; None where it is not blocked.

        Found by any of its ids and links, in one statement for all: the cost grows with `users`, not with the list.
        """

    async def unlinked(self, account_id: str, users: Sequence[Member]) -> Sequence[Member]:
        """Those of `users` that show a link which is not known yet, or is known to another number."""

    async def is_ready(self) -> bool:
        """Whether changes can be made durable now."""
