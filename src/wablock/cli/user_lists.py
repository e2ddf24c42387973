"""`wablock user show`: every list of the account that has a user, and the numbers on which it is in force."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter

from wablock.cli.api_server import AccountServer
from wablock.cli.listed_users import filled, with_days
from wablock.cli.named_lists import ALL_NUMBERS, label
from wablock.cli.options import Json
from wablock.cli.output import print_json, say
from wablock.cli.tables import show as show_table
from wablock.client import Client, ListMember, NotListed, Number, SharedList

app = App(name="user")

_NO_OPTIONS: Final = AccountServer()
_OWN: Final = "own"
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


class _Entry(msgspec.Struct):
    """A list that has the user. `kind`: `own` for a number's own list, or that of the shared list."""

    list_id: str
    name: str | None
    kind: str
    attached_to: list[Number]
    member: ListMember


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
        lists = client.lists()
        numbers = client.numbers()
        entries = [*_own_entries(client, user, numbers), *_shared_entries(client, user, lists, numbers)]
    allowed = {it.phone_number_id for entry in entries if entry.kind == "allow" for it in entry.attached_to}
    if json:
        print_json({"user": user, "lists": [_for_programs(entry, allowed) for entry in entries]})
        return
    rows = [_row(entry, allowed, numbers) for entry in entries]
    show_table(rows, filled(rows, _COLUMNS), as_json=False, empty=f"{user} is on no list.")
    if rows:
        say(_conclusion(entries, allowed, numbers))


def _own_entries(client: Client, user: str, numbers: Sequence[Number]) -> Iterable[_Entry]:
    for number in numbers:
        member = _member(client, user, number.phone_number_id)
        if member is not None:
            yield _Entry(number.phone_number_id, number.name, _OWN, [number], member)


def _shared_entries(
    client: Client, user: str, lists: Sequence[SharedList], numbers: Sequence[Number]
) -> Iterable[_Entry]:
    for shared in lists:
        member = _member(client, user, shared.list_id)
        if member is not None:
            there = [it for it in numbers if shared.attached_to_all or it.phone_number_id in shared.phone_number_ids]
            yield _Entry(shared.list_id, shared.name, shared.kind, there, member)


def _member(client: Client, user: str, list_id: str) -> ListMember | None:
    try:
        return client.member(user, list_id=list_id)
    except NotListed:
        return None


def _in_force_on(entry: _Entry, allowed: set[str]) -> list[Number]:
    """The numbers on which the entry has an effect."""
    return [it for it in entry.attached_to if entry.kind == "allow" or it.phone_number_id not in allowed]


def _for_programs(entry: _Entry, allowed: set[str]) -> dict[str, Any]:
    in_force = {"in_force_on": [it.phone_number_id for it in _in_force_on(entry, allowed)]}
    name = {} if entry.name is None else {"name": entry.name}
    return {"list_id": entry.list_id, **name, "kind": entry.kind, **in_force, "member": entry.member}


def _row(entry: _Entry, allowed: set[str], numbers: Sequence[Number]) -> dict[str, Any]:
    member = with_days(msgspec.to_builtins(entry.member))
    member |= {column: member[name] for name, column in _RENAMED.items() if name in member}
    places = _labels(_in_force_on(entry, allowed), numbers)
    return member | {"list": entry.name or entry.list_id, "kind": entry.kind, "in_force_on": places}


def _labels(in_force: Sequence[Number], numbers: Sequence[Number]) -> list[str]:
    return [ALL_NUMBERS] if len(in_force) == len(numbers) > 1 else [label(it) for it in in_force]


def _conclusion(entries: Sequence[_Entry], allowed: set[str], numbers: Sequence[Number]) -> str:
    ids = {it.phone_number_id for entry in entries if entry.kind != "allow" for it in _in_force_on(entry, allowed)}
    blocked = _labels([it for it in numbers if it.phone_number_id in ids], numbers)
    return f"Blocked on {', '.join(blocked)}." if blocked else "Blocked on no number."
