"""What every test may ask for."""

from collections.abc import Generator
from pathlib import Path

import pytest
from tests import client_libraries as libraries
from tests.postgres import give_back


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Function) -> Generator[None]:
    """The databases of a test's folder are free when it is over."""
    yield
    folder = item.funcargs.get("tmp_path")
    if isinstance(folder, Path):
        give_back(folder)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def client_libraries() -> None:
    """They are in their folder."""
    libraries.install()
