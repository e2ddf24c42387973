"""The changes that a store writes, each in one transaction.

Times are microseconds since 1970. A number's own block list has the number's id as its `list_id`.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from wablock.block_list.ports import IfListed, Listed, Member, Microseconds


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


class Undo(msgspec.Struct, frozen=True):
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
    after: Sequence["RowAfter | None"]
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


class RowAfter(msgspec.Struct, frozen=True, gc=False):
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


Change = Block | Unblock | Edit | Undo | Recall | NoteInbound | Link | Carry | Sweep
