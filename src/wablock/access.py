"""Who may do what: access tokens, their scopes, and the business numbers that a token may touch. No I/O here."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, Protocol, TypeVar

import msgspec

from wablock.block_list.ports import BusinessNumber, Microseconds
from wablock.contract import errors

_T = TypeVar("_T")

_TRUSTED_FOR = 0.5  # seconds that a token or number may be answered from memory: a revocation holds within one second
_MOST_REMEMBERED = 10_000
_LONGEST_TOKEN = 1_024
_LONGEST_NUMBER_ID = 32


class Scope(StrEnum):
    """`read` lists and checks, `write` blocks and unblocks, `send` sends messages, `manage` sets tokens and routes."""

    READ = "read"
    WRITE = "write"
    SEND = "send"
    MANAGE = "manage"


ALL_SCOPES: Final = frozenset(Scope)


class AccessToken(msgspec.Struct, frozen=True):
    """What is known of a token; never the token itself. `phone_number_ids` None: every number of the account."""

    digest: bytes
    account_id: str
    label: str
    scopes: frozenset[Scope]
    phone_number_ids: frozenset[str] | None
    created_at: Microseconds
    expires_at: Microseconds | None = None
    revoked_at: Microseconds | None = None
    made_by: bytes | None = None
    """The digest of the token that made it; None: the operator, or not known."""

    @property
    def token_id(self) -> str:
        """How the token is named in lists and logs: enough of its digest to tell it from others."""
        return token_id_of(self.digest)

    def may_touch(self, number: BusinessNumber) -> bool:
        return number.account_id == self.account_id and (
            self.phone_number_ids is None or number.phone_number_id in self.phone_number_ids
        )

    def covers(self, other: "AccessToken") -> bool:
        """Whether `other` may do no more than this token, and for no longer."""
        numbers = self.phone_number_ids is None or (
            other.phone_number_ids is not None and other.phone_number_ids <= self.phone_number_ids
        )
        lasts = self.expires_at is None or (other.expires_at is not None and other.expires_at <= self.expires_at)
        return other.account_id == self.account_id and other.scopes <= self.scopes and numbers and lasts


class Directory(Protocol):
    """Where accounts, numbers and tokens are kept. Every method is one transaction, durable when it returns."""

    async def find_token(self, digest: bytes) -> AccessToken | None: ...

    async def find_number(self, phone_number_id: str) -> BusinessNumber | None: ...

    async def tokens(self, account_id: str | None = None) -> Sequence[AccessToken]:
        """All tokens, or an account's, oldest first; revoked ones too."""

    async def numbers(self) -> Sequence[BusinessNumber]:
        """All business numbers, by id."""

    async def add_token(self, token: AccessToken) -> bool:
        """False where the token exists already, or its maker was revoked; then nothing changed.

        Makes the account where there is none.
        """

    async def revoke_token(self, digest: bytes, at: Microseconds) -> bool:
        """False where there is no such token, or it was revoked before."""

    async def add_number(self, number: BusinessNumber, at: Microseconds) -> bool:
        """False where the number exists already; then nothing changed. Makes the account where there is none."""

    async def complete_number(self, number: BusinessNumber) -> BusinessNumber | None:
        """Set the `wa_id` and `country` of a number that its account has, each only where none is known yet.

        Returns the number as it is then; None where the account has no such number, and nothing changed.
        """

    async def remove_number(self, phone_number_id: str) -> bool:
        """Remove the number and its block list; False where there is no such number."""


