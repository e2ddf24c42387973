"""A gate in front of each library."""

from collections.abc import Iterator

import httpx2
import pytest
from tests.receivers.gated import BLOCKED, BLOCKED_BY_ID, Gated
from tests.receivers.libraries import LIBRARIES, Library, running
from tests.running_server import running_server
from tests.server.test_webhooks import KEY, set_up


@pytest.fixture(scope="session")
def http_client() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="session", params=LIBRARIES)
def library(
    request: pytest.FixtureRequest,
    client_libraries: None,  # noqa: ARG001
    http_client: httpx2.Client,
) -> Iterator[Library]:
    with running(request.param, http_client) as receiver:
        yield receiver


@pytest.fixture(scope="session")
def gated(tmp_path_factory: pytest.TempPathFactory, library: Library, http_client: httpx2.Client) -> Iterator[Gated]:
    """A gate that has blocked `BLOCKED` by number and `BLOCKED_BY_ID` by user_id."""
    with running_server(tmp_path_factory.mktemp("gate"), key=KEY) as gate:
        set_up(gate, library.url)
        running_gate = Gated(gate, library, http_client)
        running_gate.block({"user": f"+{BLOCKED.wa_id}"}, {"user_id": BLOCKED_BY_ID.user_id})
        yield running_gate
