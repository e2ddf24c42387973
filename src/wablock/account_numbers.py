"""The business numbers of an account, as its tokens may see, add and change them. No I/O here."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from wablock.access import Access, AccessToken, Directory, Scope, require
from wablock.block_list.ports import BusinessNumber, Microseconds
from wablock.business_numbers import NumberChanges
from wablock.contract import errors
from wablock.failures import NumberTaken

MOST_NUMBERS: Final = 1_000
"""The limit for the numbers of an account that its tokens may reach. It does not limit the operator."""


OwnerOfWaba = Callable[[str], Awaitable[str | None]]
"""Returns the account that has the business account with this id; None if no account has it."""


class AccountNumbers:
    def __init__(
        self, directory: Directory, owner_of_waba: OwnerOfWaba, access: Access, clock: Callable[[], Microseconds]
    ) -> None:
        self._directory = directory
        self._owner_of_waba = owner_of_waba
        self._access = access
        self._clock = clock

    async def visible(self, caller: AccessToken) -> Sequence[BusinessNumber]:
        """The numbers that `caller` covers, by id. Raises `PermissionDenied` without the scope `read`."""
        require(caller, Scope.READ)
        return [number for number in await self._directory.numbers(caller.account_id) if caller.may_touch(number)]

    def check_may_add(self, caller: AccessToken) -> None:
        """Raises `PermissionDenied` if `caller` may not add numbers: it could not use the new number."""
        require(caller, Scope.MANAGE)
        if caller.phone_number_ids is not None:
            raise errors.PermissionDenied(
                "The access token is for some numbers only. Use one for all numbers of the account to add a number."
            )

    async def add(self, caller: AccessToken, number: BusinessNumber) -> BusinessNumber:
        """Add a number to the account of `caller`.

        Raises `NumberTaken`, `NumberNameTaken`, and `InvalidParameter` if the account has `MOST_NUMBERS`, or if an id
        is a business account of another account. Requests at the same time may exceed the limit a little: each counts
        the numbers that are stored.
        """
        self.check_may_add(caller)
        await self._check_waba(caller.account_id, caller.account_id, "The id of the account")
        await self._check_waba(caller.account_id, number.waba_id, "Param waba_id")
        if len(await self._directory.numbers(caller.account_id)) >= MOST_NUMBERS:
            raise errors.InvalidParameter(
                f"The account has {MOST_NUMBERS:,} numbers already.", "Ask the operator of this server to add more."
            )
        now = self._clock()
        if not await self._directory.add_number(number, now):
            raise NumberTaken(number.phone_number_id)
        self._access.forget_number(number.phone_number_id)
        return msgspec.structs.replace(number, created_at=now)

    async def change(self, number: BusinessNumber, changes: NumberChanges) -> BusinessNumber | None:
        """Change a number, which this process uses immediately, and others within a second.

        Returns None if it was removed in the meantime. Raises `NumberNameTaken`, and `InvalidParameter` as `add`.
        """
        await self._check_waba(number.account_id, changes.waba_id or None, "Param waba_id")
        changed = await self._directory.change_number(number, changes)
        self._access.forget_number(number.phone_number_id)
        return changed

    async def _check_waba(self, account_id: str, waba_id: str | None, subject: str) -> None:
        owner = None if waba_id is None else await self._owner_of_waba(waba_id)
        if owner is not None and owner != account_id:
            raise errors.InvalidParameter(
                f"{subject} is a WhatsApp Business Account of another account.", "Ask the operator of this server."
            )
