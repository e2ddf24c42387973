"""Access control: access tokens, their scopes, and the business numbers that a token covers. No I/O here."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, Protocol, TypeVar

import msgspec

from wablock.block_list.ports import BusinessNumber, Microseconds
from wablock.business_numbers import NumberChanges
from wablock.contract import errors

_T = TypeVar("_T")

_TRUSTED_FOR = 0.5  # seconds that a token or number is cached: a revocation takes effect within one second
_MOST_REMEMBERED = 10_000
_LONGEST_TOKEN = 1_024
_LONGEST_NUMBER_ID = 32


class Scope(StrEnum):
    """A permission: `read` to list and check, `write` to block and unblock, `send` to send messages, `manage` to change
    tokens and routes.
    """

    READ = "read"
    WRITE = "write"
    SEND = "send"
    MANAGE = "manage"


ALL_SCOPES: Final = frozenset(Scope)


class AccessToken(msgspec.Struct, frozen=True):
    """The record of a token, without the token itself. `phone_number_ids` is None for every number of the account."""

    digest: bytes
    account_id: str
    label: str
    scopes: frozenset[Scope]
    phone_number_ids: frozenset[str] | None
    created_at: Microseconds
    expires_at: Microseconds | None = None
    revoked_at: Microseconds | None = None
    made_by: bytes | None = None
    """The digest of the token that created this one; None if the operator created it, or if it is not known."""

    @property
    def token_id(self) -> str:
        """The token's name in lists and logs: a part of its digest, long enough to be unique."""
        return token_id_of(self.digest)

    def may_touch(self, number: BusinessNumber) -> bool:
        return number.account_id == self.account_id and (
            self.phone_number_ids is None or number.phone_number_id in self.phone_number_ids
        )

    def covers(self, other: "AccessToken") -> bool:
        """Whether this token has all permissions of `other`, and does not expire before it."""
        covers_numbers = self.phone_number_ids is None or (
            other.phone_number_ids is not None and other.phone_number_ids <= self.phone_number_ids
        )
        outlives = self.expires_at is None or (other.expires_at is not None and other.expires_at <= self.expires_at)
        return other.account_id == self.account_id and other.scopes <= self.scopes and covers_numbers and outlives


class Directory(Protocol):
    """The port to stored accounts, numbers and tokens. Every method is one transaction, durable when it returns."""

    async def find_token(self, digest: bytes) -> AccessToken | None: ...

    async def find_number(self, phone_number_id: str) -> BusinessNumber | None: ...

    async def tokens(self, account_id: str | None = None) -> Sequence[AccessToken]:
        """All tokens, or one account's tokens, oldest first, with the revoked ones."""

    async def numbers(self, account_id: str | None = None) -> Sequence[BusinessNumber]:
        """All business numbers, or one account's, ordered by id."""

    async def add_token(self, token: AccessToken) -> bool:
        """Add a token, and its account if that does not exist.

        Returns False and changes nothing if the token exists already, or if the token that created it was revoked.
        """

    async def revoke_token(self, digest: bytes, at: Microseconds) -> bool:
        """Revoke a token. Returns False if it does not exist, or was revoked before."""

    async def add_number(self, number: BusinessNumber, at: Microseconds) -> bool:
        """Add a number, and its account if that does not exist. Returns False and changes nothing if it exists.

        Raises `NumberNameTaken`, and changes nothing, if another number of the account has its name.
        """

    async def complete_number(self, number: BusinessNumber) -> BusinessNumber | None:
        """Set the `wa_id` and `country` of an account's number. A value that is already known does not change.

        Returns the stored number. If the account does not have the number, returns None and changes nothing.
        """

    async def change_number(self, number: BusinessNumber, changes: NumberChanges) -> BusinessNumber | None:
        """Change an account's number, and return it; None if the account does not have it. See `add_number`."""

    async def remove_number(self, phone_number_id: str) -> bool:
        """Remove the number and its block list. Returns False if the number does not exist."""


