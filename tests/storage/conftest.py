"""An empty store of every adapter, for each test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.storage.adapters import ADAPTERS, BLOCK_STORES, Opener

from wablock.storage import Store


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "opener" in metafunc.fixturenames:
        needs_database = metafunc.definition.get_closest_marker("databases") is not None
        metafunc.parametrize("opener", list(ADAPTERS if needs_database else BLOCK_STORES), indirect=True)


@pytest.fixture
def opener(request: pytest.FixtureRequest) -> Opener:
    return BLOCK_STORES[request.param]


@pytest.fixture
async def open_store(opener: Opener, tmp_path: Path) -> AsyncIterator[Callable[[], Store]]:
    """A function that opens stores on this test's database. They are closed at the end."""
    async with AsyncExitStack() as stack:

        def opened() -> Store:
            store = opener(tmp_path)
            stack.push_async_callback(store.close)
            return store

        yield opened


@pytest.fixture
async def store(open_store: Callable[[], Store]) -> Store:
    return open_store()
