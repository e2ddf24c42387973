"""The users on a list, for people as a table, for programs as lines or JSON."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Annotated, Any, Final

import msgspec
from cyclopts import validators

from wablock.cli.arguments import Refused
from wablock.cli.options import flag, option
from wablock.cli.output import json_text, remark, say, write
from wablock.cli.tables import show, time_text
from wablock.client import BlockedUser
from wablock.printable import printable
from wablock.whole_numbers import whole

DETAILS: Final = "input,user_id,reason,note,blocked_at,blocked_by,expires_at,updated_at,updated_by,source,batch_id"
LARGEST_PAGE: Final = 1_000

_LISTED: Final = ("wa_id", *DETAILS.split(","))
_FIRST: Final = 25
_AS_THEY_ARE: Final[Mapping[str, str]] = {}
_TIMES: Final = ("blocked_at", "expires_at", "updated_at")

All = Annotated[bool, flag("List all users, page after page.", name="--all")]
Limit = Annotated[
    int | None,
    whole(option(f"Number of users to list, newest first. Default: {_FIRST}.", validator=validators.Number(gte=1))),
]
Plain = Annotated[bool, flag("Print one user on each line, in the format of --file.")]


def print_users(
    read: Callable[[int], AbstractContextManager[Iterator[BlockedUser]]],
    limit: int | None,
    *,
    all_: bool,
    plain: bool,
    as_json: bool,
    empty: str,
    renamed: Mapping[str, str] = _AS_THEY_ARE,
) -> None:
    """Print the users that `read` returns for a page size: all, the first `limit`, or the first 25.

    `renamed`: other names for columns of the table.
    """
    if all_ and limit is not None:
        raise Refused("Pass --all or --limit, not both")
    limit = limit or _FIRST
    with read(LARGEST_PAGE if all_ else min(limit + 1, LARGEST_PAGE)) as listed:
        if as_json or plain:
            printing = _print_array if as_json else _print_lines
            printing(listed if all_ else _first(listed, limit))
            if not all_ and next(listed, None) is not None:
                remark("There are more: --all lists all users.")
            return
        users = list(listed) if all_ else list(_first(listed, limit + 1))
    shown = users if all_ else users[:limit]
    show_blocked(shown, empty, renamed)
    if len(users) > len(shown):
        say("There are more: --all lists all users, --limit N lists N users.")


def show_blocked(users: Sequence[BlockedUser], empty: str = "", renamed: Mapping[str, str] = _AS_THEY_ARE) -> None:
    """Print a table of the users, with the columns that have a value."""
    rows = [with_days(msgspec.to_builtins(user)) for user in users]
    columns = filled(rows, _LISTED)
    rows = [{renamed.get(column, column): row.get(column) for column in columns} for row in rows]
    show(rows, [renamed.get(column, column) for column in columns], as_json=False, empty=empty)


def filled(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> list[str]:
    """The columns in which at least one row has a value."""
    return [column for column in columns if any(column in row for row in rows)]


def with_days(row: dict[str, Any]) -> dict[str, Any]:
    """`row` with readable times."""
    return row | {name: time_text(row[name]) for name in _TIMES if row.get(name) is not None}


def _first(users: Iterable[BlockedUser], count: int) -> Iterable[BlockedUser]:
    return (user for _, user in zip(range(count), users, strict=False))


def _print_lines(users: Iterable[BlockedUser]) -> None:
    for user in users:
        write(printable(user.wa_id or user.user_id or ""))


def _print_array(users: Iterable[BlockedUser]) -> None:
    """One JSON array with a user on each line, printed as users arrive: a list may have a million."""
    separator = "["
    for user in users:
        write(separator + json_text(user))
        separator = ","
    write("[]" if separator == "[" else "]")
