"""Accounts with their secrets: the app secret that signs an account's webhooks, and its verify token."""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from wablock.block_list.ports import Microseconds
from wablock.gate.ports import Account, AccountStore, CannotUnseal, SealedAccount, Vault
from wablock.gate.routes.short_memory import ShortMemory

_MOST_SIGNERS: Final = 100  # each secret is tried on a body whose signature may be false
_ALL: Final = 2**31


class Accounts:
    """Reads and sets accounts. Raises `CannotUnseal` if a secret was sealed with another key."""

    def __init__(
        self, store: AccountStore, vault: Vault, clock: Callable[[], Microseconds], monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._by_id = ShortMemory(self._read, monotonic)
        self._only_signer = ShortMemory(self._read_only_signer, monotonic)
        self._signers = ShortMemory(self._read_signers, monotonic)

    async def find(self, account_id: str) -> Account | None:
        return await self._by_id.get(account_id)

    async def only_signer(self) -> Account | None:
        """The account that has an app secret, if there is exactly one."""
        return await self._only_signer.get("")

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
                if self._unsealed(sealed).app_secret == app_secret:
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
        for memory in (self._by_id, self._only_signer, self._signers):
            memory.forget()

    async def _read(self, account_id: str) -> Account | None:
        sealed = await self._store.find_account(account_id)
        return None if sealed is None else self._unsealed(sealed)

    async def _read_only_signer(self, _: str) -> Account | None:
        signers = await self._store.signers(2)  # enough to know whether there is only one
        return self._unsealed(signers[0]) if len(signers) == 1 else None

    async def _read_signers(self, _: str) -> Sequence[Account]:
        """Skips accounts whose secret cannot be unsealed. Raises `CannotUnseal` only if no secret can be."""
        accounts: list[Account] = []
        last_error: CannotUnseal | None = None
        for sealed in await self._store.signers(_MOST_SIGNERS):
            try:
                accounts.append(self._unsealed(sealed))
            except CannotUnseal as error:
                last_error = error
        if last_error is not None and not accounts:
            raise last_error
        return accounts

    def _unsealed(self, sealed: SealedAccount) -> Account:
        if sealed.app_secret is None:
            return Account(sealed.account_id)
        return Account(sealed.account_id, self._vault.open(sealed.app_secret, _place_of(sealed.account_id)))


def _place_of(account_id: str) -> str:
    return f"account/{account_id}/app_secret"


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