def digest(token: str) -> bytes:
    """The stored hash of a token. A token is long and random, so one fast hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def token_id_of(digest: bytes) -> str:
    """See `AccessToken.token_id`."""
    return digest.hex()[:12]


def random_token() -> str:
    """A new token of 256 random bits. The prefix lets secret scanners find one that leaked."""
    return "wablock_" + secrets.token_urlsafe(32)


class Access:
    """Decides whether a token permits a request for a number."""

    def __init__(
        self,
        directory: Directory,
        clock: Callable[[], Microseconds],
        monotonic: Callable[[], float],
        account_of_new_numbers: str | None = None,
    ) -> None:
        """`account_of_new_numbers`: on a `dev` server, the account of all number ids that are not stored."""
        self._directory = directory
        self._clock = clock
        self._monotonic = monotonic
        self._account_of_new_numbers = account_of_new_numbers
        self._tokens: dict[str, tuple[float, AccessToken]] = {}
        self._numbers: dict[str, tuple[float, BusinessNumber]] = {}

    async def token(self, text: str | None) -> AccessToken:
        """The token `text`, if it is valid; raises the contract's error otherwise."""
        if not text:
            raise errors.MissingAccessToken
        now = self._monotonic()
        cache_entry = self._tokens.get(text)
        if cache_entry is not None and now - cache_entry[0] < _TRUSTED_FOR:
            token = cache_entry[1]
        else:
            stored = await self._directory.find_token(digest(text)) if is_token(text) else None
            if stored is None:
                raise errors.InvalidAccessToken
            token = stored
            _remember(self._tokens, text, (now, token))
        if token.revoked_at is not None:
            raise errors.InvalidAccessToken
        if token.expires_at is not None and (today := self._clock()) >= token.expires_at:
            raise errors.ExpiredAccessToken(token.expires_at, today)
        return token

    async def number(self, token: AccessToken, phone_number_id: str, scope: Scope, method: str) -> BusinessNumber:
        """The number, if `token` covers it and has `scope`; raises the contract's error otherwise."""
        number = await self.find_number(phone_number_id)
        if number is None or not token.may_touch(number):
            raise errors.UnknownObject(method, phone_number_id)
        require(token, scope)
        return number

    async def find_number(self, phone_number_id: str) -> BusinessNumber | None:
        """The number, without any check of permissions; None if it does not exist."""
        now = self._monotonic()
        cache_entry = self._numbers.get(phone_number_id)
        if cache_entry is not None and now - cache_entry[0] < _TRUSTED_FOR:
            return cache_entry[1]
        number = await self._read_number(phone_number_id)
        if number is not None:
            _remember(self._numbers, phone_number_id, (now, number))
        return number

    def forget_number(self, phone_number_id: str) -> None:
        """Read the number again at its next use, because it was changed."""
        self._numbers.pop(phone_number_id, None)

    async def learn_display_number(self, number: BusinessNumber, wa_id: str, country: str | None) -> None:
        """Store the number's own `wa_id`, and the country for reading national numbers, if they are not known yet.

        On return both are durable. This process uses them immediately, other processes within a second.
        """
        complete = msgspec.structs.replace(number, wa_id=number.wa_id or wa_id, country=number.country or country)
        if complete == number:
            return
        known = await self._directory.complete_number(complete)
        if known is not None:
            _remember(self._numbers, number.phone_number_id, (self._monotonic(), known))

    async def _read_number(self, phone_number_id: str) -> BusinessNumber | None:
        if not is_number_id(phone_number_id):
            return None
        number = await self._directory.find_number(phone_number_id)
        if number is None and self._account_of_new_numbers is not None:
            return BusinessNumber(phone_number_id, self._account_of_new_numbers)
        return number

    async def grant(self, maker: AccessToken, token: AccessToken) -> AccessToken:
        """Add `token`, created by `maker`. Raises `PermissionDenied` if it has a permission that its maker lacks."""
        require(maker, Scope.MANAGE)
        if not maker.covers(token):
            raise errors.PermissionDenied("A token cannot create a token with more permissions than its own.")
        token = msgspec.structs.replace(token, made_by=maker.digest)
        if not await self._directory.add_token(token):
            stored = await self._directory.find_token(maker.digest)
            if stored is not None and stored.revoked_at is not None:
                raise errors.InvalidAccessToken
            raise errors.InvalidParameter(details="This token exists already.")
        return token

    async def tokens(self, caller: AccessToken) -> Sequence[AccessToken]:
        """The tokens that `caller` may see: the tokens of its account that it covers."""
        require(caller, Scope.MANAGE)
        return [token for token in await self._directory.tokens(caller.account_id) if caller.covers(token)]

    async def revoke(self, caller: AccessToken, token_id: str) -> bool:
        """Revoke a token that `caller` may see: immediately in this process, within a second in all others.

        Returns False if there is no such token, or if it was revoked before.
        """
        token = await self._visible(caller, token_id)
        if token is None:
            return False
        revoked = await self._directory.revoke_token(token.digest, self._clock())
        self._tokens.clear()
        return revoked

    async def revoke_with_made(self, caller: AccessToken, token_id: str) -> Sequence[AccessToken]:
        """Revoke a token and all tokens that it created, even if it was revoked before.

        Returns the revoked tokens; none if `caller` may see no such token.
        """
        token = await self._visible(caller, token_id)
        if token is None:
            return ()
        revoked = await revoke_with_made(self._directory, token, self._clock())
        self._tokens.clear()
        return revoked

    async def _visible(self, caller: AccessToken, token_id: str) -> AccessToken | None:
        matching = [token for token in await self.tokens(caller) if token.token_id == token_id]
        return matching[0] if matching else None


async def revoke_with_made(directory: Directory, token: AccessToken, at: Microseconds) -> Sequence[AccessToken]:
    """Revoke `token`, all tokens that it created, all that those created, and so on. Returns them, `token` first.

    Each token is revoked before its created tokens are read. A revoked token cannot create more, so none is missed.
    After a crash, repeat the call: it revokes the remaining tokens.
    """
    family = {token.digest: token}
    await directory.revoke_token(token.digest, at)
    while made := [
        it for it in await directory.tokens(token.account_id) if it.made_by in family and it.digest not in family
    ]:
        for it in made:
            await directory.revoke_token(it.digest, at)
            family[it.digest] = it
    return list(family.values())


def require(token: AccessToken, scope: Scope) -> None:
    if scope not in token.scopes:
        raise errors.PermissionDenied(f"The access token lacks the scope {scope}. Create one that has it.")


def is_token(text: str) -> bool:
    """Whether `text` can be a token: it must fit into an Authorization header unchanged."""
    return 0 < len(text) <= _LONGEST_TOKEN and text.isascii() and text.isprintable() and " " not in text


def is_number_id(text: str) -> bool:
    """Whether `text` can be the id of a business number. Graph's ids have only digits."""
    return len(text) <= _LONGEST_NUMBER_ID and text.isascii() and text.isdigit()


def _remember(memory: dict[str, _T], key: str, value: _T) -> None:
    if len(memory) >= _MOST_REMEMBERED:
        memory.clear()
    memory[key] = value
