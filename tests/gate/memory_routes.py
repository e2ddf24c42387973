"""`MemoryRoutes`: a `RouteStore` in dictionaries, without durability; it counts its calls."""

from collections.abc import Mapping, Sequence

import msgspec

from wablock.block_list.ports import Microseconds
from wablock.gate.ports import SealedAccount, SealedDownstream, SealedUpstream


class MemoryRoutes:
    def __init__(self, numbers: Mapping[str, str] | None = None) -> None:
        """`numbers`: the account of each phone_number_id."""
        self.lookups = 0
        self._numbers = dict(numbers or {})
        self._accounts: dict[str, SealedAccount] = {}
        self._downstreams: dict[tuple[str, str], SealedDownstream] = {}
        self._upstreams: dict[str, SealedUpstream] = {}

    async def find_account(self, account_id: str) -> SealedAccount | None:
        self.lookups += 1
        return self._accounts.get(account_id)

    async def find_verifier(self, verify_token_sha256: bytes) -> SealedAccount | None:
        self.lookups += 1
        accounts = [it for it in self._by_id() if it.verify_token_sha256 == verify_token_sha256]
        return accounts[0] if accounts else None

    async def signers(self, most: int) -> Sequence[SealedAccount]:
        self.lookups += 1
        return [it for it in self._by_id() if it.app_secret is not None][:most]

    async def set_account(self, account: SealedAccount, at: Microseconds) -> None:  # noqa: ARG002 - the port's
        old = self._accounts.get(account.account_id, SealedAccount(account.account_id))
        changes = {name: value for name, value in msgspec.structs.asdict(account).items() if value is not None}
        self._accounts[account.account_id] = msgspec.structs.replace(old, **changes)

    async def downstreams(self, phone_number_id: str) -> Sequence[SealedDownstream]:
        self.lookups += 1
        return [it for it in self._oldest_first() if it.phone_number_id == phone_number_id]

    async def account_downstreams(self, account_id: str) -> Sequence[SealedDownstream]:
        self.lookups += 1
        return [it for it in self._oldest_first() if it.account_id == account_id]

    async def add_downstream(self, downstream: SealedDownstream) -> bool:
        if self._numbers.get(downstream.phone_number_id) != downstream.account_id:
            return False
        self._downstreams[downstream.phone_number_id, downstream.downstream_id] = downstream
        return True

    async def remove_downstream(self, phone_number_id: str, downstream_id: str) -> bool:
        return self._downstreams.pop((phone_number_id, downstream_id), None) is not None

    async def find_upstream(self, phone_number_id: str) -> SealedUpstream | None:
        self.lookups += 1
        return self._upstreams.get(phone_number_id)

    async def account_upstreams(self, account_id: str) -> Sequence[SealedUpstream]:
        self.lookups += 1
        return [it for _, it in sorted(self._upstreams.items()) if it.account_id == account_id]

    async def set_upstream(self, upstream: SealedUpstream) -> bool:
        if self._numbers.get(upstream.phone_number_id) != upstream.account_id:
            return False
        self._upstreams[upstream.phone_number_id] = upstream
        return True

    async def remove_upstream(self, phone_number_id: str) -> bool:
        return self._upstreams.pop(phone_number_id, None) is not None

    def rows(self) -> list[msgspec.Struct]:
        """All stored rows, as a thief of the database sees them."""
        return [*self._accounts.values(), *self._downstreams.values(), *self._upstreams.values()]

    def _by_id(self) -> list[SealedAccount]:
        return sorted(self._accounts.values(), key=lambda it: it.account_id)

    def _oldest_first(self) -> list[SealedDownstream]:
        return sorted(self._downstreams.values(), key=lambda it: (it.created_at, it.downstream_id))
