"""The ports of the gate, and their values: receivers of webhooks, upstreams for messages, secrets, the outside."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

import msgspec

from wablock.block_list.ports import BusinessNumber, Microseconds
from wablock.gate.account_store import AccountStore
from wablock.gate.send_request.request import SendRequest


class Downstream(msgspec.Struct, frozen=True):
    """A receiver of a number's webhooks.

    `secret` None: webhooks keep the app secret that signed them. `required`: the sender gets 200 only after this
    receiver has returned 2xx. `may_be_inside`: the operator set it, so its address may be private. `account_events`:
    whether it gets webhooks about the account as a whole. A token for single numbers cannot set this.
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
        """A key that is equal for downstreams of several numbers if they are the same receiver."""
        return self.url, self.secret, frozenset(self.headers.items()), self.required, self.may_be_inside

    @property
    def in_log(self) -> dict[str, str]:
        """Its ids, for a record of the log."""
        return {"phone_number_id": self.phone_number_id, "downstream_id": self.downstream_id}

    def __repr__(self) -> str:
        return f"Downstream({self.downstream_id!r}, {self.url!r})"


MayReceive: TypeAlias = Callable[[Downstream], Awaitable[bool]]
"""Whether a receiver may get a webhook."""


class Upstream(msgspec.Struct, frozen=True):
    """The API that a number's messages are sent to. `token` replaces the caller's token."""

    phone_number_id: str
    url: str
    token: str
    timeout: float = 30.0
    may_be_inside: bool = False
    account_id: str = ""

    def __repr__(self) -> str:
        return f"Upstream({self.phone_number_id!r}, {self.url!r})"


class SealedDownstream(msgspec.Struct, frozen=True):
    """A downstream in a store. `secret` and `headers` (a JSON object) are sealed.

    `set_by`: the digest of the token that set it; None: the operator set it, or the token is not known.
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
    """An upstream in a store. `token` is sealed. `set_by`: see `SealedDownstream`."""

    phone_number_id: str
    account_id: str
    url: str
    token: bytes
    timeout_ms: int
    may_be_inside: bool
    created_at: Microseconds
    set_by: bytes | None = None


MOST_SET_BY_TOKENS: Final = 20
"""The limit for receivers of one number that tokens set, because each webhook goes to all of them. It does not limit
the operator.
"""


class Numbers(Protocol):
    """The registered business numbers."""

    async def find_number(self, phone_number_id: str) -> BusinessNumber | None: ...


class DownstreamStore(Protocol):
    """The receivers of numbers. See `RouteStore`."""

    async def downstreams(self, phone_number_id: str) -> Sequence[SealedDownstream]:
        """The number's downstreams, oldest first."""

    async def account_downstreams(self, account_id: str) -> Sequence[SealedDownstream]:
        """The downstreams of all numbers of the account, oldest first."""

    async def add_downstream(self, downstream: SealedDownstream) -> bool:
        """Returns False, and changes nothing, if the number is not the account's, if the token that set the downstream
        is revoked, or if tokens have already set `MOST_SET_BY_TOKENS` others.
        """

    async def remove_downstream(self, phone_number_id: str, downstream_id: str) -> bool:
        """Returns False if there is no such downstream."""


class UpstreamStore(Protocol):
    """The upstreams of numbers. See `RouteStore`."""

    async def find_upstream(self, phone_number_id: str) -> SealedUpstream | None: ...

    async def account_upstreams(self, account_id: str) -> Sequence[SealedUpstream]:
        """The upstreams of all numbers of the account, by number."""

    async def set_upstream(self, upstream: SealedUpstream) -> bool:
        """Replace the number's upstream.

        Returns False, and changes nothing, if the number is not the account's or the token that set it is revoked.
        """

    async def remove_upstream(self, phone_number_id: str) -> bool:
        """Returns False if the number has no upstream."""


class RouteStore(AccountStore, DownstreamStore, UpstreamStore, Protocol):
    """All routes. Every method is one transaction, durable on return.

    Every method raises `BlocklistInternalError` if the database fails.
    """


class Vault(Protocol):
    """Encrypts secrets that wablock has to use, so that they cannot be read in the database."""

    def seal(self, text: str, context: str) -> bytes:
        """Seal `text`. It can be opened only with the same key and the same `context`, which names its place."""

    def open(self, sealed: bytes, context: str) -> str:
        """The text that was sealed. Raises `CannotUnseal` if the key or the context is different."""


class CannotUnseal(Exception):
    """A secret in the database was sealed with a key that this server does not have."""


class DeliveryRefused(Exception):
    """A downstream did not accept a delivery: its response was not 2xx, or did not come in time.

    `status`: the status of its response; None if there was none. The message is one line, without secrets.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Forwarder(Protocol):
    """Sends webhooks to downstreams, over connections that are kept open."""

    async def post(self, downstream: Downstream, body: bytes, headers: Mapping[str, str]) -> None:
        """Returns once the downstream has returned 2xx. Raises `DeliveryRefused` for any other status, and when its
        `timeout` expires. The timeout includes the wait for a free connection. Redirects are not followed.
        """

    async def close(self) -> None: ...


class UpstreamAnswer(Protocol):
    """The response of an upstream, as a stream. The caller must always call `aclose`; a second call does nothing."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]: ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body's bytes as they arrive, encoded as `headers` say. Raises `UpstreamFailed` if they break off."""

    async def aclose(self) -> None: ...


class UpstreamFailed(Exception):
    """There was no response, or only a part of it. The request may still have arrived.

    The message is one line, without secrets.
    """

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class Sender(Protocol):
    """Passes requests on to upstreams, over connections that are kept open."""

    async def pass_on(
        self, upstream: Upstream, method: str, path: str, request: SendRequest, headers: Iterable[tuple[bytes, bytes]]
    ) -> UpstreamAnswer:
        """The upstream's response, once its headers have arrived. Raises `UpstreamFailed`. Nothing is sent twice.

        `path` and `request` come from `send_request`; `headers` come from the caller.
        """

    async def close(self) -> None: ...


class PublicAddresses(Protocol):
    """The URLs that a caller may set for wablock to send requests to: none inside the operator's network."""

    async def check(self, url: str, account_id: str) -> None:
        """Raises `InvalidParameter` if `url` has no public address. `account_id`: the account of the caller."""


class GateMeter(Protocol):
    def webhook(self, result: str) -> None:
        """Count a webhook by its result: forwarded, dropped (nothing was left), tested (Meta's sample), or the reason
        why it was refused.
        """

    def items(self, kind: str, verdict: str, times: int) -> None:
        """Count messages or calls that were forwarded or dropped."""

    def delivery(self, *, required: bool, result: str) -> None:
        """Count a delivery: the downstream took it, refused it, or did not get it because too many are in flight."""

    def sent(self, result: str) -> None:
        """Count a request to an upstream: passed_on, blocked, unreadable (so it was refused), or failed."""

    def unchecked(self) -> None:
        """Count a webhook that was forwarded although the block list could not be read."""
