"""What the commands on a database have in common: opening it, and showing what is found."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wablock.access import is_number_id
from wablock.addresses import BadAddress, checked_url
from wablock.cli.logs import harmless
from wablock.server.metrics import Metrics
from wablock.settings import default_database
from wablock.storage import Store, open_store

T = TypeVar("T")

Json = Annotated[bool, Parameter(env_var="WABLOCK_JSON", negative="", help="Print JSON, for programs.")]


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


def on_store(database: str | None, work: Callable[[Store], Awaitable[T]]) -> T:
    """What `work` gives, on the database at this URL; raises `CannotOpen`."""

    async def opened() -> T:
        store = open_store(database or default_database(), Metrics())
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(opened())


def show(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Rows as a table for people, or as one JSON array for programs."""
    if as_json:
        print_json(rows)
    elif not rows:
        Console().print(empty)
    else:
        table = Table(*[column.replace("_", " ") for column in columns])
        for row in rows:
            table.add_row(*[_cell(row.get(column)) for column in columns])
        Console().print(table)


def print_json(data: Any) -> None:
    print(msgspec.json.format(msgspec.json.encode(data)).decode())  # noqa: T201 - it is what was asked for


def say(text: str) -> None:
    # Plain and whole: what is printed is pasted into shells and read by scripts.
    Console(soft_wrap=True).print(text, markup=False, highlight=False)


def _cell(value: Any) -> Text:
    """A cell that shows what it is given: a label may look like markup, or like orders to a terminal."""
    if value is None:
        return Text("-")
    return Text(harmless(", ".join(value) if isinstance(value, list) else str(value)))
