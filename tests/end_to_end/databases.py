"""The databases that a deployment may use, by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.postgres import fresh_database


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'wablock.db'}"


DATABASES: Final[dict[str, Callable[[Path], str]]] = {"sqlite": _sqlite, "postgres": fresh_database}
"""The URL of the one database of a folder, which is empty at first."""
