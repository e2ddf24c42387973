"""SQLite files with blocked users: each size is made once in a run, and benchmarks get copies."""

import shutil
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.variants import fill, running

MILLION: Final = 1_000_000
THOUSAND: Final = 1_000


class Lists:
    """Files in a folder. They have the development number, a token, and the first users of `blocked` in variants.py."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        self._numbers = count(1)

    def copy(self, users: int) -> Path:
        """A new file with `users` blocked users. Its folder is this one's."""
        copy = self.folder / f"{users}-{next(self._numbers)}.db"
        return shutil.copyfile(self._original(users), copy)

    def _original(self, users: int) -> Path:
        file = self.folder / f"{users}.db"
        if not file.exists():
            with running("wablock", file=file) as server:
                fill(server.url, users)
            assert not file.with_name(f"{file.name}-wal").exists(), "the server has not written everything to the file"
        return file
