"""Fixtures for every test."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests import client_libraries as libraries
from tests.postgres import GIVEN, give_back
from tests.receiver import Receiver, receiving

# The developer's own settings, such as those of the tutorial: the tests and all that they start have none.
for _name in [it for it in os.environ if it.startswith("WABLOCK_") and it != GIVEN]:
    del os.environ[_name]

# For `make fast`: a few examples, without the search for rare ones.
settings.register_profile("fast", max_examples=15)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Function) -> Generator[None]:
    """Free the databases of a test's folder when the test ends."""
    yield
    folder = item.funcargs.get("tmp_path")
    if isinstance(folder, Path):
        give_back(folder)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The operator's own webhook address."""
    with receiving() as running:
        yield running


@pytest.fixture(scope="session")
def client_libraries() -> None:
    """Install them in their folder."""
    libraries.install()
