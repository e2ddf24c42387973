"""Shared lists: block lists and allow lists that are in force on several numbers of an account.

A user is blocked on a number if its own list or an attached block list has the user, and no attached allow list has.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from wablock.block_list.event_chain import NewEvent
from wablock.block_list.ports import InForce, Microseconds
from wablock.names import name_key

MOST_ATTACHED: Final = 50
"""The most lists that can be in force on a number besides its own: a check reads all of them."""


class ListKind(StrEnum):
    """`block`: the list's users are blocked. `allow`: they are not, whatever other lists have."""

    BLOCK = "block"
    ALLOW = "allow"


class SharedList(msgspec.Struct, frozen=True):
    """A list that is no number's own. Its id is not a number. `name` is unique in the account, in any case of letters.

    `kind` and `name` never change.
    """

    list_id: str
    account_id: str
    kind: ListKind
    name: str
    created_at: Microseconds

    @property
    def name_key(self) -> str:
        """The same for names that differ only in case."""
        return name_key(self.name)


class Attachment(msgspec.Struct, frozen=True):
    """A shared list that is in force on a number. `phone_number_id` None: on every number of the account."""

    account_id: str
    list_id: str
    phone_number_id: str | None
    attached_at: Microseconds


class Removal(StrEnum):
    """What became of a list that was to be removed."""

    REMOVED = "removed"
    ATTACHED = "attached"
    UNKNOWN = "unknown"


class Attached(StrEnum):
    """What became of a list that was to be attached."""

    ATTACHED = "attached"
    BEFORE = "before"
    UNKNOWN = "unknown"
    TOO_MANY = "too_many"


class SharedListStore(Protocol):
    """The port to the directory of shared lists. Every method is one transaction, durable when it returns.

    Their members are kept as those of every list; see `BlockStore`. After `attach` or `detach` has returned, every
    check on any node reads the lists that are in force now. What is changed adds `event` to the chain of the list.
    """

    async def add_list(self, new: SharedList, event: NewEvent | None = None) -> bool:
        """Returns False and changes nothing if the account has a list with this id or name."""

    async def shared_lists(self, account_id: str) -> Sequence[SharedList]:
        """All of the account's shared lists, ordered by name."""

    async def attachments(self, account_id: str) -> Sequence[Attachment]:
        """Where the account's shared lists are in force."""

    async def remove_list(self, account_id: str, list_id: str, event: NewEvent | None = None) -> Removal:
        """Remove the list and its members, if it is not attached. Later changes of the list fail. Its events stay."""

    async def attach(self, attachment: Attachment, event: NewEvent | None = None) -> Attached:
        """Attach a list of the account. `UNKNOWN`: the account has no such list."""

    async def detach(
        self, account_id: str, list_id: str, phone_number_id: str | None, event: NewEvent | None = None
    ) -> bool:
        """Returns False if the list was not attached there."""


class AttachedList(msgspec.Struct, frozen=True):
    """A shared list that is in force on a number."""

    list_id: str
    kind: ListKind
    name: str


def is_own(list_id: str) -> bool:
    """Whether the list is a number's own, whose id is the number's."""
    return list_id.isdigit()


def in_force_on(own: InForce | None, shared: Iterable[tuple[AttachedList, InForce]]) -> InForce | None:
    """The block that is in force for a user: the earliest; none if an allow list has the user.

    `own`: the user's entry on the number's own list. `shared`: those on the attached lists, which have not expired.
    """
    earliest = own
    for attached, entry in shared:
        if attached.kind is ListKind.ALLOW:
            return None
        if earliest is None or entry.blocked_at < earliest.blocked_at:
            earliest = msgspec.structs.replace(entry, list_id=attached.list_id, list_name=attached.name)
    return earliest


def most_in_force(attached: Iterable[tuple[str, str | None]]) -> int:
    """The most shared lists that are in force on one number.

    `attached`: each list with a number, or with None for all numbers.
    """
    everywhere = set[str]()
    by_number: dict[str, set[str]] = {}
    for list_id, phone_number_id in attached:
        there = everywhere if phone_number_id is None else by_number.setdefault(phone_number_id, set())
        there.add(list_id)
    return len(everywhere) + max((len(lists - everywhere) for lists in by_number.values()), default=0)
