"""Output, errors and checks of arguments, shared by all commands.

This module must not import the server, which may not be installed.
"""

import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import msgspec
from rich.console import Console
from rich.prompt import Confirm
from rich.table import Table
from rich.text import Text

from wablock.access import is_number_id
from wablock.printable import printable, printable_json, printable_lines
from wablock.public_address import BadAddress, checked_url


class Refused(Exception):
    """The command cannot run with these arguments. The message says what to do, in one line."""


def checked_number_id(text: str) -> str:
    """Return `text` if it can be a phone number id; raises `Refused` if not."""
    if not is_number_id(text):
        raise Refused(f"{text!r} is not a phone number id: use digits only, such as 106540352242922")
    return text


def checked_url_text(url: str) -> str:
    """Return `url` if it is a valid address for requests; raises `Refused` if not."""
    try:
        checked_url(url)
    except BadAddress as error:
        raise Refused(f"{url}: {error}") from None
    return url


def not_blank(text: str, flag: str) -> str:
    """Return `text` if it is not blank; raises `Refused` if it is."""
    if not text.strip():
        raise Refused(f"{flag} must not be empty")
    return text


def show(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print the rows as a table for people, or as one JSON array for programs."""
    if as_json:
        print_json(rows)
    elif not rows:
        Console().print(empty)
    else:
        table = Table()
        for column in columns:  # an id that is cut off cannot be used
            table.add_column(column.replace("_", " "), overflow="fold")
        for row in rows:
            table.add_row(*[_cell(row.get(column)) for column in columns])
        Console().print(table)


def print_result(data: Any, sentence: str, *, as_json: bool) -> None:
    """Print the sentence for people, or the data for programs."""
    if as_json:
        print_json(data)
    else:
        say(sentence)


def print_json(data: Any) -> None:
    print(msgspec.json.format(json_text(data)))  # noqa: T201 - the command's output


def json_text(data: Any) -> str:
    """`data` as JSON on one line. Terminal control characters are escaped, which does not change the JSON value."""
    return printable_json(msgspec.json.encode(data).decode())


def say(*lines: str) -> None:
    # No wrapping or markup: people paste this output into shells, and scripts read it.
    _print(Console(soft_wrap=True), *lines)


def complain(text: str) -> None:
    """Print one line on standard error, which begins with the program's name."""
    _print(Console(stderr=True, soft_wrap=True, style="red"), f"wablock: {text}")


def remark(text: str) -> None:
    """Print a hint on standard error, because programs read the results on standard output."""
    _print(Console(stderr=True, soft_wrap=True), text)


def is_confirmed(question: str) -> bool:
    """Whether a person at the terminal agrees; False without a terminal."""
    return sys.stdin.isatty() and Confirm.ask(Text(printable(question)))


def time_text(seconds: int, form: str = "%Y-%m-%d %H:%M") -> str:
    """A readable time from seconds since 1970; the number itself if it is outside of the calendar."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback without control characters: the error's message may quote a remote input."""
    sys.stderr.write(printable_lines("".join(traceback.format_exception(kind, error, trace))))


def _print(console: Console, *lines: str) -> None:
    console.print("\n".join(map(printable, lines)), markup=False, highlight=False, emoji=False)


def _cell(value: Any) -> Text:
    """A cell with the literal text: a label may contain markup or terminal control characters."""
    if value is None:
        return Text("-")
    return Text(printable(", ".join(value) if isinstance(value, list) else str(value)))
