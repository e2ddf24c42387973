"""The values of `BlockStore`: users, rows of lists, and the outcomes of changes.

Times are microseconds since 1970. A number's own block list has the number's id as its `list_id`.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from wablock.contract import spellings

Microseconds = int


class IfListed(StrEnum):
    """What a block does to a user who is on the list already.

    `keep`: nothing. `replace`: reason, note and expiry become those of the block. `renew`: as `replace`, but a reason
    and a note stay if the block has none.
    """

    KEEP = "keep"
    REPLACE = "replace"
    RENEW = "renew"


class Rules(StrEnum):
    """`open`: every user can be blocked. `meta`: only senders of the last 24 hours, and at most 64,000 users."""

    OPEN = "open"
    META = "meta"


class BusinessNumber(msgspec.Struct, frozen=True):
    """A number of the business. `wa_id` is its own. `country` is used to read national numbers. None: unknown.

    `name` is for people. `waba_id`: its WhatsApp Business Account, if it was set. `created_at` is None if the number is
    not stored.
    """

    phone_number_id: str
    account_id: str
    wa_id: str | None = None
    country: str | None = None
    rules: Rules | None = None
    name: str | None = None
    waba_id: str | None = None
    created_at: Microseconds | None = None


class Member(msgspec.Struct, frozen=True, gc=False):
    """A user to block or unblock, with the details to store. `expires_at` None: until unblocked.

    A user with only a parent id has it as `key` and as `parent_user_id`, and no `user_id`.
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
        """Other keys under which the previous version stored this user. Nearly all users have none."""
        if self.wa_id is None or self.wa_id[0] not in spellings.MAY_HAVE_FORMER_KEYS:
            return ()
        return spellings.former_keys(self.wa_id)

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key of the user's number, the current one first."""
        return (self.key, *self.former_keys)

    @property
    def links(self) -> bool:
        """Whether this member links two ids of one user."""
        if self.user_id is not None and self.user_id != self.key:
            return True
        return self.parent_user_id is not None and self.parent_user_id != self.key

    @property
    def aliases(self) -> tuple[str, ...]:
        """The ids of the user besides its number."""
        return tuple(alias for alias in (self.user_id, self.parent_user_id) if alias is not None)

    @property
    def has_details(self) -> bool:
        return self.reason is not None or self.note is not None or self.expires_at is not None


class Refusal(StrEnum):
    """Why a member was not blocked or, if its row has another tag than expected, not edited.

    `ALLOWED`: an allow list that is in force on the number has the user.
    """

    LIST_FULL = "list_full"
    NOT_WRITTEN_LATELY = "not_written_lately"
    ALLOWED = "allowed"
    CHANGED = "changed"


class Effect(StrEnum):
    """What a change did to one user. If a request names a user twice, the second finds the effect of the first.

    Only of an undo: `restored`, the user is on the list again; `changed_since`, the user's row was changed after the
    event and was left as it is; `expired`, the row would have expired since.
    """

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    NOT_THERE = "not_there"
    REFUSED = "refused"
    RESTORED = "restored"
    CHANGED_SINCE = "changed_since"
    EXPIRED = "expired"


class Listed(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The stored row of a blocked user. `seq` is its place in the list's order: newer is larger.

    `updated_at` None: reason, note and expiry are those of the block. `source` None: not known, as in older rows.
    """

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
    updated_at: Microseconds | None = None
    updated_by: str | None = None
    source: str | None = None
    batch_id: str | None = None


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of a change: the refused members by their index; the change was made for all others.

    `allowed_by`: for each member refused as `ALLOWED`, the name of the allow list.

    A block, an unblock and an edit also have the effect for each member, and the user's rows before the change. There
    are several if the user was listed under several ids. `row` is the first of them after an edit. `event_at`: of
    the event of an undo; None if it changed nothing.

    `is_repeat`: it is the stored outcome of the first request with the same key; it has no `before`. `freed`: see
    `IdempotencyKey`.
    """

    refused: Mapping[int, Refusal] = {}
    effects: Sequence[Effect] = ()
    before: Sequence[Sequence[Listed]] = ()
    row: Listed | None = None
    allowed_by: Mapping[int, str] = {}
    event_at: Microseconds | None = None
    is_repeat: bool = False
    freed: tuple[str, ...] = ()


class InForce(msgspec.Struct, frozen=True, gc=False):
    """A block in force. `list_id` and `list_name`: the shared list that has the user; None: the number's own list."""

    blocked_at: Microseconds
    reason: str | None = None
    expires_at: Microseconds | None = None
    list_id: str | None = None
    list_name: str | None = None
