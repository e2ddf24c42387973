"""`wablock user show`: every list of the account that has a user, and the numbers on which it is in force."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter

from wablock.cli.api_server import AccountServer
from wablock.cli.listed_users import filled, with_days
from wablock.cli.named_lists import ALL_NUMBERS, label
from wablock.cli.options import Json
from wablock.cli.output import print_json, say
from wablock.cli.tables import show as show_table
from wablock.client import Number, UserEntry, UserOfLists

app = App(name="user")

_NO_OPTIONS: Final = AccountServer()
_OWN: Final = "own"
_ALLOW: Final = "allow"
_COLUMNS: Final = (
    "list",
    "kind",
    "in_force_on",
    "since",
    "by",
    "reason",
    "note",
    "until",
    "updated_at",
    "updated_by",
    "source",
    "batch_id",
)
_RENAMED: Final = {"blocked_at": "since", "blocked_by": "by", "expires_at": "until"}


@app.command
def show(
    user: Annotated[str, Parameter(help="Phone number with country code, or user_id.")],
    *,
    server: AccountServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    """Show every list that has a user, since when, by which author and why, and on which numbers it is in force.

    A block list is not in force on a number where an allow list has the user.
    """
    with server.client() as client:
        found = client.user(user)
        numbers = client.numbers()
    if json:
        print_json({"user": user, "blocked_on": found.blocked_on, "lists": _for_programs(found, numbers)})
        return
    rows = [_row(entry, found, numbers) for entry in found.lists]
    # A token for some numbers does not show the shared lists that block the user there.
    empty = f"{user} is on no list that the token may show." if found.blocked_on else f"{user} is on no list."
    show_table(rows, filled(rows, _COLUMNS), as_json=False, empty=empty)
    if rows or found.blocked_on:
        blocked = _labels([it for it in numbers if it.phone_number_id in found.blocked_on], numbers)
        say(f"Blocked on {', '.join(blocked)}." if blocked else "Blocked on no number.")


def _in_force_on(entry: UserEntry, found: UserOfLists, numbers: Sequence[Number]) -> list[Number]:
    """The numbers on which the entry has an effect."""
    there = [it for it in numbers if entry.attached_to_all or it.phone_number_id in entry.phone_number_ids]
    return there if entry.kind == _ALLOW else [it for it in there if it.phone_number_id in found.blocked_on]


def _for_programs(found: UserOfLists, numbers: Sequence[Number]) -> list[dict[str, Any]]:
    return [
        {
            "list_id": entry.list_id,
            **({} if (name := _name(entry, numbers)) is None else {"name": name}),
            "kind": entry.kind,
            "in_force_on": [it.phone_number_id for it in _in_force_on(entry, found, numbers)],
            "member": entry.member,
        }
        for entry in found.lists
    ]


def _row(entry: UserEntry, found: UserOfLists, numbers: Sequence[Number]) -> dict[str, Any]:
    member = with_days(msgspec.to_builtins(entry.member))
    member |= {column: member[name] for name, column in _RENAMED.items() if name in member}
    places = _labels(_in_force_on(entry, found, numbers), numbers)
    return member | {"list": _name(entry, numbers) or entry.list_id, "kind": entry.kind, "in_force_on": places}


def _name(entry: UserEntry, numbers: Sequence[Number]) -> str | None:
    """The name of the shared list, or of the number whose own list it is."""
    if entry.kind != _OWN:
        return entry.name
    return next((it.name for it in numbers if it.phone_number_id == entry.list_id), None)


def _labels(in_force: Sequence[Number], numbers: Sequence[Number]) -> list[str]:
    return [ALL_NUMBERS] if len(in_force) == len(numbers) > 1 else [label(it) for it in in_force]
