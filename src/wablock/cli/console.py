"""What every command shares: how it prints, how it refuses, and what it takes for a number id or an address.

Nothing here needs the server to be installed.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wablock.access import is_number_id
from wablock.addresses import BadAddress, checked_url

Json = Annotated[bool, Parameter(env_var="WABLOCK_JSON", negative="", help="Print JSON, for programs.")]

_ORDER = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)  # to a terminal: a color, a title, a line


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
    return _ORDER.sub(lambda order: f"\\u{ord(order[0]):04x}", msgspec.json.encode(data).decode())


def say(text: str) -> None:
    # Plain and whole: what is printed is pasted into shells and read by scripts.
    Console(soft_wrap=True).print(text, markup=False, highlight=False, emoji=False)


def _cell(value: Any) -> Text:
    """A cell that shows what it is given: a label may look like markup, or like orders to a terminal."""
    if value is None:
        return Text("-")
    return Text(harmless(", ".join(value) if isinstance(value, list) else str(value)))


def harmless(text: str) -> str:
    """`text` on one line, without what a terminal would obey."""
    return _ORDER.sub("\N{REPLACEMENT CHARACTER}", text)
