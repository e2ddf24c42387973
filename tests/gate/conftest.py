"""Routes that tests share, each on a store and clocks of its own."""

import pytest
from tests.gate.memory_routes import MemoryRoutes
from tests.gate.process_routes import ACCOUNTS, Clocks, routes_of_a_process

from wablock.gate.routes import Routes


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def store() -> MemoryRoutes:
    return MemoryRoutes(ACCOUNTS)


@pytest.fixture
def routes(store: MemoryRoutes, clocks: Clocks) -> Routes:
    return routes_of_a_process(store, clocks)
