"""Places for requests that wait for tenants' own servers, which may accept and never answer.

A request that waits keeps its connection, and a server has only so many. An account may take as many places as are left
to others: alone a half, two accounts a third each, and some are always free.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from wablock.contract.errors import Overloaded


class Places:
    """`most`: of all accounts together."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._taken: dict[str, int] = {}

    @contextmanager
    def one_for(self, account_id: str) -> Iterator[None]:
        """Raises `Overloaded` where the account has as many as are free."""
        taken = self._taken.get(account_id, 0)
        if taken >= self._free:
            raise Overloaded("Too many requests of this account wait for its own servers. Nothing was sent; try again.")
        self._taken[account_id] = taken + 1
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
            left = self._taken.pop(account_id) - 1
            if left:
                self._taken[account_id] = left
