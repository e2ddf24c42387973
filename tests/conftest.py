"""What every test may ask for."""

import pytest
from tests import client_libraries as libraries


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def client_libraries() -> None:
    """They are in their folder."""
    libraries.install()
