"""The search for the app secret that signed a webhook, before its body is parsed: strangers can also post to the gate.

The body names its account, but a body must not be parsed before its signature is verified. So the gate searches the
bytes for the first and last ids, and tries the secrets of their accounts, which may have several business accounts.
After parsing, this must be the secret of each business account that the body names.
"""

import asyncio
import hmac
import logging
from collections.abc import Iterable
from itertools import islice
from typing import Final

import msgspec

from wablock.block_list.ports import BusinessNumber
from wablock.failures import InvalidSignature
from wablock.gate.account_store import Account
from wablock.gate.ports import GateMeter, Numbers
from wablock.gate.routes.accounts import Accounts
from wablock.gate.webhook.named_ids import entry_ids, number_ids
from wablock.gate.webhook.signature import is_signed

_log = logging.getLogger("wablock.gate")

_MOST_SECRETS: Final = 4  # of the accounts that a body names
_MOST_OF_ALL: Final = 100  # of all accounts, for a body that names none
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

    def signs_for(self, account: Account, number: BusinessNumber | None, entry_id: str | None) -> bool:
        """Whether this is the secret for the business account that a change names."""
        if account is self.account and not account.business_secrets:
            return True
        secret = account.secret_for(entry_id, _waba_id_of(number))
        return secret is not None and hmac.compare_digest(secret.encode(), self.secret.encode())


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
            secret = await self._try(account, number, body, signature, tried_secrets)
            if secret is not None:
                return Signer(secret, account, number)
        for entry_id in entry_ids(body):
            account = await self._accounts.of_entry(entry_id)
            secret = await self._try(account, None, body, signature, tried_secrets)
            if secret is not None:
                return Signer(secret, account)
        if tried_secrets:
            raise self._badly_signed()
        return Signer(await self._secret_of_any_account(body, signature))

    async def _try(
        self,
        account: Account | None,
        number: BusinessNumber | None,
        body: bytes,
        signature: str,
        tried_secrets: set[str],
    ) -> str | None:
        """The secret of the account, or of one of its business accounts, if it has signed `body`."""
        for secret in () if account is None else _likely_first(account, number, body):
            if secret in tried_secrets:
                continue
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
        secrets = dict.fromkeys(secret for account in accounts for secret in account.secrets)
        for secret in islice(secrets, _MOST_OF_ALL):
            if await _signs(secret, body, signature):
                return secret
        self._meter.webhook("badly_signed" if secrets else "unknown")
        _log.warning(
            "a webhook was refused: %s; set it with: wablock account set",
            "no app secret here has signed it" if secrets else "its account has no app secret here",
            extra={"names": [*number_ids(body), *entry_ids(body)]},  # not verified, so the log masks them as any text
        )
        raise InvalidSignature


def _likely_first(account: Account, number: BusinessNumber | None, body: bytes) -> Iterable[str]:
    """The account's secrets. The first are those of the business accounts that the body seems to name."""
    if not account.business_secrets:
        return account.secrets
    likely = [account.secret_for(entry_id, _waba_id_of(number)) for entry_id in (*entry_ids(body), None)]
    return dict.fromkeys(secret for secret in (*likely, *account.secrets) if secret is not None)


def missing_secret(account: Account | None, number: BusinessNumber | None, entry_id: str | None) -> str | None:
    """Why no secret here is the one for a change, and what to do; None if there is one."""
    waba_id = _waba_id_of(number)
    if account is None or not account.secrets:
        return "its account has no app secret here; set it with: wablock account set"
    if account.secret_for(entry_id, waba_id) is not None:
        return None
    if waba_id is not None and entry_id in account.business_secrets and entry_id != waba_id:
        return "it names another business account than its number has: see wablock number list"
    return "its business account has no app secret here; set it with: wablock business-account set"


def _waba_id_of(number: BusinessNumber | None) -> str | None:
    return None if number is None else number.waba_id


async def _signs(secret: str, body: bytes, signature: str) -> bool:
    """Whether the secret signed `body`. A long body is hashed in another thread, so that the event loop stays free."""
    if len(body) < _LONG:
        return is_signed(secret, body, signature)
    return await asyncio.to_thread(is_signed, secret, body, signature)
