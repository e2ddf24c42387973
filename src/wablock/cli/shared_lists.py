"""`wablock blocklist` and `wablock allowlist`: the lists that are in force on several numbers of an account."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter

from wablock.cli.acting import ActingAccountServer
from wablock.cli.api_server import AccountServer
from wablock.cli.arguments import Refused, is_confirmed
from wablock.cli.attachments import attach, attach_allow_list, detach
from wablock.cli.list_members import add, print_members, remove
from wablock.cli.listed_users import LARGEST_PAGE, All, Limit, Plain
from wablock.cli.named_lists import ALLOW, BLOCK, Kind, ListName, labels_of, list_named, places_of
from wablock.cli.options import Json, Yes
from wablock.cli.output import print_json, print_result
from wablock.cli.tables import show, time_text
from wablock.client import Client, SharedList
from wablock.names import BadName, checked_name

_NO_OPTIONS: Final = AccountServer()
_ACTING: Final = ActingAccountServer()
_COLUMNS: Final = ("name", "list_id", "attached_to", "created_at")

NewName = Annotated[str, Parameter(help="Name of the list, which no other list of the account has.")]


def _create(kind: Kind, name: NewName, *, server: ActingAccountServer = _ACTING, json: Json = False) -> None:
    try:
        name = checked_name(name)
    except BadName as error:
        raise Refused(f"NAME {name!r} {error}") from None
    with server.client() as client:
        new = client.add_list(name, kind=kind.value)
    sentence = (
        f"Created {kind.noun} {new.name}. It has an effect where it is attached: "
        f"{kind.command_line('attach', new.name, options=['--all-numbers'])}"
    )
    print_result([new], sentence, as_json=json)


def _list(
    kind: Kind,
    list_: Annotated[str | None, Parameter(name="list", help="Name or id of a list whose users are listed.")] = None,
    *,
    all_: All = False,
    limit: Limit = None,
    plain: Plain = False,
    server: AccountServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    server = server.with_token()
    with server.client() as client:
        lists = client.lists()
        if list_ is not None:
            print_members(client, list_named(list_, lists, kind), limit, all_=all_, plain=plain, as_json=json)
            return
        if all_ or limit is not None or plain:
            raise Refused(f"--all, --limit and --plain list users: {kind.command_line('list')} LIST")
        lists = [it for it in lists if it.kind == kind.value]
        labels = {} if json else labels_of(client, lists)
    if json:
        print_json(lists)
        return
    rows = [_row(it, labels) for it in lists]
    show(rows, _COLUMNS, as_json=False, empty=f"No {kind.noun}s yet: {kind.command_line('create')} NAME")


def _row(shared: SharedList, labels: dict[str, str]) -> dict[str, Any]:
    created = {} if shared.created_at is None else {"created_at": time_text(shared.created_at)}
    row: dict[str, Any] = msgspec.to_builtins(shared)
    return row | {"attached_to": places_of(shared, labels)} | created


def _delete(
    kind: Kind, list_: ListName, *, yes: Yes = False, server: ActingAccountServer = _ACTING, json: Json = False
) -> None:
    with server.client() as client:
        shared = list_named(list_, client.lists(), kind)
        _check_is_attached_nowhere(client, shared, kind)
        members = f"{(count := _size(client, shared)):,} user{'' if count == 1 else 's'}"
        if not yes and not is_confirmed(f"Delete the {kind.noun} {shared.name} with {members}?"):
            raise Refused(f"Nothing was deleted; add --yes to delete {shared.name} with {members}")
        client.remove_list(shared.list_id)
    deleted = {"list_id": shared.list_id, "name": shared.name, "users": count}
    print_result([deleted], f"Deleted {kind.noun} {shared.name} with {members}.", as_json=json)


def _check_is_attached_nowhere(client: Client, shared: SharedList, kind: Kind) -> None:
    places = places_of(shared, labels_of(client, [shared]))
    if places:
        numbers = [text for it in shared.phone_number_ids for text in ("--number", it)]
        flags = ["--all-numbers"] if shared.attached_to_all else numbers
        how = kind.command_line("detach", shared.name, options=flags)
        raise Refused(f"{shared.name} is attached to {', '.join(places)}. Detach it first: {how}")


def _size(client: Client, shared: SharedList) -> int:
    return sum(1 for _ in client.members(list_id=shared.list_id, limit=LARGEST_PAGE))


_ADDING: Final = (
    "Users who are on it already stay as they are.\n\n"
    "Exit status 0: all are on it; 1: some failed; 2: the command could not finish."
)
_REMOVING: Final = (
    "Remove users from {one}.\n\nExit status 0: none of them is on it; 1: some failed; 2: the command could not finish."
)
_ATTACHING: Final = "Attach a block list to some numbers, or to all: its users are blocked there at once."
_FREEING: Final = (
    "Attach an allow list to some numbers, or to all: no list blocks its users there. "
    "Before users are freed, the command asks."
)
_COMMANDS: Final[dict[str, tuple[Callable[..., None], str]]] = {
    "create": (_create, "Create {one} without users."),
    "list": (_list, "List the {noun}s of the account; with LIST, the users on it, newest first."),
    "remove": (remove, _REMOVING),
    "detach": (detach, "Detach {one} from some numbers, or from all: it is no longer in force there."),
    "delete": (_delete, "Delete {one} and its users, after a question. It must not be attached to a number."),
}
_COMMANDS_OF_KIND: Final[Mapping[str, dict[str, tuple[Callable[..., None], str]]]] = {
    "block": {
        "add": (add, f"Add users to a block list: they are blocked on each number where it is attached. {_ADDING}"),
        "attach": (attach, _ATTACHING),
    },
    "allow": {
        "add": (add, f"Add users to an allow list: no list blocks them on a number where it is attached. {_ADDING}"),
        "attach": (attach_allow_list, _FREEING),
    },
}


def _app(kind: Kind) -> App:
    app = App(name=kind.command)
    for name, (function, text) in (_COMMANDS | _COMMANDS_OF_KIND[kind.value]).items():
        help_text = text.format(noun=kind.noun, one=kind.one)
        app.command(partial(function, kind), name=name, help=help_text)
    return app


block_lists: Final = _app(BLOCK)
allow_lists: Final = _app(ALLOW)
