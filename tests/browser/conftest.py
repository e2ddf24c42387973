"""A server and a browser for each module: the server first, because Playwright takes the thread's event loop."""

from collections.abc import Iterator

import pytest
from tests.block_list.stopped_clock import StoppedClock
from tests.browser.reader import Reader, reader
from tests.running_server import ACCOUNT_ID, RunningServer, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(
        tmp_path_factory.mktemp("server"), clock=StoppedClock(), account_of_new_numbers=ACCOUNT_ID
    ) as running:
        yield running


@pytest.fixture(scope="module")
def browser(server: RunningServer) -> Iterator[Reader]:
    with reader(server.url) as made:
        yield made
