"""One server for all tests without special needs; each test has its own number there."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.block_list.stopped_clock import StoppedClock
from tests.conformance.caller import Caller, calling
from tests.postgres import fresh_database
from tests.running_server import ACCOUNT_ID, RunningServer, running_server

_numbers = itertools.count(100_000_000_000_001)


DatabaseOf = Callable[[Path], str | None]
"""The URL of a folder's own database; None: a file in it."""


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def database_of(request: pytest.FixtureRequest) -> DatabaseOf:
    return fresh_database if request.param == "postgres" else lambda _: None


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, database_of: DatabaseOf) -> Iterator[RunningServer]:
    """A server with open rules, default settings and the time of Meta's example, on which any number id exists."""
    folder = tmp_path_factory.mktemp("server")
    clock = StoppedClock()
    with running_server(
        folder, clock=clock, account_of_new_numbers=ACCOUNT_ID, database=database_of(folder)
    ) as running:
        yield running


@pytest.fixture
def caller(server: RunningServer) -> Iterator[Caller]:
    """A caller with an unused block list."""
    with calling(server, str(next(_numbers))) as made:
        yield made
