"""The search for the app secret that signed a webhook, before its body is parsed: strangers can also post to the gate.

The body names its account, but a body must not be parsed before its signature is verified. So the gate searches the
bytes for the first and last ids, and tries the secrets of their accounts. After parsing, each account that the body
names must have this secret.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeAlias

from wablock.failures import InvalidSignature
from wablock.gate.large_bodies import LARGE
from wablock.gate.ports import Account, GateMeter, Numbers
from wablock.gate.routes.accounts import Accounts
from wablock.gate.webhook.named_ids import entry_ids, number_ids
from wablock.gate.webhook.signature import is_signed

_log = logging.getLogger("wablock.gate")

_Find: TypeAlias = Callable[[str], Awaitable[Account | None]]

_MOST_SECRETS: Final = 4  # of the accounts that a body names
_SMALL: Final = 4_096  # bytes; every secret is tried on a smaller body. Samples of Meta's dashboard have up to 2,000


class SigningSecrets:
    """Tries up to four secrets on a body. If a small body names no account here, it tries all secrets."""

    def __init__(self, accounts: Accounts, numbers: Numbers, meter: GateMeter) -> None:
        self._accounts = accounts
        self._numbers = numbers
        self._meter = meter

    async def secret_of(self, body: bytes, signature: str) -> str:
        """The app secret that signs exactly these bytes.

        Raises `InvalidSignature` if there is none, and `CannotUnseal` if a secret that has to be tried cannot be read.
        """
        tried_secrets: set[str] = set()
        for find, id_in_body in self._ids_in(body):
            account = await find(id_in_body)
            secret = None if account is None else account.app_secret
            if secret is None or secret in tried_secrets:
                continue
            if await _signs(secret, body, signature):
                return secret
            tried_secrets.add(secret)
            if len(tried_secrets) == _MOST_SECRETS:
                break
        if tried_secrets:
            self._meter.webhook("badly_signed")
            raise InvalidSignature
        return await self._secret_of_any_account(body, signature)

    def _ids_in(self, body: bytes) -> Iterator[tuple[_Find, str]]:
        """The ids in the body, each with the function that finds its account. Nearly always the first id is right."""
        yield from ((self._account_of_number, phone_number_id) for phone_number_id in number_ids(body))
        yield from ((self._accounts.find, account_id) for account_id in entry_ids(body))

    async def _account_of_number(self, phone_number_id: str) -> Account | None:
        number = await self._numbers.find_number(phone_number_id)
        return None if number is None else await self._accounts.find(number.account_id)

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
    """Whether the secret signed `body`. A large body is hashed in another thread, so that the event loop stays free."""
    if len(body) < LARGE:
        return is_signed(secret, body, signature)
    return await asyncio.to_thread(is_signed, secret, body, signature)
