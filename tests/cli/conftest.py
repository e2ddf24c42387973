"""Fixtures for the tests of the command."""

from pathlib import Path

import pytest


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of a database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'wablock.db'}"
