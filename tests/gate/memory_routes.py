"""`MemoryRoutes`: a `RouteStore` in dictionaries, without durability; it counts its calls."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from wablock.block_list.ports import Microseconds
from wablock.gate.account_store import SealedAccount, SealedBusinessAccount
from wablock.gate.ports import SealedDownstream, SealedUpstream

_Sealed = TypeVar("_Sealed", SealedAccount, SealedBusinessAccount)


class MemoryRoutes:
    def __init__(self, numbers: Mapping[str, str] | None = None) -> None:
        """`numbers`: the account of each phone_number_id."""
        self.lookups = 0
        self._numbers = dict(numbers or {})
        self._accounts: dict[str, SealedAccount] = {}
        self._businesses: dict[str, SealedBusinessAccount] = {}
        self._downstreams: dict[tuple[str, str], SealedDownstream] = {}
        self._upstreams: dict[str, SealedUpstream] = {}

    async def find_account(self, account_id: str) -> SealedAccount | None:
        self.lookups += 1
        account = self._accounts.get(account_id)
        return None if account is None else self._whole(account)

    async def find_verifier(self, verify_token_sha256: bytes) -> SealedAccount | None:
        self.lookups += 1
        accounts = [
            it
            for it in self._by_id()
            if verify_token_sha256
            in (it.verify_token_sha256, *(own.verify_token_sha256 for own in it.business_accounts))
        ]
        return accounts[0] if accounts else None

    async def signers(self, most: int) -> Sequence[SealedAccount]:
        self.lookups += 1
        signers = [it for it in self._by_id() if _secrets_of(it)]
        return signers[:most]

    async def set_account(self, account: SealedAccount, at: Microseconds) -> None:  # noqa: ARG002 - the port's
        old = self._accounts.get(account.account_id, SealedAccount(account.account_id))
        self._accounts[account.account_id] = _changed(old, account)

    async def find_business_account(self, waba_id: str) -> SealedBusinessAccount | None:
        self.lookups += 1
        return self._businesses.get(waba_id)

    async def business_accounts(self) -> Sequence[SealedBusinessAccount]:
        return sorted(self._businesses.values(), key=lambda it: (it.account_id, it.waba_id))

    async def set_business_account(self, business: SealedBusinessAccount, at: Microseconds) -> bool:
        old = self._businesses.get(business.waba_id, SealedBusinessAccount(business.waba_id, business.account_id))
        if old.account_id != business.account_id:
            return False
        await self.set_account(SealedAccount(business.account_id), at)
        self._businesses[business.waba_id] = _changed(old, business)
        return True

    async def remove_business_account(self, waba_id: str) -> bool:
        return self._businesses.pop(waba_id, None) is not None

    async def downstreams(self, phone_number_id: str) -> Sequence[SealedDownstream]:
        self.lookups += 1
        return [it for it in self._oldest_first() if it.phone_number_id == phone_number_id]

    async def account_downstreams(self, account_id: str) -> Sequence[SealedDownstream]:
        self.lookups += 1
        return [it for it in self._oldest_first() if it.account_id == account_id]

    async def add_downstream(self, downstream: SealedDownstream) -> bool:
        if self._numbers.get(downstream.phone_number_id) != downstream.account_id:
            return False
        self._downstreams[downstream.phone_number_id, downstream.downstream_id] = downstream
        return True

    async def remove_downstream(self, phone_number_id: str, downstream_id: str) -> bool:
        return self._downstreams.pop((phone_number_id, downstream_id), None) is not None

    async def find_upstream(self, phone_number_id: str) -> SealedUpstream | None:
        self.lookups += 1
        return self._upstreams.get(phone_number_id)

    async def account_upstreams(self, account_id: str) -> Sequence[SealedUpstream]:
        self.lookups += 1
        return [it for _, it in sorted(self._upstreams.items()) if it.account_id == account_id]

    async def set_upstream(self, upstream: SealedUpstream) -> bool:
        if self._numbers.get(upstream.phone_number_id) != upstream.account_id:
            return False
        self._upstreams[upstream.phone_number_id] = upstream
        return True

    async def remove_upstream(self, phone_number_id: str) -> bool:
        return self._upstreams.pop(phone_number_id, None) is not None

    def rows(self) -> list[msgspec.Struct]:
        """All stored rows, as a thief of the database sees them."""
        accounts = [*self._accounts.values(), *self._businesses.values()]
        return [*accounts, *self._downstreams.values(), *self._upstreams.values()]

    def _by_id(self) -> list[SealedAccount]:
        return sorted(map(self._whole, self._accounts.values()), key=lambda it: it.account_id)

    def _whole(self, account: SealedAccount) -> SealedAccount:
        own = [it for _, it in sorted(self._businesses.items()) if it.account_id == account.account_id]
        return msgspec.structs.replace(account, business_accounts=tuple(own))

    def _oldest_first(self) -> list[SealedDownstream]:
        return sorted(self._downstreams.values(), key=lambda it: (it.created_at, it.downstream_id))


def _changed(old: _Sealed, new: _Sealed) -> _Sealed:
    return msgspec.structs.replace(
        old,
        app_secret=old.app_secret if new.app_secret is None else new.app_secret,
        verify_token_sha256=old.verify_token_sha256 if new.verify_token_sha256 is None else new.verify_token_sha256,
    )


def _secrets_of(account: SealedAccount) -> list[bytes]:
    secrets = [account.app_secret, *(it.app_secret for it in account.business_accounts)]
    return [secret for secret in secrets if secret is not None]
