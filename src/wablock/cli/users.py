"""The users of a command: from its arguments, a file, or standard input."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.progress import Progress

from wablock.cli.api_server import Server
from wablock.cli.arguments import Refused
from wablock.cli.options import option
from wablock.cli.output import Output
from wablock.cli.text_input import STANDARD_INPUT, is_at_terminal, lines_of, read_text
from wablock.client.users import MOST_IN_A_REQUEST, chunks
from wablock.typed_secrets import may_be_hyphen

UserArguments = Annotated[
    str, Parameter(help="Phone numbers or user_ids. Without any, they are read from standard input, one on each line.")
]
UsersFile = Annotated[
    Path | None,
    may_be_hyphen(
        option("File with one user on each line, in UTF-8 or UTF-16. - is standard input. # starts a comment.")
    ),
]
_CELLS: Final = re.compile(r"[,;\t]")
_QUOTED: Final = re.compile(r'=?"([^"]*)"')  # a cell, as many programs export text; = keeps a number as text
_QUOTES: Final = ('"', "'")
_LONGEST: Final = 1_000  # characters
_SHOWN: Final = 60  # characters of a longer line
_SHORTENED: Final = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)
_ONE_ON_EACH_LINE: Final = "Copy the column with the users to a file of its own, with one user on each line"


def read_users(users: Sequence[str], file: Path | None, server: Server) -> list[str]:
    """The users in order, each text once. Raises `Refused` if there are none, if they come from two sources, or if a
    line has no single user.
    """
    if users and file is not None:
        raise Refused("Pass users as arguments or in --file, not both")
    if users:
        return list(dict.fromkeys(users))
    if file is None and is_at_terminal():
        raise Refused("No users: pass at least one, such as +16505551234, or a --file")
    source = STANDARD_INPUT if file is None else file
    if source == STANDARD_INPUT and server.reads_token:
        raise Refused("The token and the users cannot both come from standard input: use WABLOCK_TOKEN or --file")
    lines = lines_of(read_text(source))
    found = [_user(line, number) for number, line in enumerate(lines, start=1) if not _is_empty(line)]
    if not found:
        raise Refused("The input contains no users: write one on each line, such as +16505551234")
    return list(dict.fromkeys(found))


def in_requests(users: Sequence[str], doing: str, at_once: int = MOST_IN_A_REQUEST) -> Iterator[list[str]]:
    """`users` in chunks of one request each. For many users, a bar on standard error shows the progress."""
    console = Output(stderr=True)
    with Progress(console=console, disable=len(users) <= MOST_IN_A_REQUEST or not console.is_terminal) as progress:
        task = progress.add_task(doing, total=len(users))
        for chunk in chunks(users, at_once):
            yield chunk
            progress.advance(task, len(chunk))


def _is_empty(line: str) -> bool:
    return not line.partition("#")[0].strip().strip('"')


def _user(line: str, number: int) -> str:
    """The user on the line; raises `Refused` for what a spreadsheet exports, before any user is sent."""
    text = line.partition("#")[0].strip()
    if len(text) > _LONGEST:
        raise Refused(f"Line {number:,}: {text[:_SHOWN]!r}… has {len(text):,} characters. {_ONE_ON_EACH_LINE}")
    if quoted := _QUOTED.fullmatch(text):
        text = quoted[1].strip()
    if _SHORTENED.fullmatch(text):
        raise Refused(
            f"Line {number:,}: a spreadsheet has shortened a number to {text}. Format the column as text or as "
            "a number without decimals, and export it again"
        )
    if cells := _CELLS.search(text):
        kind = {",": "commas", ";": "semicolons", "\t": "tabs"}[cells[0]]
        raise Refused(f"Line {number:,}: {text!r} has {kind}, as a table has. {_ONE_ON_EACH_LINE}")
    if text.startswith(_QUOTES) or text.endswith(_QUOTES):
        raise Refused(f"Line {number:,}: {text!r} has quotation marks. Write {text.strip(''.join(_QUOTES))}")
    return text
