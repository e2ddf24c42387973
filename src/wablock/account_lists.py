"""The shared lists of an account, as its tokens may see, make, attach and remove them. No I/O here."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from wablock.access import Access, AccessToken, Directory, Scope, require
from wablock.block_list.changes import NO_CAUSE, Cause
from wablock.block_list.event_chain import NewEvent
from wablock.block_list.events import Event, EventKind, new_salt
from wablock.block_list.pages import Row
from wablock.block_list.ports import BusinessNumber, Member, Microseconds, Rules
from wablock.block_list.rules import MOST_USERS_PER_REQUEST
from wablock.block_list.service import BlockList
from wablock.block_list.shared_lists import (
    MOST_ATTACHED,
    Attached,
    Attachment,
    ListKind,
    Removal,
    SharedList,
    SharedListStore,
    is_own,
)
from wablock.contract import errors
from wablock.contract.spellings import one_spelling
from wablock.failures import ListIsAttached, ListNameTaken
from wablock.names import BadName, checked_name

MOST_LISTS: Final = 1_000
"""The limit for the shared lists of an account."""
MOST_FREED_SHOWN: Final = 100


class ListStore(SharedListStore, Directory, Protocol):
    """The stored lists and numbers."""


class ListWithPlaces(msgspec.Struct, frozen=True):
    """A shared list, and the numbers on which it is in force. `everywhere`: on every number of the account."""

    shared: SharedList
    everywhere: bool
    phone_number_ids: Sequence[str]


class Freed(msgspec.Struct, frozen=True):
    """The users who are not blocked any more because of an allow list: their number, and the first of them."""

    count: int = 0
    users: Sequence[Member] = ()


class AccountLists:
    """The shared lists of all accounts. Only a token for all numbers of its account may use them."""

    def __init__(
        self, store: ListStore, access: Access, block_list: BlockList, clock: Callable[[], Microseconds]
    ) -> None:
        self._store = store
        self._access = access
        self._block_list = block_list
        self._clock = clock

    async def all(self, caller: AccessToken) -> Sequence[ListWithPlaces]:
        """The account's shared lists, by name."""
        self._require(caller, Scope.READ)
        places = await self._places(caller.account_id)
        return [_with_places(it, places) for it in await self._store.shared_lists(caller.account_id)]

    async def one(self, caller: AccessToken, list_id: str, method: str) -> ListWithPlaces:
        """Raises `UnknownObject` if the account has no such list."""
        self._require(caller, Scope.READ)
        return _with_places(await self._find(caller.account_id, list_id, method), await self._places(caller.account_id))

    async def add(self, caller: AccessToken, kind: ListKind, name: str, cause: Cause = NO_CAUSE) -> SharedList:
        """Raises `InvalidParameter` for a name that cannot be one, and `ListNameTaken`."""
        self._require(caller, Scope.MANAGE)
        try:
            name = checked_name(name)
        except BadName as error:
            raise errors.InvalidParameter(f'Param name {error} - got "{name[:40]}".') from None
        if len(await self._store.shared_lists(caller.account_id)) >= MOST_LISTS:
            raise errors.InvalidParameter(f"The account has {MOST_LISTS:,} shared lists already. Remove one first.")
        new = SharedList(f"list_{secrets.token_hex(8)}", caller.account_id, kind, name, self._clock())
        if not await self._store.add_list(new, self._event(EventKind.CREATE, caller, new, cause)):
            raise ListNameTaken(name)
        return new

    async def remove(self, caller: AccessToken, list_id: str, cause: Cause = NO_CAUSE) -> None:
        """Remove the list and its members. Raises `ListIsAttached`, and `UnknownObject`."""
        self._require(caller, Scope.MANAGE)
        shared = await self._find(caller.account_id, list_id, "DELETE")
        event = self._event(EventKind.DELETE, caller, shared, cause)
        removal = await self._store.remove_list(caller.account_id, list_id, event)
        if removal is Removal.UNKNOWN:
            raise errors.UnknownObject("DELETE", list_id)
        if removal is Removal.ATTACHED:
            found = _with_places(shared, await self._places(caller.account_id))
            raise ListIsAttached(shared.name, None if found.everywhere else found.phone_number_ids)

    async def attach(
        self, caller: AccessToken, list_id: str, phone_number_id: str | None, cause: Cause = NO_CAUSE
    ) -> tuple[bool, Freed]:
        """Let the list be in force on a number, or on all numbers of the account. It is, on return, on every node.

        Returns whether it was not before, and the users that an allow list freed: those of its members who were
        blocked just before.
        """
        self._require(caller, Scope.MANAGE)
        if phone_number_id is not None:
            await self._access.number(caller, phone_number_id, Scope.MANAGE, "POST")
        found = await self._find(caller.account_id, list_id, "POST")
        freed = Freed()
        if found.kind is ListKind.ALLOW:
            freed = await self._blocked_members(found, await self._numbers(caller.account_id, phone_number_id))
        attachment = Attachment(caller.account_id, list_id, phone_number_id, self._clock())
        attached = await self._store.attach(
            attachment, self._event(EventKind.ATTACH, caller, found, cause, phone_number_id or "")
        )
        if attached is Attached.UNKNOWN:
            raise errors.UnknownObject("POST", list_id)
        if attached is Attached.TOO_MANY:
            raise errors.InvalidParameter(f"A number can have {MOST_ATTACHED} attached lists. Detach one first.")
        return attached is Attached.ATTACHED, freed if attached is Attached.ATTACHED else Freed()

    async def detach(
        self, caller: AccessToken, list_id: str, phone_number_id: str | None, cause: Cause = NO_CAUSE
    ) -> bool:
        """Returns whether it was attached there. On return no node has it in force there by this attachment."""
        self._require(caller, Scope.MANAGE)
        found = await self._find(caller.account_id, list_id, "DELETE")
        event = self._event(EventKind.DETACH, caller, found, cause, phone_number_id or "")
        return await self._store.detach(caller.account_id, list_id, phone_number_id, event)

    async def place(self, caller: AccessToken, list_id: str, scope: Scope, method: str) -> BusinessNumber:
        """The number whose own list this is. A shared list is treated as a number without a country, with open rules.

        Raises `UnknownObject`, also for a list of another account.
        """
        if is_own(list_id):
            return await self._access.number(caller, list_id, scope, method)
        self._require(caller, scope)
        found = await self._find(caller.account_id, list_id, method)
        return _as_number(found)

    async def freed_by(self, caller: AccessToken, list_id: str, members: Sequence[Member]) -> Sequence[Member]:
        """Those of `members` that an allow list would free: they are blocked now on a number where it is in force.

        None for a block list.
        """
        if (await self._find(caller.account_id, list_id, "POST")).kind is not ListKind.ALLOW:
            return ()
        attachments = await self._store.attachments(caller.account_id)
        ids = {it.phone_number_id for it in attachments if it.list_id == list_id}
        numbers = await self._store.numbers(caller.account_id) if ids else ()
        there = [it for it in numbers if None in ids or it.phone_number_id in ids]
        return await self._blocked_on_any(there, members)

    def _event(
        self, kind: EventKind, caller: AccessToken, of: SharedList, cause: Cause, phone_number_id: str | None = None
    ) -> NewEvent:
        """`phone_number_id` "": every number of the account."""
        new = Event(
            kind=kind,
            salt=new_salt(),
            by=caller.label,
            request_id=cause.request_id,
            on_behalf_of=cause.on_behalf_of,
            phone_number_id=phone_number_id,
            name=of.name,
        )
        return NewEvent(new, self._clock())

    def _require(self, caller: AccessToken, scope: Scope) -> None:
        require(caller, scope)
        if caller.phone_number_ids is not None:
            raise errors.PermissionDenied(
                "The access token is for some numbers only. Use one for all numbers of the account for shared lists."
            )

    async def _find(self, account_id: str, list_id: str, method: str) -> SharedList:
        found = next((it for it in await self._store.shared_lists(account_id) if it.list_id == list_id), None)
        if found is None:
            raise errors.UnknownObject(method, list_id)
        return found

    async def _places(self, account_id: str) -> Mapping[str, Sequence[str | None]]:
        places: dict[str, list[str | None]] = {}
        for attachment in await self._store.attachments(account_id):
            places.setdefault(attachment.list_id, []).append(attachment.phone_number_id)
        return places

    async def _numbers(self, account_id: str, phone_number_id: str | None) -> Sequence[BusinessNumber]:
        if phone_number_id is not None:
            return [BusinessNumber(phone_number_id, account_id)]
        return await self._store.numbers(account_id)

    async def _blocked_members(self, shared: SharedList, numbers: Sequence[BusinessNumber]) -> Freed:
        """The members of the list who are blocked on one of `numbers`."""
        count, users, after = 0, list[Member](), None
        number = _as_number(shared)
        while numbers:
            listing = await self._block_list.page(number, MOST_USERS_PER_REQUEST, after, None, details=False)
            freed = await self._blocked_on_any(numbers, [_member_of(row) for row in listing.page.rows])
            count += len(freed)
            users += freed[: MOST_FREED_SHOWN - len(users)]
            after = listing.after
            if not listing.page.has_next:
                break
        return Freed(count, users)

    async def _blocked_on_any(self, numbers: Sequence[BusinessNumber], members: Sequence[Member]) -> Sequence[Member]:
        """Those of `members` who are blocked on one of `numbers`, in their order."""
        blocked = [False] * len(members)
        for number in numbers:
            free = [place for place, is_blocked in enumerate(blocked) if not is_blocked]
            if not free:
                break
            entries = await self._block_list.in_force(number, [members[place] for place in free])
            for place, entry in zip(free, entries, strict=True):
                blocked[place] = entry is not None
            await asyncio.sleep(0)  # SQLite is read without waiting, and other requests wait for the loop
        return [member for member, is_blocked in zip(members, blocked, strict=True) if is_blocked]


def _as_number(shared: SharedList) -> BusinessNumber:
    """A list as a number without a country, with open rules: its members are changed and paged as those of a number."""
    return BusinessNumber(shared.list_id, shared.account_id, rules=Rules.OPEN)


def _member_of(row: Row) -> Member:
    key = row.user_id or "" if row.wa_id is None else one_spelling(row.wa_id)
    return Member(key, row.wa_id, row.user_id, row.input)


def _with_places(shared: SharedList, places: Mapping[str, Sequence[str | None]]) -> ListWithPlaces:
    of_list = places.get(shared.list_id, ())
    return ListWithPlaces(shared, None in of_list, [it for it in of_list if it is not None])
