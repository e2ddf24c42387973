"""Places for requests that wait for tenants' own servers, which may accept and never answer.

A request that waits keeps its connection, and a server has only so many. An account may take as many places as are left
to others: alone a half, two accounts a third each, and some are always free.
"""

from wablock.failures import Overloaded


class Places:
    """`most`: of all accounts together."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._taken: dict[str, int] = {}

    def one_for(self, account_id: str) -> "Place":
        """To be held while a request waits: `with places.one_for(account_id):`."""
        return Place(self, account_id)

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


class Place:
    """See `Places.one_for`. No generator: each webhook has one, and this takes a third of the time."""

    __slots__ = ("_account_id", "_places")

    def __init__(self, places: Places, account_id: str) -> None:
        self._places = places
        self._account_id = account_id

    def __enter__(self) -> None:
        self._places.take(self._account_id)

    def __exit__(self, *_: object) -> None:
        self._places.give_back(self._account_id)
