"""A wablock server, and a bot that uses it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gate.webhook.payloads import OUR_OTHER
from tests.middleware.bot import Bot, running_bot
from tests.running_server import ACCOUNT_ID, NUMBER, RunningServer, running_server

from wablock.block_list.ports import BusinessNumber


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, numbers=(NUMBER, BusinessNumber(OUR_OTHER, ACCOUNT_ID))) as running:
        yield running


@pytest.fixture
def bot(server: RunningServer) -> Iterator[Bot]:
    """A bot that checks signatures."""
    with running_bot(server.url, server.token) as running:
        yield running
