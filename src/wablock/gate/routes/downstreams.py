"""The receivers of each number, with the secrets and headers of their webhooks."""

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from wablock.block_list.ports import Microseconds
from wablock.gate.ports import CannotUnseal, Downstream, DownstreamStore, MayReceive, SealedDownstream, Vault
from wablock.gate.routes.sealed_place import downstream_place, downstream_place_of, opened
from wablock.gate.routes.short_memory import ShortMemory

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
        return f"NewDownstream({self.url!r})"  # without the secret: reprs appear in logs


class DownstreamInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a receiver that a caller may see: not the secret, but whether there is one.

    `header_names` is only "?" if this server does not have the key to read them.
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


class Downstreams:
    """Reads and sets receivers. Raises `CannotUnseal` if a secret was sealed with another key."""

    def __init__(
        self, store: DownstreamStore, vault: Vault, clock: Callable[[], Microseconds], monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._by_number = ShortMemory(self._read, monotonic)
        self._by_account = ShortMemory(self._read_account, monotonic)

    async def of_number(self, phone_number_id: str) -> Sequence[Downstream]:
        return await self._by_number.get(phone_number_id) or ()

    async def for_account_events(self, account_id: str, may_receive: MayReceive | None = None) -> Sequence[Downstream]:
        """The receivers of its numbers that get events about the account itself, each receiver once."""
        downstreams = [it for it in await self._by_account.get(account_id) or () if it.account_events]
        return await _distinct(downstreams, may_receive)

    async def of_account(self, account_id: str, may_receive: MayReceive | None = None) -> Sequence[Downstream]:
        """The receivers of its numbers, each receiver once."""
        return await _distinct(await self._by_account.get(account_id) or (), may_receive)

    async def infos(self, phone_number_id: str) -> Sequence[DownstreamInfo]:
        """The number's receivers, as a caller may see them."""
        return [self._info(sealed) for sealed in await self._store.downstreams(phone_number_id)]

    async def add(self, account_id: str, phone_number_id: str, new: NewDownstream) -> DownstreamInfo | None:
        """Add a receiver. Returns None if the store did not add it; see `DownstreamStore.add_downstream`."""
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
        self._forget()
        return self._info(sealed) if added else None

    async def remove(self, phone_number_id: str, downstream_id: str) -> bool:
        removed = await self._store.remove_downstream(phone_number_id, downstream_id)
        self._forget()
        return removed

    async def remove_set_by(self, account_id: str, tokens: Collection[bytes]) -> Sequence[str]:
        """Remove the account's receivers that one of these tokens set; returns their ids."""
        return [
            sealed.downstream_id
            for sealed in await self._store.account_downstreams(account_id)
            if sealed.set_by in tokens and await self.remove(sealed.phone_number_id, sealed.downstream_id)
        ]

    async def _read(self, phone_number_id: str) -> Sequence[Downstream]:
        return [self._unsealed(sealed) for sealed in await self._store.downstreams(phone_number_id)]

    async def _read_account(self, account_id: str) -> Sequence[Downstream]:
        return [self._unsealed(sealed) for sealed in await self._store.account_downstreams(account_id)]

    def _unsealed(self, sealed: SealedDownstream) -> Downstream:
        place = downstream_place_of(sealed)
        return Downstream(
            sealed.downstream_id,
            sealed.phone_number_id,
            sealed.url,
            None if sealed.secret is None else opened(self._vault, sealed.secret, place, "secret"),
            self._headers(sealed),
            sealed.timeout_ms / 1_000,
            sealed.required,
            sealed.may_be_inside,
            _gets_account_events(sealed),
            sealed.account_id,
        )

    def _headers(self, sealed: SealedDownstream) -> dict[str, str]:
        if sealed.headers is None:
            return {}
        text = opened(self._vault, sealed.headers, downstream_place_of(sealed), "headers")
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
        """The header names; "?" without the key, so that a caller can still list the receiver and remove it."""
        try:
            return sorted(self._headers(sealed))
        except CannotUnseal:
            return [_UNREADABLE]

    def _forget(self) -> None:
        self._by_number.forget()
        self._by_account.forget()


async def _distinct(downstreams: Iterable[Downstream], may_receive: MayReceive | None) -> Sequence[Downstream]:
    """The oldest downstream of each receiver, of those that may receive the webhook."""
    oldest: dict[object, Downstream] = {}
    for downstream in downstreams:
        if downstream.receiver not in oldest and (may_receive is None or await may_receive(downstream)):
            oldest[downstream.receiver] = downstream
    return list(oldest.values())


def _gets_account_events(sealed: SealedDownstream) -> bool:
    """A node of an older version does not set `account_events`. So each receiver of the operator gets these events."""
    return sealed.account_events or sealed.may_be_inside
