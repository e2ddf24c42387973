"""What the lists of an account know of one user. No I/O here."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from wablock.access import AccessToken, Directory, Scope, require
from wablock.account_lists import AccountLists
from wablock.block_list.ports import BusinessNumber, InForce, Listed, Member, Microseconds
from wablock.block_list.shared_lists import AttachedList, SharedList, in_force_on
from wablock.block_list.store import BlockStore

_AT_ONCE: Final = 50  # lists that are read at the same time


class Entry(msgspec.Struct, frozen=True):
    """A user on a number's own list, or on a shared list. `everywhere`, `phone_number_ids`: where it is in force."""

    list_id: str
    shared: SharedList | None
    row: Listed
    everywhere: bool
    phone_number_ids: Sequence[str]


class UserEntries(msgspec.Struct, frozen=True):
    """The lists that have a user, own lists first, and the numbers on which the user is blocked."""

    entries: Sequence[Entry]
    blocked_on: Sequence[str]


class AccountUsers:
    """Reads users for tokens.

    A token for some numbers sees the own lists of these numbers, and on which of them the user is blocked by any list.
    """

    def __init__(
        self, store: BlockStore, directory: Directory, lists: AccountLists, clock: Callable[[], Microseconds]
    ) -> None:
        self._store = store
        self._directory = directory
        self._lists = lists
        self._clock = clock

    async def entries(self, caller: AccessToken, member: Member) -> UserEntries:
        """The lists are read one after the other. Raises `PermissionDenied` without the scope `read`."""
        require(caller, Scope.READ)
        numbers = [it for it in await self._directory.numbers(caller.account_id) if caller.may_touch(it)]
        shared = await self._lists.all(caller) if caller.phone_number_ids is None else ()
        ids = [*(it.shared.list_id for it in shared), *(it.phone_number_id for it in numbers)]
        rows = dict(zip(ids, await self._rows(caller.account_id, ids, member), strict=True))
        entries = [
            Entry(it.shared.list_id, it.shared, row, it.everywhere, it.phone_number_ids)
            for it in shared
            if (row := rows[it.shared.list_id]) is not None
        ]
        if caller.phone_number_ids is None:
            blocked_on = [it.phone_number_id for it in numbers if _is_blocked(it, rows[it.phone_number_id], entries)]
        else:  # shared lists, which it does not see, may block the user there, or free the user
            blocked_on = await self._blocked_on(numbers, member)
        own = [
            Entry(number.phone_number_id, None, row, everywhere=False, phone_number_ids=[number.phone_number_id])
            for number in numbers
            if (row := rows[number.phone_number_id]) is not None
        ]
        return UserEntries([*own, *entries], blocked_on)

    async def _blocked_on(self, numbers: Sequence[BusinessNumber], member: Member) -> list[str]:
        at, blocked_on = self._clock(), list[str]()
        for number in numbers:
            (block,) = await self._store.blocked(number.account_id, number.phone_number_id, [member], at)
            if block is not None:
                blocked_on.append(number.phone_number_id)
        return blocked_on

    async def _rows(self, account_id: str, list_ids: Sequence[str], member: Member) -> Sequence[Listed | None]:
        rows: list[Listed | None] = []
        at = self._clock()
        for start in range(0, len(list_ids), _AT_ONCE):
            some = list_ids[start : start + _AT_ONCE]
            rows += await asyncio.gather(*(self._store.row(account_id, it, member, at) for it in some))
        return rows


def _is_blocked(number: BusinessNumber, own: Listed | None, shared: Sequence[Entry]) -> bool:
    there = [
        (AttachedList(it.list_id, it.shared.kind, it.shared.name), InForce(it.row.blocked_at))
        for it in shared
        if it.shared is not None and (it.everywhere or number.phone_number_id in it.phone_number_ids)
    ]
    return in_force_on(None if own is None else InForce(own.blocked_at), there) is not None
