"""The search for the app secret that signed a webhook, before its body is parsed: strangers can also post to the gate.

The body names its account, but a body must not be parsed before its signature is verified. So the gate searches the
bytes for the first and last ids, and tries the secrets of their accounts. After parsing, each account that the body
names must have this secret.
"""

import asyncio
import logging
from typing import Final

import msgspec

from wablock.block_list.ports import BusinessNumber
from wablock.failures import InvalidSignature
from wablock.gate.ports import Account, GateMeter, Numbers
from wablock.gate.routes.accounts import Accounts
from wablock.gate.webhook.named_ids import entry_ids, number_ids
from wablock.gate.webhook.signature import is_signed

_log = logging.getLogger("wablock.gate")

_MOST_SECRETS: Final = 4  # of the accounts that a body names
_LONG: Final = 500_000  # bytes: hashing them takes 0.2 ms, or 1 ms on an old processor; a call to a thread takes 0.1 ms
_SMALL: Final = 4_096  # bytes; every secret is tried on a smaller body. Samples of Meta's dashboard have up to 2,000


class Signer(msgspec.Struct, frozen=True):
    """The app secret that signed a webhook.

    `account`: an account that the body names and that has this secret; None if the body names none. `number`: the
    account's number that the body names; None if the account was not found by a number.
    """

    secret: str
    account: Account | None = None
    number: BusinessNumber | None = None


class SigningSecrets:
    """Tries up to four secrets on a body. If a small body names no account here, it tries all secrets."""

    def __init__(self, accounts: Accounts, numbers: Numbers, meter: GateMeter) -> None:
        self._accounts = accounts
        self._numbers = numbers
        self._meter = meter

    async def signer_of(self, body: bytes, signature: str) -> Signer:
        """The signer of exactly these bytes.

        Raises `InvalidSignature` if there is none, and `CannotUnseal` if a secret that has to be tried cannot be read.
        """
        tried_secrets: set[str] = set()
        for phone_number_id in number_ids(body):  # nearly always the first id is right
            number = await self._numbers.find_number(phone_number_id)
            account = None if number is None else await self._accounts.find(number.account_id)
            secret = await self._try(account, body, signature, tried_secrets)
            if secret is not None:
                return Signer(secret, account, number)
        for account_id in entry_ids(body):
            account = await self._accounts.find(account_id)
            secret = await self._try(account, body, signature, tried_secrets)
            if secret is not None:
                return Signer(secret, account)
        if tried_secrets:
            raise self._badly_signed()
        return Signer(await self._secret_of_any_account(body, signature))

    async def _try(self, account: Account | None, body: bytes, signature: str, tried_secrets: set[str]) -> str | None:
        """The secret of the account if it has signed `body`."""
        secret = None if account is None else account.app_secret
        if secret is None or secret in tried_secrets:
            return None
        if await _signs(secret, body, signature):
            return secret
        tried_secrets.add(secret)
        if len(tried_secrets) == _MOST_SECRETS:
            raise self._badly_signed()
        return None

    def _badly_signed(self) -> InvalidSignature:
        self._meter.webhook("badly_signed")
        return InvalidSignature()

    async def _secret_of_any_account(self, body: bytes, signature: str) -> str:
        """The secret for a body that names no account here.

        If the body is small, all app secrets are tried. If not, a secret is tried only if it is the only one.
        """
        if len(body) <= _SMALL:
            accounts = await self._accounts.signers()
        else:
            only = await self._accounts.only_signer()
            accounts = () if only is None else (only,)
        secrets = {account.app_secret for account in accounts if account.app_secret is not None}
        for secret in secrets:
            if await _signs(secret, body, signature):
                return secret
        self._meter.webhook("badly_signed" if secrets else "unknown")
        _log.warning(
            "a webhook was refused: %s; set it with: wablock account set",
            "no app secret here has signed it" if secrets else "its account has no app secret here",
            extra={"names": [*number_ids(body), *entry_ids(body)]},  # not verified, so the log masks them as any text
        )
        raise InvalidSignature


async def _signs(secret: str, body: bytes, signature: str) -> bool:
    """Whether the secret signed `body`. A long body is hashed in another thread, so that the event loop stays free."""
    if len(body) < _LONG:
        return is_signed(secret, body, signature)
    return await asyncio.to_thread(is_signed, secret, body, signature)
