"""A deliverer on a SQLite file, with a subscriber and clocks that a test controls."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.storage.meters import CountingMeter
from tests.subscriptions.delivering import Delivering

from wablock.storage import SqliteStore


@pytest.fixture
async def delivering(tmp_path: Path) -> AsyncIterator[Delivering]:
    store = SqliteStore(tmp_path / "wablock.db", CountingMeter())
    delivering = Delivering(store)
    await delivering.prepare()
    try:
        yield delivering
    finally:
        delivering.subscriber.hangs.set()
        for deliverer in delivering.deliverers:
            await deliverer.close()
        await store.close()
