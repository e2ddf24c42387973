"""The upstream of each number: the API that its messages are sent through, and the token for it."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

import msgspec

from wablock.block_list.ports import Microseconds
from wablock.gate.ports import SealedUpstream, Upstream, UpstreamStore, Vault
from wablock.gate.routes.sealed_place import opened, token_place
from wablock.gate.routes.short_memory import ShortMemory

META: Final = "https://graph.facebook.com"


class UpstreamInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of an upstream that a caller may see: all but its token."""

    url: str
    timeout: float
    may_be_inside: bool
    created_at: Microseconds


class Upstreams:
    """Reads and sets upstreams. Raises `CannotUnseal` if a token was sealed with another key."""

    def __init__(
        self, store: UpstreamStore, vault: Vault, clock: Callable[[], Microseconds], monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._by_number = ShortMemory(self._read, monotonic)

    async def find(self, phone_number_id: str) -> Upstream | None:
        return await self._by_number.get(phone_number_id)

    async def info(self, phone_number_id: str) -> UpstreamInfo | None:
        """The number's upstream, as a caller may see it."""
        sealed = await self._store.find_upstream(phone_number_id)
        if sealed is None:
            return None
        return UpstreamInfo(
            url=sealed.url,
            timeout=sealed.timeout_ms / 1_000,
            may_be_inside=sealed.may_be_inside,
            created_at=sealed.created_at,
        )

    async def set(self, account_id: str, upstream: Upstream, set_by: bytes | None = None) -> Microseconds | None:
        """Replace the number's upstream and return the time. Returns None if the store refused; see `UpstreamStore`.

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
        was_set = await self._store.set_upstream(sealed)
        self._by_number.forget()
        return sealed.created_at if was_set else None

    async def remove(self, phone_number_id: str) -> bool:
        removed = await self._store.remove_upstream(phone_number_id)
        self._by_number.forget()
        return removed

    async def remove_set_by(self, account_id: str, tokens: Collection[bytes]) -> Sequence[str]:
        """Remove the account's upstreams that one of these tokens set; returns the ids of their numbers."""
        return [
            sealed.phone_number_id
            for sealed in await self._store.account_upstreams(account_id)
            if sealed.set_by in tokens and await self.remove(sealed.phone_number_id)
        ]

    async def _read(self, phone_number_id: str) -> Upstream | None:
        sealed = await self._store.find_upstream(phone_number_id)
        if sealed is None:
            return None
        place = token_place(sealed.account_id, phone_number_id, sealed.url)
        token = opened(self._vault, sealed.token, place, "token")
        return Upstream(
            phone_number_id, sealed.url, token, sealed.timeout_ms / 1_000, sealed.may_be_inside, sealed.account_id
        )
