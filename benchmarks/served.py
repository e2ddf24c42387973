"""A real server: `wablock serve` of a source tree, set up with its command line."""

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.gate import APP_SECRET
from benchmarks.processes import SERVER_CORE, started
from benchmarks.variants import PATH, TOKEN, fill
from wablock.settings import DEV_ACCOUNT_ID, DEV_PHONE_NUMBER_ID, file_url


class Tree(msgspec.Struct, frozen=True):
    """A checkout of wablock. It runs in its own .venv if it has one, otherwise with this interpreter."""

    path: Path

    @property
    def is_complete(self) -> bool:
        return (self.path / "src/wablock/__main__.py").is_file()

    def command(self, *arguments: str) -> list[str]:
        """The command that runs this tree's `wablock`. It needs `variables` in its environment."""
        own = self.path / ".venv/bin/python"
        return [str(own) if own.exists() else sys.executable, "-m", "wablock", *arguments]

    @property
    def variables(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.path / "src")}  # takes precedence over packages in the .venv


HERE: Final = Tree(Path(__file__).resolve().parents[1])


class Served(msgspec.Struct, frozen=True):
    """A running server."""

    base_url: str
    pid: int


@contextlib.contextmanager
def served(tree: Tree, receiver: str, users: int) -> Iterator[Served]:
    """Run a server of this tree until the block ends: on SQLite, with `users` blocked users on one number.

    The number's webhooks are forwarded to `receiver`.
    """
    with tempfile.TemporaryDirectory(prefix="wablock-bench-") as folder:
        variables = tree.variables | {
            "WABLOCK_DATABASE": file_url(Path(folder) / "wablock.db"),
            "WABLOCK_APP_SECRET": APP_SECRET,
            "WABLOCK_SECRET_KEY": b64encode(secrets.token_bytes(32)).decode(),
        }
        for command in _set_up(receiver):
            environment = os.environ | variables
            subprocess.run(
                tree.command(*command), check=True, input=TOKEN, text=True, stdout=subprocess.DEVNULL, env=environment
            )
        with started(SERVER_CORE, tree.command("serve", "--port", "0"), variables) as server:
            fill(server.url + PATH, users)
            yield Served(server.url, server.process.pid)


def _set_up(receiver: str) -> Sequence[Sequence[str]]:
    return [
        ["number", "add", DEV_PHONE_NUMBER_ID, "--account", DEV_ACCOUNT_ID],
        ["token", "create", "--account", DEV_ACCOUNT_ID, "--from-stdin"],
        ["account", "set", DEV_ACCOUNT_ID],
        ["downstream", "add", DEV_PHONE_NUMBER_ID, receiver],
    ]
