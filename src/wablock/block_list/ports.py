"""The values of `BlockStore`: users, changes of lists, and their outcomes.

Times are microseconds since 1970. A number's own block list has the number's id as its `list_id`.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

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


class Cause(msgspec.Struct, frozen=True, gc=False):
    """What an event records of the request, besides the token's label.

    `on_behalf_of`: the person that the caller acted for. `reason`: why users were unblocked, or an event was undone.
    The reason of a block is its member's.
    """

    request_id: str | None = None
    on_behalf_of: str | None = None
    reason: str | None = None

    def name(self, by: str) -> str:
        """The name that rows show as the one who blocked or edited: both, so that neither can hide the other."""
        return by if self.on_behalf_of is None else f"{self.on_behalf_of} via {by}"


NO_CAUSE: Final = Cause()


class IdempotencyKey(msgspec.Struct, frozen=True, gc=False):
    """The key of a request that its caller may repeat, and the content of the request, both as hashes.

    `freed`: what the answer says besides the outcome: the users that an allow list frees. See `idempotency`.
    """

    key_hash: bytes
    request_hash: bytes
    freed: tuple[str, ...] = ()


class Block(msgspec.Struct, frozen=True):
    """Block `members`. New rows get `source` and `batch_id`.

    The preconditions are checked in the transaction, so that two writers cannot both pass. `max_size`: the limit of the
    list's size. `written_since`: only users whose last message to the number is not older. Users who are on the list
    already need neither.
    """

    list_id: str
    account_id: str
    at: Microseconds
    by: str
    members: Sequence[Member]
    max_size: int | None = None
    written_since: Microseconds | None = None
    source: str | None = None
    batch_id: str | None = None
    if_listed: IfListed = IfListed.RENEW
    cause: Cause = NO_CAUSE
    key: IdempotencyKey | None = None


class Unblock(msgspec.Struct, frozen=True):
    """Remove `members` from the list, by any spelling or id."""

    list_id: str
    account_id: str
    at: Microseconds
    members: Sequence[Member]
    by: str = ""
    source: str | None = None
    batch_id: str | None = None
    cause: Cause = NO_CAUSE
    key: IdempotencyKey | None = None


class Edit(msgspec.Struct, frozen=True):
    """Change details of `member`, who is on the list; None removes one, and what is UNSET stays.

    `expected`: the tags that the row may have before, see `tag_of`; None: any. If the row already is as requested, its
    tag does not matter, so that a repeated edit succeeds.
    """

    list_id: str
    account_id: str
    at: Microseconds
    by: str
    member: Member
    reason: str | UnsetType | None = UNSET
    note: str | UnsetType | None = UNSET
    expires_at: Microseconds | UnsetType | None = UNSET
    expected: AbstractSet[str] | None = None
    source: str | None = None
    batch_id: str | None = None
    cause: Cause = NO_CAUSE
    key: IdempotencyKey | None = None

    @property
    def members(self) -> Sequence[Member]:
        return (self.member,)


class Restore(msgspec.Struct, frozen=True):
    """Undo the event at `undoes`: give each of `members` the rows `before` it, exactly, with their places in the list.

    `after`: each user's row after the event, as far as the event has it; None: there was none. A user whose row is
    another one now is left as it is. Rows that have expired do not come back. `is_preview`: change nothing.
    """

    list_id: str
    account_id: str
    at: Microseconds
    by: str
    undoes: Microseconds
    members: Sequence[Member]
    before: Sequence[Sequence["Listed"]]
    after: Sequence["Left | None"]
    is_preview: bool = False
    source: str | None = None
    batch_id: str | None = None
    cause: Cause = NO_CAUSE
    key: IdempotencyKey | None = None


class Recall(msgspec.Struct, frozen=True):
    """Return the stored outcome of the request with `key`, and change nothing. Without one, `is_repeat` is False.

    For a request that is not valid any more, such as one with a time that has passed.
    """

    list_id: str
    account_id: str
    at: Microseconds
    key: IdempotencyKey

    @property
    def members(self) -> Sequence[Member]:
        return ()


class Left(msgspec.Struct, frozen=True, gc=False):
    """What an event left of a user's row: its place in the list, and its details.

    `is_new`: the event added the row, so that it was never updated.
    """

    seq: int
    reason: str | None
    note: str | None
    expires_at: Microseconds | None
    is_new: bool = False


class NoteInbound(msgspec.Struct, frozen=True):
    """Record that `members` wrote to the number at `at`, or each at its own time. Older times change nothing.

    A new link of a number and a user_id is learned; existing links do not change. Parent ids are learned only by `Link`
    and `Carry`.
    """

    phone_number_id: str
    account_id: str
    at: Microseconds
    members: Sequence[Member]
    times: Sequence[Microseconds] | None = None


class Link(msgspec.Struct, frozen=True):
    """Learn from WhatsApp that the two or three ids of each of `members` belong to one user.

    This has priority over links from requests: a user_id or a parent id that meant another number means this one, and
    the block of the other number is copied as `Carry` does. Two ids without a number mean one user as well: two
    user_ids with the same parent id have one row.
    """

    account_id: str
    at: Microseconds
    members: Sequence[Member]


class Carry(msgspec.Struct, frozen=True):
    """Copy the blocks of `previous` to `current`: the user has a new number or a new user_id.

    In every list of the account where `previous` is in force, `current` is blocked with the same details, as the newest
    row, even if the list is full. `previous` stays blocked, because older messages may arrive late. If both have the
    same key, their user_ids are linked. Either may have only a parent id. A parent id without a link is linked to
    `previous` if it is an id of `previous`, or the only id of `current`.
    """

    account_id: str
    at: Microseconds
    previous: Member
    current: Member


class Sweep(msgspec.Struct, frozen=True):
    """Delete blocks that expired before `at`, and last-inbound times older than `inbound_before`.

    `answered_before`: outcomes of requests with a key that are older are deleted, too.
    """

    at: Microseconds
    inbound_before: Microseconds
    answered_before: Microseconds = 0


Change = Block | Unblock | Edit | Restore | Recall | NoteInbound | Link | Carry | Sweep


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
