"""The share of each account in the requests that may wait for servers of tenants.

Such a server may accept a request and never respond. A waiting request keeps its connection, and the number of
connections is limited. So an account gets no more waiting requests than there are free places: one account alone gets
a half, two accounts get a third each, and some places are always free.
"""

from wablock.failures import Overloaded


class ShareTaken(Overloaded):
    """Too many requests of the account wait for its servers."""

    def __init__(self) -> None:
        super().__init__("Too many requests of this account wait for its servers. Nothing was sent. Try again.")


class AccountShares:
    """Counts the waiting requests of each account. `most`: the limit for all accounts together."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._taken: dict[str, int] = {}

    def one_for(self, account_id: str) -> "Share":
        """A context for a waiting request: `with shares.one_for(account_id):`."""
        return Share(self, account_id)

    def take(self, account_id: str) -> None:
        """Raises `ShareTaken` if the account has at least as many waiting requests as there are free places."""
        taken = self._taken.get(account_id, 0)
        if taken >= self._free:
            raise ShareTaken
        self._taken[account_id] = taken + 1
        self._free -= 1

    def give_back(self, account_id: str) -> None:
        self._free += 1
        left = self._taken.pop(account_id) - 1
        if left:
            self._taken[account_id] = left


class Share:
    """See `AccountShares.one_for`. Not a generator, because a class takes a third of the time."""

    __slots__ = ("_account_id", "_shares")

    def __init__(self, shares: AccountShares, account_id: str) -> None:
        self._shares = shares
        self._account_id = account_id

    def __enter__(self) -> None:
        self._shares.take(self._account_id)

    def __exit__(self, *_: object) -> None:
        self._shares.give_back(self._account_id)
