"""Who signs, who receives, who sends on: the store's routes with their secrets opened, and how they are set."""

import contextlib
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from wablock.block_list.ports import Microseconds
from wablock.gate.ports import (
    Account,
    CannotUnseal,
    Downstream,
    RouteStore,
    SealedAccount,
    SealedDownstream,
    SealedUpstream,
    Upstream,
    Vault,
)
from wablock.gate.sealed_place import SealedPlace, downstream_place, downstream_place_of, token_place

_T = TypeVar("_T")

META: Final = "https://graph.facebook.com"

_TRUSTED_FOR: Final = 0.5  # seconds that a route may be answered from memory: a change holds within one second
_MOST_REMEMBERED: Final = 10_000
_MOST_SIGNERS: Final = 100  # each is tried on a body that may not be signed
_ALL: Final = 2**31
_UNREADABLE: Final = "?"  # no header has this name


class NewDownstream(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver to add; see `Downstream`."""

    url: str
    secret: str | None = None
    headers: Mapping[str, str] = {}
    timeout: float = 5.0
    required: bool = True
    may_be_inside: bool = False
    account_events: bool = False
    set_by: bytes | None = None

    def __repr__(self) -> str:
        return f"NewDownstream({self.url!r})"  # never the secret: reprs end in logs


class DownstreamInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What may be told of a receiver: that it has a secret, not which.

    `header_names` is only "?" where this server has not the key to read them.
    """

    downstream_id: str
    url: str
    has_secret: bool
    header_names: list[str]
    timeout: float
    required: bool
    may_be_inside: bool
    account_events: bool
    created_at: Microseconds


class UpstreamInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What may be told of an upstream: its token is not."""

    url: str
    timeout: float
    may_be_inside: bool
    created_at: Microseconds


class RemovedRoutes(msgspec.Struct, frozen=True):
    """By their ids the downstreams, by their numbers' ids the upstreams."""

    downstream_ids: Sequence[str] = ()
    upstreams_of: Sequence[str] = ()


class Routes:
    """The routes of all accounts and numbers. Raises `CannotUnseal` where a secret's key is not this one's."""

    def __init__(
        self, store: RouteStore, vault: Vault, clock: Callable[[], Microseconds], monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._monotonic = monotonic
        # Forgotten by putting a new dictionary there: an answer that is under way meanwhile then ends in the old one.
        self._accounts: dict[str, tuple[float, Account]] = {}
        self._only_signer: dict[str, tuple[float, Account]] = {}
        self._signers: dict[str, tuple[float, Sequence[Account]]] = {}
        self._downstreams: dict[str, tuple[float, Sequence[Downstream]]] = {}
        self._account_downstreams: dict[str, tuple[float, Sequence[Downstream]]] = {}
        self._upstreams: dict[str, tuple[float, Upstream]] = {}

    # -- read

    async def account(self, account_id: str) -> Account | None:
        return await self._remembered(self._accounts, account_id, self._ask_for_account)

    async def only_signer(self) -> Account | None:
        """The account that has an app secret, where there is exactly one."""
        return await self._remembered(self._only_signer, "", self._ask_for_signer)

    async def signers(self) -> Sequence[Account]:
        """The accounts that have an app secret, the first 100 by id."""
        return await self._remembered(self._signers, "", self._ask_for_signers) or ()

    async def verifies(self, verify_token: str) -> bool:
        """Whether some account has this verify token. Only hashes are compared, so time tells nothing about it."""
        return bool(verify_token) and await self._store.find_verifier(_sha256(verify_token)) is not None

    async def downstreams(self, phone_number_id: str) -> Sequence[Downstream]:
        return await self._remembered(self._downstreams, phone_number_id, self._ask_for_downstreams) or ()

    async def account_downstreams(self, account_id: str) -> Sequence[Downstream]:
        """Those of all its numbers that get the account's own events, once for each distinct receiver."""
        return _distinct(it for it in await self._all_of(account_id) if it.account_events)

    async def receivers(self, account_id: str) -> Sequence[Downstream]:
        """Those of all its numbers, once for each distinct receiver."""
        return _distinct(await self._all_of(account_id))

    async def upstream(self, phone_number_id: str) -> Upstream | None:
        return await self._remembered(self._upstreams, phone_number_id, self._ask_for_upstream)

    async def listed(self, phone_number_id: str) -> Sequence[DownstreamInfo]:
        """The number's downstreams, as they may be told."""
        return [self._info(sealed) for sealed in await self._store.downstreams(phone_number_id)]

    async def listed_upstream(self, phone_number_id: str) -> UpstreamInfo | None:
        """The number's upstream, as it may be told."""
        sealed = await self._store.find_upstream(phone_number_id)
        if sealed is None:
            return None
        return UpstreamInfo(
            url=sealed.url,
            timeout=sealed.timeout_ms / 1_000,
            may_be_inside=sealed.may_be_inside,
            created_at=sealed.created_at,
        )

    async def has_app_secret(self, app_secret: str) -> str | None:
        """The id of an account that has this app secret. Those that cannot be unsealed here are passed over."""
        for sealed in await self._store.signers(_ALL):
            with contextlib.suppress(CannotUnseal):
                if self._account(sealed).app_secret == app_secret:
                    return sealed.account_id
        return None

    async def has_verify_token(self, verify_token: str) -> str | None:
        """The id of an account that has this verify token."""
        account = await self._store.find_verifier(_sha256(verify_token))
        return None if account is None else account.account_id

    # -- change

    async def set_account(self, account_id: str, app_secret: str | None, verify_token: str | None) -> None:
        """Keep what is said; None leaves what is there."""
        sealed = None if app_secret is None else self._vault.seal(app_secret, _app_secret_of(account_id))
        verifier = None if verify_token is None else _sha256(verify_token)
        await self._store.set_account(SealedAccount(account_id, sealed, verifier), self._clock())
        self._accounts, self._only_signer, self._signers = {}, {}, {}

    async def add_downstream(
        self, account_id: str, phone_number_id: str, new: NewDownstream
    ) -> SealedDownstream | None:
        """None where the number does not exist or is another account's."""
        downstream_id = secrets.token_hex(4)
        place = downstream_place(account_id, phone_number_id, downstream_id, new.url)
        headers = msgspec.json.encode(dict(new.headers)).decode()
        sealed = SealedDownstream(
            downstream_id,
            phone_number_id,
            account_id,
            new.url,
            None if new.secret is None else self._vault.seal(new.secret, place.bound("secret")),
            self._vault.seal(headers, place.bound("headers")) if new.headers else None,
            round(new.timeout * 1_000),
            new.required,
            new.may_be_inside,
            self._clock(),
            new.account_events,
            new.set_by,
        )
        added = await self._store.add_downstream(sealed)
        self._forget_downstreams()
        return sealed if added else None

    async def remove_downstream(self, phone_number_id: str, downstream_id: str) -> bool:
        removed = await self._store.remove_downstream(phone_number_id, downstream_id)
        self._forget_downstreams()
        return removed

    async def remove_set_by(self, account_id: str, makers: Collection[bytes]) -> RemovedRoutes:
        """Remove the account's receivers and upstreams that one of these tokens set."""
        downstreams = [
            sealed.downstream_id
            for sealed in await self._store.account_downstreams(account_id)
            if sealed.set_by in makers
            and await self._store.remove_downstream(sealed.phone_number_id, sealed.downstream_id)
        ]
        self._forget_downstreams()
        upstreams = [
            sealed.phone_number_id
            for sealed in await self._store.account_upstreams(account_id)
            if sealed.set_by in makers and await self.remove_upstream(sealed.phone_number_id)
        ]
        return RemovedRoutes(downstreams, upstreams)

    async def set_upstream(
        self, account_id: str, upstream: Upstream, set_by: bytes | None = None
    ) -> Microseconds | None:
        """Keep `upstream` instead of what was there, since when; None where the number is not the account's.

        `set_by`: the digest of the token that sets it; None for the operator.
        """
        place = token_place(account_id, upstream.phone_number_id, upstream.url)
        sealed = SealedUpstream(
            upstream.phone_number_id,
            account_id,
            upstream.url,
            self._vault.seal(upstream.token, place.bound("token")),
            round(upstream.timeout * 1_000),
            upstream.may_be_inside,
            self._clock(),
            set_by,
        )
        kept = await self._store.set_upstream(sealed)
        self._upstreams = {}
        return sealed.created_at if kept else None

    async def remove_upstream(self, phone_number_id: str) -> bool:
        removed = await self._store.remove_upstream(phone_number_id)
        self._upstreams = {}
        return removed

    # -- ask the store

    async def _remembered(
        self, memory: dict[str, tuple[float, _T]], key: str, ask: Callable[[str], Awaitable[_T | None]]
    ) -> _T | None:
        """None is not remembered: a webhook can name any account before its signature is looked at."""
        now = self._monotonic()
        remembered = memory.get(key)
        if remembered is not None and now - remembered[0] < _TRUSTED_FOR:
            return remembered[1]
        found = await ask(key)
        if found is not None:
            if len(memory) >= _MOST_REMEMBERED:
                memory.clear()
            memory[key] = now, found
        return found

    async def _ask_for_account(self, account_id: str) -> Account | None:
        sealed = await self._store.find_account(account_id)
        return None if sealed is None else self._account(sealed)

    async def _ask_for_signer(self, _: str) -> Account | None:
        signers = await self._store.signers(2)  # enough to know whether there is only one
        return self._account(signers[0]) if len(signers) == 1 else None

    async def _ask_for_signers(self, _: str) -> Sequence[Account]:
        """One whose secret has lost its key hides no other."""
        accounts: list[Account] = []
        lost: CannotUnseal | None = None
        for sealed in await self._store.signers(_MOST_SIGNERS):
            try:
                accounts.append(self._account(sealed))
            except CannotUnseal as trouble:
                lost = trouble
        if lost is not None and not accounts:
            raise lost
        return accounts

    async def _ask_for_downstreams(self, phone_number_id: str) -> Sequence[Downstream]:
        return [self._opened(sealed) for sealed in await self._store.downstreams(phone_number_id)]

    async def _all_of(self, account_id: str) -> Sequence[Downstream]:
        return await self._remembered(self._account_downstreams, account_id, self._ask_for_account_downstreams) or ()

    async def _ask_for_account_downstreams(self, account_id: str) -> Sequence[Downstream]:
        return [self._opened(sealed) for sealed in await self._store.account_downstreams(account_id)]

    async def _ask_for_upstream(self, phone_number_id: str) -> Upstream | None:
        sealed = await self._store.find_upstream(phone_number_id)
        if sealed is None:
            return None
        token = self._open(sealed.token, token_place(sealed.account_id, phone_number_id, sealed.url), "token")
        return Upstream(
            phone_number_id, sealed.url, token, sealed.timeout_ms / 1_000, sealed.may_be_inside, sealed.account_id
        )

    def _account(self, sealed: SealedAccount) -> Account:
        if sealed.app_secret is None:
            return Account(sealed.account_id)
        return Account(sealed.account_id, self._vault.open(sealed.app_secret, _app_secret_of(sealed.account_id)))

    def _opened(self, sealed: SealedDownstream) -> Downstream:
        place = downstream_place_of(sealed)
        return Downstream(
            sealed.downstream_id,
            sealed.phone_number_id,
            sealed.url,
            None if sealed.secret is None else self._open(sealed.secret, place, "secret"),
            self._headers(sealed),
            sealed.timeout_ms / 1_000,
            sealed.required,
            sealed.may_be_inside,
            _gets_account_events(sealed),
            sealed.account_id,
        )

    def _open(self, sealed: bytes, place: SealedPlace, purpose: str) -> str:
        try:
            return self._vault.open(sealed, place.bound(purpose))
        except CannotUnseal:  # or sealed by a version that did not bind it to its URL
            return self._vault.open(sealed, place.former(purpose))

    def _headers(self, sealed: SealedDownstream) -> dict[str, str]:
        if sealed.headers is None:
            return {}
        text = self._open(sealed.headers, downstream_place_of(sealed), "headers")
        return msgspec.json.decode(text, type=dict[str, str])

    def _info(self, sealed: SealedDownstream) -> DownstreamInfo:
        return DownstreamInfo(
            downstream_id=sealed.downstream_id,
            url=sealed.url,
            has_secret=sealed.secret is not None,
            header_names=self._header_names(sealed),
            timeout=sealed.timeout_ms / 1_000,
            required=sealed.required,
            may_be_inside=sealed.may_be_inside,
            account_events=_gets_account_events(sealed),
            created_at=sealed.created_at,
        )

    def _header_names(self, sealed: SealedDownstream) -> list[str]:
        """Also where the key is lost: who is to remove what nobody can open must learn its id."""
        try:
            return sorted(self._headers(sealed))
        except CannotUnseal:
            return [_UNREADABLE]

    def _forget_downstreams(self) -> None:
        self._downstreams, self._account_downstreams = {}, {}


def _distinct(downstreams: Iterable[Downstream]) -> Sequence[Downstream]:
    """The oldest of those that are one receiver."""
    oldest: dict[object, Downstream] = {}
    for downstream in downstreams:
        oldest.setdefault(downstream.receiver, downstream)
    return list(oldest.values())


def _gets_account_events(sealed: SealedDownstream) -> bool:
    """What a node of the version before sets does not say it; then the operator's do."""
    return sealed.account_events or sealed.may_be_inside


def _app_secret_of(account_id: str) -> str:
    return f"account/{account_id}/app_secret"


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
