"""A block list over a store in memory and a stopped clock."""

import pytest
from tests.block_list.stopped_clock import StoppedClock
from tests.block_list.watched_store import WatchedStore

from wablock.block_list.ports import BusinessNumber, Rules
from wablock.block_list.rules import RuleBook
from wablock.block_list.service import BlockList


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def block_list(store: WatchedStore, clock: StoppedClock) -> BlockList:
    return BlockList(store, RuleBook(), clock)


@pytest.fixture
def number() -> BusinessNumber:
    return BusinessNumber("106540352242922", "acme", wa_id="16505550100", country="US")


@pytest.fixture
def meta_number() -> BusinessNumber:
    """A number of the same account that keeps Meta's rules."""
    return BusinessNumber("106540352242923", "acme", wa_id="16505550101", country="US", rules=Rules.META)
