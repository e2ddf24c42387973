"""A store of every kind, empty, for each test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.storage.adapters import ADAPTERS, Opener

from wablock.storage import Store


@pytest.fixture(params=list(ADAPTERS))
def opener(request: pytest.FixtureRequest) -> Opener:
    return ADAPTERS[request.param]


@pytest.fixture
async def open_store(opener: Opener, tmp_path: Path) -> AsyncIterator[Callable[[], Store]]:
    """Opens stores on this test's one database, and closes them at its end."""
    async with AsyncExitStack() as stack:

        def opened() -> Store:
            store = opener(tmp_path)
            stack.push_async_callback(store.close)
            return store

        yield opened


@pytest.fixture
async def store(open_store: Callable[[], Store]) -> Store:
    return open_store()