def digest(token: str) -> bytes:
    """What is stored of a token. It is random and long, so one fast hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def token_id_of(digest: bytes) -> str:
    """See `AccessToken.token_id`."""
    return digest.hex()[:12]


def random_token() -> str:
    """A new token of 256 random bits. The prefix lets secret scanners find one that leaked."""
    return "wablock_" + secrets.token_urlsafe(32)


class Access:
    """Answers, for a token and a number, whether a request may go on."""

    def __init__(
        self,
        directory: Directory,
        clock: Callable[[], Microseconds],
        monotonic: Callable[[], float],
        made_on_demand_for: str | None = None,
    ) -> None:
        """`made_on_demand_for`: the account that every unknown numeric number id belongs to (a `dev` server's)."""
        self._directory = directory
        self._clock = clock
        self._monotonic = monotonic
        self._made_on_demand_for = made_on_demand_for
        self._tokens: dict[str, tuple[float, AccessToken]] = {}
        self._numbers: dict[str, tuple[float, BusinessNumber]] = {}

    async def token(self, text: str | None) -> AccessToken:
        """The good token that `text` is; raises the failure that the contract has for any other."""
        if not text:
            raise errors.MissingAccessToken
        now = self._monotonic()
        remembered = self._tokens.get(text)
        if remembered is not None and now - remembered[0] < _TRUSTED_FOR:
            token = remembered[1]
        else:
            found = await self._directory.find_token(digest(text)) if is_token(text) else None
            if found is None:
                raise errors.InvalidAccessToken
            token = found
            _remember(self._tokens, text, (now, token))
        if token.revoked_at is not None:
            raise errors.InvalidAccessToken
        if token.expires_at is not None and (today := self._clock()) >= token.expires_at:
            raise errors.ExpiredAccessToken(token.expires_at, today)
        return token

    async def number(self, token: AccessToken, phone_number_id: str, scope: Scope, method: str) -> BusinessNumber:
        """The number, where `token` may touch it with `scope`; raises the contract's failure otherwise."""
        number = await self.find_number(phone_number_id)
        if number is None:
            raise errors.UnknownObject(method, phone_number_id)
        if not token.may_touch(number):
            raise errors.UnknownObject(method, phone_number_id)
        require(token, scope)
        return number

    async def find_number(self, phone_number_id: str) -> BusinessNumber | None:
        """The number, whoever asks; None where there is none."""
        now = self._monotonic()
        remembered = self._numbers.get(phone_number_id)
        if remembered is not None and now - remembered[0] < _TRUSTED_FOR:
            return remembered[1]
        number = await self._ask_for_number(phone_number_id)
        if number is not None:
            _remember(self._numbers, phone_number_id, (now, number))
        return number

    async def learn_display_number(self, number: BusinessNumber, wa_id: str, country: str | None) -> None:
        """Keep the number's own `wa_id`, and the country by which it reads others, where they are not known yet.

        On return both are durable, and the next request sees them: here at once, in other processes within a second.
        """
        complete = msgspec.structs.replace(number, wa_id=number.wa_id or wa_id, country=number.country or country)
        if complete == number:
            return
        known = await self._directory.complete_number(complete)
        if known is not None:
            _remember(self._numbers, number.phone_number_id, (self._monotonic(), known))

    async def _ask_for_number(self, phone_number_id: str) -> BusinessNumber | None:
        if not is_number_id(phone_number_id):
            return None
        found = await self._directory.find_number(phone_number_id)
        if found is None and self._made_on_demand_for is not None:
            return BusinessNumber(phone_number_id, self._made_on_demand_for)
        return found

    async def grant(self, maker: AccessToken, token: AccessToken) -> AccessToken:
        """Add `token` as made by `maker`; raises `PermissionDenied` where it may do more than its maker."""
        require(maker, Scope.MANAGE)
        if not maker.covers(token):
            raise errors.PermissionDenied("A token can make only tokens that may do no more than itself")
        token = msgspec.structs.replace(token, made_by=maker.digest)
        if not await self._directory.add_token(token):
            known = await self._directory.find_token(maker.digest)
            if known is not None and known.revoked_at is not None:
                raise errors.InvalidAccessToken
            raise errors.InvalidParameter(details="This token exists already")
        return token

    async def tokens(self, asker: AccessToken) -> Sequence[AccessToken]:
        """The tokens that `asker` may see: those of its account that may do no more than itself."""
        require(asker, Scope.MANAGE)
        return [token for token in await self._directory.tokens(asker.account_id) if asker.covers(token)]

    async def revoke(self, asker: AccessToken, token_id: str) -> bool:
        """Revoke a token that `asker` may see; here at once, in every other process within a second."""
        token = await self._visible(asker, token_id)
        if token is None:
            return False
        revoked = await self._directory.revoke_token(token.digest, self._clock())
        self._tokens.clear()
        return revoked

    async def revoke_with_made(self, asker: AccessToken, token_id: str) -> Sequence[AccessToken]:
        """Like `revoke`, with every token that it made, also where it was revoked before; empty where there is none."""
        token = await self._visible(asker, token_id)
        if token is None:
            return ()
        revoked = await revoke_with_made(self._directory, token, self._clock())
        self._tokens.clear()
        return revoked

    async def _visible(self, asker: AccessToken, token_id: str) -> AccessToken | None:
        matching = [token for token in await self.tokens(asker) if token.token_id == token_id]
        return matching[0] if matching else None


async def revoke_with_made(directory: Directory, token: AccessToken, at: Microseconds) -> Sequence[AccessToken]:
    """Revoke `token` and the tokens that it made, and that those made; all of them, `token` first.

    A maker is revoked before its tokens are looked for, and makes no more: so none is missed. After a crash in between,
    the same call goes on.
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
        raise errors.PermissionDenied(f"The access token lacks the scope {scope}; make one that has it")


def is_token(text: str) -> bool:
    """Whether `text` can be a token: what an Authorization header can carry whole."""
    return 0 < len(text) <= _LONGEST_TOKEN and text.isascii() and text.isprintable() and " " not in text


def is_number_id(text: str) -> bool:
    """Whether `text` can be the id of a business number: digits, as Graph's."""
    return len(text) <= _LONGEST_NUMBER_ID and text.isascii() and text.isdigit()


def _remember(memory: dict[str, _T], key: str, value: _T) -> None:
    if len(memory) >= _MOST_REMEMBERED:
        memory.clear()
    memory[key] = value
