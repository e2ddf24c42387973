"""The app secret that signed a webhook, found before the body is parsed: strangers can post to the gate as well.

The body says which account it is of, but an unsigned body must not be parsed. So the first and last ids in its bytes
are read, and the secrets of their accounts are tried. After parsing, each account that the body names must have this
secret.
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
_SMALL: Final = 4_096  # bytes on which every secret is tried; samples of Meta's dashboard have up to 2,000


class SigningSecrets:
    """Tries up to four secrets on a body, and all of them on a small body that names no account here."""

    def __init__(self, accounts: Accounts, numbers: Numbers, meter: GateMeter) -> None:
        self._accounts = accounts
        self._numbers = numbers
        self._meter = meter

    async def secret_of(self, body: bytes, signature: str) -> str:
        """The app secret that signs exactly these bytes.

        Raises `InvalidSignature` where none does, and `CannotUnseal` where one that may cannot be read.
        """
        tried: set[str] = set()
        for find, named in self._named_by(body):
            account = await find(named)
            secret = None if account is None else account.app_secret
            if secret is None or secret in tried:
                continue
            if await _signs(secret, body, signature):
                return secret
            tried.add(secret)
            if len(tried) == _MOST_SECRETS:
                break
        if tried:
            self._meter.webhook("badly_signed")
            raise InvalidSignature
        return await self._secret_of_anybody(body, signature)

    def _named_by(self, body: bytes) -> Iterator[tuple[_Find, str]]:
        """The ids in the body, and what leads from each to an account; nearly always the first number's is right."""
        yield from ((self._account_of_number, phone_number_id) for phone_number_id in number_ids(body))
        yield from ((self._accounts.find, account_id) for account_id in entry_ids(body))

    async def _account_of_number(self, phone_number_id: str) -> Account | None:
        number = await self._numbers.find_number(phone_number_id)
        return None if number is None else await self._accounts.find(number.account_id)

    async def _secret_of_anybody(self, body: bytes, signature: str) -> str:
        """Of what names no account here: of any account where the body is small, else of the only one."""
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
            "the app secret of no account here signs it" if secrets else "its account has no app secret here",
            extra={"names": [*number_ids(body), *entry_ids(body)]},  # unproven, so they are masked as any text is
        )
        raise InvalidSignature


async def _signs(secret: str, body: bytes, signature: str) -> bool:
    """Beside the event loop where `body` is large, and in a thread of its own: hashing keeps no other from running."""
    if len(body) < LARGE:
        return is_signed(secret, body, signature)
    return await asyncio.to_thread(is_signed, secret, body, signature)
