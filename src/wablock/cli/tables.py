r"""Tables for people. No number, id or date is ever cut or broken.

In a terminal that is too narrow, each row becomes a block of lines, as in `psql` with `\x auto`. Into a pipe or a file
a table is as wide as its rows are, with one line for each row.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from wablock.cli.output import Output, encodable, print_json, write
from wablock.printable import printable

_SENTENCES: Final = frozenset(("label", "reason", "note", "what_to_do", "what", "why", "left_because", "meaning"))
"""The columns with sentences. They may be wrapped between words."""

_NARROWEST_SENTENCE: Final = 24  # columns of a terminal
_BETWEEN_COLUMNS: Final = 2


def show(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print the rows as a table for people, or as one JSON array for programs."""
    if as_json:
        print_json(rows)
        return
    console = Output(soft_wrap=True)
    if not rows:
        console.print(empty, markup=False, highlight=False)
        return
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(cell_len, texts)) for texts in zip(_headers(columns), *cells, strict=True)]
    if not console.is_terminal:
        _print_table(console, columns, cells, widths)
    elif (narrowed := _narrowed(columns, widths, console.width)) is not None:
        _print_table(console, columns, cells, narrowed)
    else:
        _print_blocks(console, columns, cells)


def time_text(seconds: int) -> str:
    """A time from seconds since 1970, as ISO 8601 with its zone; the number itself if it is outside of the calendar."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def _headers(columns: Sequence[str]) -> list[str]:
    return [column.replace("_", " ") for column in columns]


def _narrowed(columns: Sequence[str], widths: list[int], available: int) -> list[int] | None:
    """The widths of columns in a terminal with `available` columns; None if the table does not fit."""
    excess = sum(widths) + _BETWEEN_COLUMNS * (len(widths) - 1) - available
    narrowed = list(widths)
    for index, column in enumerate(columns):
        if column in _SENTENCES and excess > 0:
            narrowed[index] = max(widths[index] - excess, min(widths[index], _NARROWEST_SENTENCE))
            excess -= widths[index] - narrowed[index]
    return narrowed if excess <= 0 else None


def _print_table(console: Output, columns: Sequence[str], cells: Sequence[Sequence[str]], widths: list[int]) -> None:
    [header] = _lines(console, _headers(columns), widths)
    console.print(Text(header, "bold"))
    for row in cells:
        for line in _lines(console, row, widths):
            write(line)


def _lines(console: Output, row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    wrapped = [Text(cell).wrap(console, max(width, 1)) for cell, width in zip(row, widths, strict=True)]
    for parts in zip_longest(*wrapped, fillvalue=Text()):
        padded = [set_cell_size(part.plain, width) for part, width in zip(parts, widths, strict=True)]
        yield (" " * _BETWEEN_COLUMNS).join(padded).rstrip()


def _print_blocks(console: Output, columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    headers = _headers(columns)
    widest = max(map(cell_len, headers))
    for row in cells:
        for header, cell in zip(headers, row, strict=True):
            console.print(Text.assemble((header.ljust(widest + _BETWEEN_COLUMNS), "bold"), cell), highlight=False)
        console.print()


def _cell(value: Any) -> str:
    """The literal text: a label may contain markup or terminal control characters."""
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return encodable(printable(",".join(value) if isinstance(value, list) else str(value)))
