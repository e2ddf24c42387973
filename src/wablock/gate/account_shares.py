"""The share of an account in the requests that may wait for tenants' own servers.

Such a server may accept a request and never answer. A request that waits keeps its connection, and connections are
bounded. An account may have as many waiting requests as are left for the others: one account alone a half, two
accounts a third each, and some are always free.
"""

from wablock.failures import Overloaded


class AccountShares:
    """`most`: of all accounts together."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._taken: dict[str, int] = {}

    def one_for(self, account_id: str) -> "Share":
        """A context for a request that waits: `with shares.one_for(account_id):`."""
        return Share(self, account_id)

    def take(self, account_id: str) -> None:
        """Raises `Overloaded` where the account has as many as are free."""
        taken = self._taken.get(account_id, 0)
        if taken >= self._free:
            raise Overloaded("Too many requests of this account wait for its own servers. Nothing was sent; try again.")
        self._taken[account_id] = taken + 1
        self._free -= 1

    def give_back(self, account_id: str) -> None:
        self._free += 1
        left = self._taken.pop(account_id) - 1
        if left:
            self._taken[account_id] = left


class Share:
    """See `AccountShares.one_for`. No generator: each webhook has one, and this takes a third of the time."""

    __slots__ = ("_account_id", "_shares")

    def __init__(self, shares: AccountShares, account_id: str) -> None:
        self._shares = shares
        self._account_id = account_id

    def __enter__(self) -> None:
        self._shares.take(self._account_id)

    def __exit__(self, *_: object) -> None:
        self._shares.give_back(self._account_id)
