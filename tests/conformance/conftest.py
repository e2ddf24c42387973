"""One server for all tests that need nothing special of it; each test has a number of its own there."""

import itertools
from collections.abc import Iterator

import pytest
from tests.block_list.stopped_clock import StoppedClock
from tests.conformance.caller import Caller, calling
from tests.running_server import ACCOUNT_ID, RunningServer, running_server

_numbers = itertools.count(100_000_000_000_001)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Open rules, default settings; its clock stands at the moment of Meta's example, and any number id is good."""
    folder = tmp_path_factory.mktemp("server")
    with running_server(folder, clock=StoppedClock(), made_on_demand_for=ACCOUNT_ID) as running:
        yield running


@pytest.fixture
def caller(server: RunningServer) -> Iterator[Caller]:
    """Speaks to a block list that nobody has used."""
    with calling(server, str(next(_numbers))) as made:
        yield made
