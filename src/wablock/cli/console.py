"""What every command shares: how it prints, how it refuses, and what it takes for a number id or an address.

Nothing here needs the server to be installed.
"""

import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.prompt import Confirm
from rich.table import Table
from rich.text import Text

from wablock.access import is_number_id
from wablock.printable import printable, printable_json, printable_lines
from wablock.public_address import BadAddress, checked_url

Json = Annotated[bool, Parameter(env_var="WABLOCK_JSON", negative="", help="Print JSON, for programs.")]
PhoneNumberId = Annotated[str, Parameter(help="Id of the business number.")]


class Refused(Exception):
    """The command asks for what cannot be; the message says what to do, in one line."""


def checked_number_id(text: str) -> str:
    """`text`, which can be a phone number id; raises `Refused` for any other."""
    if not is_number_id(text):
        raise Refused(f"{text!r} is not a phone number id: it has digits only, as 106540352242922")
    return text


def checked_url_text(url: str) -> str:
    """`url`, which something can be posted to; raises `Refused` for any other."""
    try:
        checked_url(url)
    except BadAddress as trouble:
        raise Refused(f"{url}: {trouble}") from None
    return url


def named(text: str, flag: str) -> str:
    """`text`, which says something; raises `Refused` for one that does not."""
    if not text.strip():
        raise Refused(f"{flag} must not be empty")
    return text


def show(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Rows as a table for people, or as one JSON array for programs."""
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


def print_json(data: Any) -> None:
    print(msgspec.json.format(json_text(data)))  # noqa: T201 - it is what was asked for


def json_text(data: Any) -> str:
    """`data` as JSON on one line; what a terminal would obey is escaped, which means the same to programs."""
    return printable_json(msgspec.json.encode(data).decode())


def say(*lines: str) -> None:
    # Plain and whole: what is printed is pasted into shells and read by scripts.
    _print(Console(soft_wrap=True), *lines)


def complain(text: str) -> None:
    """One line on standard error, which begins with the program's name."""
    _print(Console(stderr=True, soft_wrap=True, style="red"), f"wablock: {text}")


def remark(text: str) -> None:
    """What is no result: on standard error, so that results stay as programs read them."""
    _print(Console(stderr=True, soft_wrap=True), text)


def is_confirmed(question: str) -> bool:
    """Whether a person at the terminal agrees; no where there is none."""
    return sys.stdin.isatty() and Confirm.ask(Text(printable(question)))


def time_text(seconds: int, form: str = "%Y-%m-%d %H:%M") -> str:
    """A time since 1970 as people read it; the number itself where the calendar has no such day."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A fault of ours, as Python shows it; its message may quote what a stranger sent."""
    sys.stderr.write(printable_lines("".join(traceback.format_exception(kind, error, trace))))


def _print(console: Console, *lines: str) -> None:
    console.print("\n".join(map(printable, lines)), markup=False, highlight=False, emoji=False)


def _cell(value: Any) -> Text:
    """A cell that shows what it is given: a label may look like markup, or like orders to a terminal."""
    if value is None:
        return Text("-")
    return Text(printable(", ".join(value) if isinstance(value, list) else str(value)))
