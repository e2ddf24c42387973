"""What the gate needs of the world, and the values it speaks of: who signs, who receives, who sends on."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from wablock.block_list.ports import BusinessNumber, Microseconds
from wablock.gate.send_request.request import SendRequest


class Account(msgspec.Struct, frozen=True):
    """A tenant's side of the webhook: its app secret, where it has one."""

    account_id: str
    app_secret: str | None = None

    def __repr__(self) -> str:
        return f"Account({self.account_id!r})"  # never the secret: reprs end in logs


class Downstream(msgspec.Struct, frozen=True):
    """Where a number's webhooks go on to.

    `secret` None: signed with the account's app secret. `required`: the sender gets its 200 only once this receiver has
    said 2xx. `may_be_inside`: named by the operator, so its address may be a private one. `account_events`: whether it
    gets what is about the account as a whole; no token of a few numbers can give it that.
    """

    downstream_id: str
    phone_number_id: str
    url: str
    secret: str | None = None
    headers: Mapping[str, str] = {}
    timeout: float = 5.0
    required: bool = True
    may_be_inside: bool = False
    account_events: bool = False
    account_id: str = ""

    @property
    def receiver(self) -> object:
        """Equal for two that are one receiver, named for several numbers."""
        return self.url, self.secret, frozenset(self.headers.items()), self.required, self.may_be_inside

    def __repr__(self) -> str:
        return f"Downstream({self.downstream_id!r}, {self.url!r})"


class Upstream(msgspec.Struct, frozen=True):
    """The API that a number's own messages are sent through. `token` takes the place of the caller's."""

    phone_number_id: str
    url: str
    token: str
    timeout: float = 30.0
    may_be_inside: bool = False
    account_id: str = ""

    def __repr__(self) -> str:
        return f"Upstream({self.phone_number_id!r}, {self.url!r})"


class SealedAccount(msgspec.Struct, frozen=True):
    """As a store keeps it: `app_secret` sealed, `verify_token` as its SHA-256."""

    account_id: str
    app_secret: bytes | None = None
    verify_token_sha256: bytes | None = None


class SealedDownstream(msgspec.Struct, frozen=True):
    """As a store keeps it. `secret` and `headers` (a JSON object) are sealed.

    `set_by`: the digest of the token that set it; None: the operator, or not known.
    """

    downstream_id: str
    phone_number_id: str
    account_id: str
    url: str
    secret: bytes | None
    headers: bytes | None
    timeout_ms: int
    required: bool
    may_be_inside: bool
    created_at: Microseconds
    account_events: bool = False
    set_by: bytes | None = None


class SealedUpstream(msgspec.Struct, frozen=True):
    """As a store keeps it. `token` is sealed. `set_by`: see `SealedDownstream`."""

    phone_number_id: str
    account_id: str
    url: str
    token: bytes
    timeout_ms: int
    may_be_inside: bool
    created_at: Microseconds
    set_by: bytes | None = None


MOST_SET_BY_TOKENS: Final = 20
"""So many receivers of a number: each webhook goes to all of them. The operator sets as many as there are to be."""


class Numbers(Protocol):
    """The registered business numbers."""

    async def find_number(self, phone_number_id: str) -> BusinessNumber | None: ...


class AccountStore(Protocol):
    """Accounts and their secrets. See `RouteStore`."""

    async def find_account(self, account_id: str) -> SealedAccount | None: ...

    async def find_verifier(self, verify_token_sha256: bytes) -> SealedAccount | None:
        """The account that has this verify token; the first by id where several have."""

    async def signers(self, most: int) -> Sequence[SealedAccount]:
        """At most `most` accounts that have an app secret, by id."""

    async def set_account(self, account: SealedAccount, at: Microseconds) -> None:
        """Keep what `account` says; None leaves what is there. Makes the account where there is none."""


class DownstreamStore(Protocol):
    """The receivers of numbers. See `RouteStore`."""

    async def downstreams(self, phone_number_id: str) -> Sequence[SealedDownstream]:
        """The number's downstreams, oldest first."""

    async def account_downstreams(self, account_id: str) -> Sequence[SealedDownstream]:
        """Those of all numbers of the account, oldest first."""

    async def add_downstream(self, downstream: SealedDownstream) -> bool:
        """False where nothing changed: the number is not the account's, the token that set it is revoked, or tokens
        have set `MOST_SET_BY_TOKENS` others already.
        """

    async def remove_downstream(self, phone_number_id: str, downstream_id: str) -> bool:
        """False where there is no such downstream."""


