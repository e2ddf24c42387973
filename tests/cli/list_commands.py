"""The commands about the lists of an account with two numbers, pointed at one server."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.cli.command import run, run_here, without_warning
from tests.running_server import ACCOUNT_ID, NUMBER, RunningServer, running_server

from wablock.access import AccessToken
from wablock.block_list.ports import BusinessNumber

ANNA, BEN, CARL = "+16505550101", "+16505550102", "+16505550103"
SALES, SUPPORT = "106540352242922", "106540352242923"
NUMBERS: Final = (
    BusinessNumber(SALES, ACCOUNT_ID, NUMBER.wa_id, NUMBER.country, name="sales"),
    BusinessNumber(SUPPORT, ACCOUNT_ID, name="support"),
)


class ListCommands:
    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.variables = {
            "WABLOCK_URL": server.url,
            "WABLOCK_TOKEN": server.token,
            "WABLOCK_PHONE_NUMBER_ID": "sales",
        }

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command about lists or a user; its error has no warning about the token."""
        process = run_here(*arguments, "--url", self.server.url, "--token", self.server.token)
        process.stderr = without_warning(process.stderr)
        return process

    def on(self, number: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command about one number."""
        return self(*arguments, "--phone-number-id", number)

    def with_input(self, stdin: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return run(*arguments, stdin=stdin, **self.variables)

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json").stdout)

    def done(self, *arguments: str) -> str:
        """Run a command that has to succeed, and return its output."""
        process = self(*arguments)
        assert process.returncode == 0, process.stderr
        return process.stdout

    def refused(self, *arguments: str) -> str:
        """Run a command that has to be refused, and return its error."""
        process = self(*arguments)
        assert (process.returncode, process.stdout) == (2, "")
        return process.stderr

    def users(self, kind: str, name: str) -> list[str]:
        return [f"+{wa_id}" for wa_id in self.done(f"{kind}list", "list", name, "--all", "--plain").split()]

    def is_blocked(self, user: str, number: str = SALES) -> bool:
        status = self.on(number, "check", user).returncode
        assert status in (0, 1)
        return status == 0


@contextmanager
def list_commands(folder: Path, *tokens: AccessToken) -> Iterator[ListCommands]:
    with running_server(folder, numbers=NUMBERS, tokens=tokens) as server:
        yield ListCommands(server)
