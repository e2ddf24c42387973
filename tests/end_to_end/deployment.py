"""A database with a number and a token from the real commands, and real servers that use it."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.cli.command import Server, run, started

PHONE_NUMBER_ID: Final = "106540352242922"
BLOCK_USERS: Final = f"/v25.0/{PHONE_NUMBER_ID}/block_users"


class Deployment:
    """One database, a SQLite file if no other is named. `headers` say its token, which may read and write."""

    def __init__(self, folder: Path, database: str | None = None) -> None:
        self.file = folder / "wablock.db"
        self.database = database or f"sqlite:///{self.file}"
        self.add_number(PHONE_NUMBER_ID)
        self.token = self.add_token()
        self.headers = {"Authorization": f"Bearer {self.token}"}

    def add_number(self, phone_number_id: str) -> None:
        added = run("number", "add", phone_number_id, WABLOCK_DATABASE=self.database)
        assert added.returncode == 0, added.stderr

    def add_token(self, *arguments: str) -> str:
        created = run("token", "create", "--json", *arguments, WABLOCK_DATABASE=self.database)
        assert created.returncode == 0, created.stderr
        token: str = json.loads(created.stdout)["token"]
        return token

    def server(self, *arguments: str, **variables: str) -> AbstractContextManager[Server]:
        """`wablock serve` on the database, listening on a free port."""
        return started("serve", "--port", "0", *arguments, **{"WABLOCK_DATABASE": self.database} | variables)


@contextmanager
def at_once(beginnings: Sequence[AbstractContextManager[Server]]) -> Iterator[list[Server]]:
    """Start all servers at the same moment."""
    with ExitStack() as ends, ThreadPoolExecutor(len(beginnings)) as threads:
        yield list(threads.map(ends.enter_context, beginnings))
