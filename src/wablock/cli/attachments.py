"""`wablock blocklist attach` and `detach`, and the same for allow lists: on which numbers a list is in force."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from wablock.cli.acting import ActingAccountServer
from wablock.cli.api_server import AccountServer, Server
from wablock.cli.arguments import Refused, is_confirmed
from wablock.cli.changed_users import freed_text, user_text
from wablock.cli.listed_users import LARGEST_PAGE
from wablock.cli.named_lists import (
    ALL_NUMBERS,
    AllNumbers,
    Kind,
    ListName,
    Numbers,
    label,
    list_named,
    numbers_named,
)
from wablock.cli.options import Json, Yes
from wablock.cli.output import print_json, say
from wablock.client import AttachedList, Client, Number, SharedList
from wablock.client.users import chunks

_NO_OPTIONS: Final = ActingAccountServer()


class _Place(msgspec.Struct, frozen=True):
    """Where a list is attached: a number, or all numbers if it is None."""

    number: Number | None = None

    def server(self, server: AccountServer) -> Server:
        """The server for a client of the number, or of the account."""
        return server if self.number is None else server.of_number(self.number.phone_number_id)

    def __str__(self) -> str:
        return ALL_NUMBERS if self.number is None else label(self.number)


def attach(
    kind: Kind,
    list_: ListName,
    *,
    number: Numbers = None,
    all_numbers: AllNumbers = False,
    server: ActingAccountServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    _attach(kind, list_, number, server.with_token(), all_numbers=all_numbers, asks=False, as_json=json)


def attach_allow_list(
    kind: Kind,
    list_: ListName,
    *,
    number: Numbers = None,
    all_numbers: AllNumbers = False,
    yes: Yes = False,
    server: ActingAccountServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    _attach(kind, list_, number, server.with_token(), all_numbers=all_numbers, asks=not yes, as_json=json)


def _attach(
    kind: Kind,
    text: str,
    texts: Sequence[str] | None,
    server: AccountServer,
    *,
    all_numbers: bool,
    asks: bool,
    as_json: bool,
) -> None:
    with server.client() as client:
        shared = list_named(text, client.lists(), kind)
        places, numbers = _places(client, texts, all_numbers=all_numbers)
        if asks:
            _ask(server, client, shared, places, numbers)

    def attaching(client: Client, place: _Place) -> tuple[dict[str, Any], list[str]]:
        attached = client.attach(shared.list_id, all_numbers=place.number is None)
        return _attached_for_programs(attached), _attached_lines(shared, place, attached)

    _at_each(server, places, shared, attaching, as_json=as_json)


def detach(
    kind: Kind,
    list_: ListName,
    *,
    number: Numbers = None,
    all_numbers: AllNumbers = False,
    server: ActingAccountServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    server = server.with_token()
    with server.client() as client:
        shared = list_named(list_, client.lists(), kind)
        places, numbers = _places(client, number, all_numbers=all_numbers)
        if shared.attached_to_all and not all_numbers:
            how = kind.command_line("detach", shared.name, options=["--all-numbers"])
            raise Refused(f"{shared.name} is attached to all numbers and would stay in force: {how}")

    def detaching(client: Client, place: _Place) -> tuple[dict[str, Any], list[str]]:
        was_there = client.detach(shared.list_id, all_numbers=place.number is None)
        effect = "detached" if was_there else "not_there"
        return {"effect": effect}, _detached_lines(shared, place, numbers, was_there=was_there)

    _at_each(server, places, shared, detaching, as_json=json)


def _places(
    client: Client, texts: Sequence[str] | None, *, all_numbers: bool
) -> tuple[Sequence[_Place], Sequence[Number]]:
    """The places that the flags name, and all numbers. Raises `Refused`, before anything is changed."""
    if bool(texts) is all_numbers:
        raise Refused("Pass --number, which may be repeated, or --all-numbers")
    numbers = client.numbers()
    places = [_Place()] if all_numbers else [_Place(it) for it in numbers_named(numbers, texts or ())]
    return places, numbers


def _at_each(
    server: AccountServer,
    places: Sequence[_Place],
    shared: SharedList,
    change: Callable[[Client, _Place], tuple[dict[str, Any], list[str]]],
    *,
    as_json: bool,
) -> None:
    """Change each place. If one fails, those before it are reported."""
    results: list[dict[str, Any]] = []
    try:
        for place in places:
            with place.server(server).client() as client:
                result, lines = change(client, place)
            where = {"all": True} if place.number is None else {"phone_number_id": place.number.phone_number_id}
            results.append({"list_id": shared.list_id, "name": shared.name, **where, **result})
            if not as_json:
                say(*lines)
    finally:
        if as_json and results:
            print_json(results)


def _attached_for_programs(attached: AttachedList) -> dict[str, Any]:
    users = [{name: value for name, value in msgspec.to_builtins(it).items() if value} for it in attached.freed_users]
    return {"effect": attached.effect} | ({"freed": attached.freed, "freed_users": users} if attached.freed else {})


def _attached_lines(shared: SharedList, place: _Place, attached: AttachedList) -> list[str]:
    if attached.effect == "unchanged":
        return [f"{shared.name} was already attached to {place}."]
    users = [user_text(it.wa_id, it.user_id) for it in attached.freed_users]
    freed = f" It {freed_text(attached.freed, users)}" if attached.freed else ""
    return [f"Attached {shared.name} to {place}.{freed}"]


def _detached_lines(shared: SharedList, place: _Place, numbers: Sequence[Number], *, was_there: bool) -> list[str]:
    first = f"Detached {shared.name} from {place}." if was_there else f"{shared.name} was not attached to {place}."
    still = [label(it) for it in numbers if it.phone_number_id in shared.phone_number_ids]
    if place.number is None and still:
        return [first, f"It is still attached to {', '.join(still)}."]
    return [first]


def _ask(
    server: AccountServer, client: Client, shared: SharedList, places: Sequence[_Place], numbers: Sequence[Number]
) -> None:
    """Ask before users are freed; raises `Refused` without a yes."""
    there = [it.number for it in places if it.number is not None] or list(numbers)
    freed = _blocked_members(server, client, shared, [it.phone_number_id for it in there])
    where = ", ".join(map(str, places))
    if not freed or is_confirmed(f"Attach {shared.name} to {where}? It {freed_text(len(freed), freed)}"):
        return
    raise Refused(f"Nothing was attached; add --yes to attach {shared.name}, which {freed_text(len(freed), freed)}")


def _blocked_members(
    server: AccountServer, client: Client, shared: SharedList, phone_number_ids: Sequence[str]
) -> list[str]:
    """The members of the list who are blocked on one of the numbers.

    They are checked by their wa_ids, without +: a number that WhatsApp has sent need not be one of a numbering plan.
    """
    blocked: list[str] = []
    for members in chunks(client.members(list_id=shared.list_id, limit=LARGEST_PAGE)):
        texts = {it.wa_id or it.user_id or "": user_text(it.wa_id, it.user_id) for it in members}
        free = list(texts)
        for phone_number_id in phone_number_ids:
            if free:
                with server.of_number(phone_number_id).client() as of_number:
                    checked = of_number.check(free, may_list=False)
                blocked += [texts[it.input] for it in checked if it.blocked]
                free = [it.input for it in checked if not it.blocked]
    return blocked
