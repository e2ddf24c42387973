"""The users of a command: from its arguments, a file, or standard input."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final, TypeVar

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress

from wablock.cli.api_server import ApiServer
from wablock.cli.console import Refused
from wablock.cli.options import option
from wablock.client.users import MOST_IN_A_REQUEST, chunks

T = TypeVar("T")

UserArguments = Annotated[
    str, Parameter(help="Phone numbers or user_ids. Without any, they are read from standard input, one on each line.")
]
UsersFile = Annotated[
    Path | None, option("FILE", "File with one user on each line. --file=- is standard input. # starts a comment.")
]
_STANDARD_INPUT: Final = Path("-")


def read_users(users: Sequence[str], file: Path | None, server: ApiServer) -> list[str]:
    """The users in order; raises `Refused` if there are none, or if they come from two sources."""
    if users and file is not None:
        raise Refused("Pass users as arguments or in --file, not both")
    if users:
        return list(users)
    if file is not None and file != _STANDARD_INPUT:
        try:
            return _checked(_lines(file.read_text("utf-8-sig").splitlines()))
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"Cannot read {file}: {error}") from None
    if file is None and sys.stdin.isatty():
        raise Refused("No users: pass at least one, such as +16505551234, or a --file")
    if server.reads_token:
        raise Refused("The token and the users cannot both come from standard input: use WABLOCK_TOKEN or --file")
    return _checked(_lines(sys.stdin))


def in_requests(users: Sequence[str], doing: str) -> Iterator[list[str]]:
    """`users` in chunks of one request each. For many users, a bar on standard error shows the progress."""
    console = Console(stderr=True)
    with Progress(console=console, disable=len(users) <= MOST_IN_A_REQUEST or not console.is_terminal) as progress:
        task = progress.add_task(doing, total=len(users))
        for chunk in chunks(users):
            yield chunk
            progress.advance(task, len(chunk))


def _lines(lines: Iterable[str]) -> list[str]:
    return [user for line in lines if (user := line.partition("#")[0].strip())]


def _checked(users: list[str]) -> list[str]:
    if not users:
        raise Refused("The input contains no users: write one on each line, such as +16505551234")
    return users
