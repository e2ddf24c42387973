"""The share that one account may have of all requests that wait for tenants' servers."""

from contextlib import ExitStack

import pytest

from wablock.failures import Overloaded
from wablock.gate.account_shares import AccountShares


def take_all(shares: AccountShares, account_id: str, taken: ExitStack) -> int:
    """The number of places that the account got before a refusal."""
    for count in range(1_000):
        try:
            taken.enter_context(shares.one_for(account_id))
        except Overloaded:
            return count
    raise AssertionError("it is never refused one")


def test_an_account_takes_a_half_and_leaves_the_rest_to_others() -> None:
    shares = AccountShares(100)
    with ExitStack() as taken:
        assert [take_all(shares, account_id, taken) for account_id in "abc"] == [50, 25, 13]


def test_the_only_place_can_be_taken() -> None:
    with AccountShares(1).one_for("a"):
        pass


def test_a_place_is_free_again_when_its_request_fails() -> None:
    shares = AccountShares(2)
    for _ in range(3):
        with pytest.raises(ValueError, match="failed"), shares.one_for("a"):
            raise ValueError("failed")