class UpstreamStore(Protocol):
    """The upstreams of numbers. See `RouteStore`."""

    async def find_upstream(self, phone_number_id: str) -> SealedUpstream | None: ...

    async def account_upstreams(self, account_id: str) -> Sequence[SealedUpstream]:
        """Those of all numbers of the account, by number."""

    async def set_upstream(self, upstream: SealedUpstream) -> bool:
        """Keep `upstream` instead of what was there.

        False where the number is not the account's, or the token that set it is revoked; then nothing changed.
        """

    async def remove_upstream(self, phone_number_id: str) -> bool:
        """False where there is none."""


class RouteStore(AccountStore, DownstreamStore, UpstreamStore, Protocol):
    """All routes. Every method is one transaction, durable on return.

    Raises `BlocklistInternalError` if the database cannot do it.
    """


class Vault(Protocol):
    """Seals what must be usable and must not be readable in the database."""

    def seal(self, text: str, context: str) -> bytes:
        """`text`, readable again only with the key and the same `context`, which says where it belongs."""

    def open(self, sealed: bytes, context: str) -> str:
        """What was sealed; raises `CannotUnseal` where the key or the context is another."""


class CannotUnseal(Exception):
    """A secret in the database was sealed with a key that this server does not have."""


class DeliveryRefused(Exception):
    """A downstream did not take a delivery: its answer was not 2xx, or there was none in time.

    `status`: what it answered, None for no answer. The message says it in one line, without secrets.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Forwarder(Protocol):
    """Hands deliveries to downstreams, over connections that are kept open."""

    async def post(self, downstream: Downstream, body: bytes, headers: Mapping[str, str]) -> None:
        """Returns once the downstream answered 2xx. Raises `DeliveryRefused` for anything else, at the latest when its
        `timeout` expires. The time of waiting for a free connection counts. Never follows a redirect.
        """

    async def close(self) -> None: ...


class UpstreamAnswer(Protocol):
    """What an upstream answered, as it comes. `aclose` is to be called whatever happens; it may be called twice."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]: ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body's bytes as they come, still encoded as `headers` say; raises `UpstreamFailed` if they break off."""

    async def aclose(self) -> None: ...


class UpstreamFailed(Exception):
    """No answer, or not all of it. What was sent may have arrived all the same. The message is one line, no secrets."""

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class Sender(Protocol):
    """Passes requests on to upstreams, over connections that are kept open."""

    async def pass_on(
        self,
        upstream: Upstream,
        method: str,
        path: str,
        request: SendRequest,
        headers: Iterable[tuple[bytes, bytes]],
    ) -> UpstreamAnswer:
        """The upstream's answer, once its headers are there; raises `UpstreamFailed`. Nothing is sent twice.

        `path` and `request` are as `send_request` makes them ready, `headers` as the caller sent them.
        """

    async def close(self) -> None: ...


class PublicAddresses(Protocol):
    """The addresses that a caller may name for wablock to call: none inside the operator's network."""

    async def check(self, url: str, account_id: str) -> None:
        """Raises `InvalidParameter` if `url` is no public address. `account_id`: the account of the caller."""


class GateMeter(Protocol):
    """What can be seen of the gate."""

    def webhook(self, result: str) -> None:
        """A webhook ended as `result`: forwarded, dropped (nothing was left), tested (Meta's sample), or why it
        was refused.
        """

    def items(self, kind: str, verdict: str, times: int) -> None:
        """So many messages or calls were forwarded or dropped."""

    def delivery(self, *, required: bool, result: str) -> None:
        """A downstream took its part, refused it, or was not asked because too much is waiting."""

    def sent(self, result: str) -> None:
        """A request to an upstream was passed_on, blocked, refused as unreadable, or failed there."""

    def unchecked(self) -> None:
        """A webhook went on although the block list could not be asked."""
