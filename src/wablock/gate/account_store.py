"""Accounts and their business accounts, with the app secrets that sign webhooks; and the port of their store."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from wablock.block_list.ports import Microseconds

MOST_BUSINESS_ACCOUNTS: Final = 1_000
"""The limit for one account, because they are read together."""


class Account(msgspec.Struct, frozen=True):
    """The account of a tenant, with its app secret if it has one.

    `business_secrets`: its business accounts, each with its own app secret, or with None.
    """

    account_id: str
    app_secret: str | None = None
    business_secrets: Mapping[str, str | None] = {}

    @property
    def secrets(self) -> Sequence[str]:
        """All app secrets, each once."""
        secrets = (self.app_secret, *self.business_secrets.values())
        return list(dict.fromkeys(secret for secret in secrets if secret is not None))

    def secret_for(self, entry_id: str | None, number_waba_id: str | None) -> str | None:
        """The secret that must have signed a webhook for `entry_id` about a number of the WABA `number_waba_id`.

        None: it has none, or the webhook names another of its business accounts than the number's. So the secret of one
        app cannot sign for the numbers of another.
        """
        waba_id = entry_id if entry_id in self.business_secrets else None
        if waba_id is not None and number_waba_id not in (None, waba_id):
            return None
        return self.business_secrets.get(number_waba_id or waba_id or "") or self.app_secret

    def __repr__(self) -> str:
        return f"Account({self.account_id!r})"  # without the secret: reprs appear in logs


class SealedBusinessAccount(msgspec.Struct, frozen=True):
    """A WhatsApp Business Account in a store, with its own secrets; see `SealedAccount`."""

    waba_id: str
    account_id: str
    app_secret: bytes | None = None
    verify_token_sha256: bytes | None = None


class SealedAccount(msgspec.Struct, frozen=True):
    """An account in a store, with its business accounts by id.

    `app_secret` is sealed. The verify token is stored only as SHA-256.
    """

    account_id: str
    app_secret: bytes | None = None
    verify_token_sha256: bytes | None = None
    business_accounts: Sequence[SealedBusinessAccount] = ()


class AccountStore(Protocol):
    """Accounts and their secrets. See `RouteStore`."""

    async def find_account(self, account_id: str) -> SealedAccount | None: ...

    async def find_verifier(self, verify_token_sha256: bytes) -> SealedAccount | None:
        """The account that has this verify token, or whose business account has it; the first by id."""

    async def signers(self, most: int) -> Sequence[SealedAccount]:
        """At most `most` accounts that have an app secret, or whose business accounts have one, by id."""

    async def set_account(self, account: SealedAccount, at: Microseconds) -> None:
        """Write the secrets of `account`. One that is None keeps its value. A missing account is created."""

    async def find_business_account(self, waba_id: str) -> SealedBusinessAccount | None: ...

    async def business_accounts(self) -> Sequence[SealedBusinessAccount]:
        """All business accounts, by account and id."""

    async def set_business_account(self, business: SealedBusinessAccount, at: Microseconds) -> bool:
        """Write the secrets of `business`. One that is None keeps its value. If it or its account is missing, it is
        created.

        Returns False, and changes nothing, if it belongs to another account, if another account with numbers has its
        id, or if it would be one more than `MOST_BUSINESS_ACCOUNTS`.
        """

    async def remove_business_account(self, waba_id: str) -> bool:
        """Returns False if there is no such business account."""
