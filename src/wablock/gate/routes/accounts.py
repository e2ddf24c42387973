"""Accounts and their business accounts: the app secrets that sign their webhooks, and their verify tokens."""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from wablock.block_list.ports import Microseconds
from wablock.gate.account_store import Account, AccountStore, SealedAccount, SealedBusinessAccount
from wablock.gate.ports import CannotUnseal, Vault
from wablock.gate.routes.short_memory import ShortMemory

_MOST_SIGNERS: Final = 100  # secrets: each is tried on a body whose signature may be false
_ALL: Final = 2**31


class BusinessAccountInfo(msgspec.Struct, frozen=True):
    """The fields of a business account that the operator may see."""

    waba_id: str
    account_id: str
    has_app_secret: bool
    has_verify_token: bool


class Accounts:
    """Reads and sets accounts. Raises `CannotUnseal` if a secret was sealed with another key."""

    def __init__(
        self, store: AccountStore, vault: Vault, clock: Callable[[], Microseconds], monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._by_id = ShortMemory(self._read, monotonic)
        self._by_entry = ShortMemory(self._read_entry, monotonic)
        self._only_signer = ShortMemory(self._read_only_signer, monotonic)
        self._signers = ShortMemory(self._read_signers, monotonic)

    async def find(self, account_id: str) -> Account | None:
        return await self._by_id.get(account_id)

    async def of_entry(self, entry_id: str) -> Account | None:
        """The account of the business account with this id; if there is none, the account with this id."""
        return await self._by_entry.get(entry_id)

    async def only_signer(self) -> Account | None:
        """The account that has an app secret, if there is exactly one."""
        return next(iter(await self._only_signer.get("") or ()), None)

    async def signers(self) -> Sequence[Account]:
        """The accounts that have an app secret, the first 100 by id."""
        return await self._signers.get("") or ()

    async def verifies(self, verify_token: str) -> bool:
        """Whether an account has this verify token. Only hashes are compared, so the time shows nothing about it."""
        return bool(verify_token) and await self.with_verify_token(verify_token) is not None

    async def with_app_secret(self, app_secret: str) -> str | None:
        """The id of an account that has this app secret. Accounts that cannot be unsealed here are skipped."""
        for sealed in await self._store.signers(_ALL):
            with contextlib.suppress(CannotUnseal):
                if app_secret in self._unsealed(sealed).secrets:
                    return sealed.account_id
        return None

    async def with_verify_token(self, verify_token: str) -> str | None:
        """The id of an account that has this verify token."""
        account = await self._store.find_verifier(_sha256(verify_token))
        return None if account is None else account.account_id

    async def set(self, account_id: str, app_secret: str | None, verify_token: str | None) -> None:
        """Write the secrets of the account. A secret that is None keeps its value."""
        sealed = None if app_secret is None else self._vault.seal(app_secret, _place_of(account_id))
        verifier = None if verify_token is None else _sha256(verify_token)
        await self._store.set_account(SealedAccount(account_id, sealed, verifier), self._clock())
        self._forget()

    async def business_accounts(self) -> Sequence[BusinessAccountInfo]:
        return [
            BusinessAccountInfo(
                sealed.waba_id, sealed.account_id, sealed.app_secret is not None, sealed.verify_token_sha256 is not None
            )
            for sealed in await self._store.business_accounts()
        ]

    async def set_business_account(
        self, account_id: str, waba_id: str, app_secret: str | None, verify_token: str | None
    ) -> bool:
        """Write the secrets of a business account. Returns False if the store refused; see `AccountStore`."""
        sealed = None
        if app_secret is not None:
            sealed = self._vault.seal(app_secret, _place_of_business(account_id, waba_id))
        verifier = None if verify_token is None else _sha256(verify_token)
        business = SealedBusinessAccount(waba_id, account_id, sealed, verifier)
        was_set = await self._store.set_business_account(business, self._clock())
        self._forget()
        return was_set

    async def remove_business_account(self, waba_id: str) -> bool:
        removed = await self._store.remove_business_account(waba_id)
        self._forget()
        return removed

    async def _read(self, account_id: str) -> Account | None:
        sealed = await self._store.find_account(account_id)
        return None if sealed is None else self._unsealed(sealed)

    async def _read_entry(self, entry_id: str) -> Account | None:
        business = await self._store.find_business_account(entry_id)
        return await self._read(entry_id if business is None else business.account_id)

    async def _read_only_signer(self, _: str) -> Sequence[Account]:
        signers = await self._store.signers(2)  # enough to know whether there is only one
        return [self._unsealed(signers[0])] if len(signers) == 1 else []

    async def _read_signers(self, _: str) -> Sequence[Account]:
        """Skips accounts whose secret cannot be unsealed. Raises `CannotUnseal` only if no secret can be."""
        accounts: list[Account] = []
        last_error: CannotUnseal | None = None
        secrets = 0
        for sealed in await self._store.signers(_MOST_SIGNERS):
            try:
                account = self._unsealed(sealed)
            except CannotUnseal as error:
                last_error = error
                continue
            accounts.append(account)
            secrets += len(account.secrets)
            if secrets >= _MOST_SIGNERS:
                break
        if last_error is not None and not accounts:
            raise last_error
        return accounts

    def _unsealed(self, sealed: SealedAccount) -> Account:
        account_id = sealed.account_id
        own = None if sealed.app_secret is None else self._vault.open(sealed.app_secret, _place_of(account_id))
        return Account(account_id, own, {it.waba_id: self._business_secret(it) for it in sealed.business_accounts})

    def _business_secret(self, sealed: SealedBusinessAccount) -> str | None:
        place = _place_of_business(sealed.account_id, sealed.waba_id)
        return None if sealed.app_secret is None else self._vault.open(sealed.app_secret, place)

    def _forget(self) -> None:
        for memory in (self._by_id, self._by_entry, self._only_signer, self._signers):
            memory.forget()


def _place_of(account_id: str) -> str:
    return f"account/{account_id}/app_secret"


def _place_of_business(account_id: str, waba_id: str) -> str:
    """The context of the secret: copied to another row, or to another account, it cannot be opened."""
    return msgspec.json.encode(["business_account", waba_id, account_id, "app_secret"]).decode()


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
