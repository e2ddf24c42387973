"""Running servers for the tests of HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.running_server import RunningServer, running_server

from wablock.settings import LimitSettings

# Short where a test waits for it to pass, long where it must not.
QUICK = LimitSettings(head_timeout=0.3, body_timeout=0.3, idle_timeout=0.3)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path) as running:
        yield running


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[RunningServer]:
    """A server with short timeouts."""
    with running_server(tmp_path, limits=QUICK) as running:
        yield running
