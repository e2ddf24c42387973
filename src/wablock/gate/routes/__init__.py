"""The routes of accounts and numbers: secrets that sign webhooks, receivers of webhooks, upstreams for messages."""

from collections.abc import Callable, Collection, Sequence

import msgspec

from wablock.block_list.ports import Microseconds
from wablock.gate.ports import RouteStore, Vault
from wablock.gate.routes.accounts import Accounts
from wablock.gate.routes.downstreams import Downstreams
from wablock.gate.routes.upstreams import Upstreams


class RemovedRoutes(msgspec.Struct, frozen=True):
    """The ids of the removed downstreams, and the ids of the numbers whose upstreams were removed."""

    downstream_ids: Sequence[str] = ()
    upstreams_of: Sequence[str] = ()


class Routes:
    """The routes of all accounts and numbers in a store."""

    def __init__(
        self, store: RouteStore, vault: Vault, clock: Callable[[], Microseconds], monotonic: Callable[[], float]
    ) -> None:
        self.accounts = Accounts(store, vault, clock, monotonic)
        self.downstreams = Downstreams(store, vault, clock, monotonic)
        self.upstreams = Upstreams(store, vault, clock, monotonic)

    async def remove_set_by(self, account_id: str, tokens: Collection[bytes]) -> RemovedRoutes:
        """Remove the account's receivers and upstreams that one of these tokens set."""
        downstream_ids = await self.downstreams.remove_set_by(account_id, tokens)
        return RemovedRoutes(downstream_ids, await self.upstreams.remove_set_by(account_id, tokens))
