"""The users on a shared list: to add, to remove, to list."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Final

from wablock.cli.acting import ActingAccountServer
from wablock.cli.changed_users import Words, change
from wablock.cli.details import KEPT, Batch, Details, Note, Reason, new_batch
from wablock.cli.expiry import ExpiresInDays, Until, expiry
from wablock.cli.listed_users import print_users
from wablock.cli.named_lists import ALLOW, Kind, ListName, list_named
from wablock.cli.options import Json, flag
from wablock.cli.removed_members import REMOVED_AT_ONCE, WhyRemoved, remove_one
from wablock.cli.users import UserArguments, UsersFile, read_users
from wablock.client import BlockedUser, Client, SharedList, UserDone

_NO_OPTIONS: Final = ActingAccountServer()
_OF_ALLOW_LISTS: Final = {"blocked_at": "added_at", "blocked_by": "added_by"}


def add(
    kind: Kind,
    list_: ListName,
    *users: UserArguments,
    file: UsersFile = None,
    reason: Reason = None,
    note: Note = None,
    until: Until = None,
    expires_in_days: ExpiresInDays = None,
    replace: Annotated[
        bool, flag("Users who are already on it get this reason, note and end, and lose those that are not given.")
    ] = False,
    batch: Batch = None,
    server: ActingAccountServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    expires_at = expiry(until, expires_in_days, time.time())
    names = read_users(users, file, server)
    details = Details(reason, note, expires_at, batch if batch is not None or users else new_batch(), replace=replace)
    server, shared = _server_and_list(server, list_, kind)

    def adding(client: Client, chunk: Sequence[str]) -> Sequence[UserDone]:
        return details.add(client, chunk, shared.list_id)

    kept = KEPT.format("on the list") if details.are_kept else ""
    is_attached = shared.attached_to_all or shared.phone_number_ids
    how = kind.command_line("attach", shared.name, options=["--all-numbers"])
    without_effect = "" if is_attached else f"{shared.name} is not attached, so it has no effect yet. Attach it: {how}"
    words = Words("Added", "already on it", kept, details.batch, f" to {shared.name}", without_effect)
    change(names, server, adding, words, as_json=json)


def remove(
    kind: Kind,
    list_: ListName,
    *users: UserArguments,
    file: UsersFile = None,
    reason: WhyRemoved = None,
    server: ActingAccountServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    names = read_users(users, file, server)
    server, shared = _server_and_list(server, list_, kind)
    removing = partial(remove_one, reason=reason, list_id=shared.list_id)
    words = Words("Removed", "not on it", place=f" from {shared.name}")
    change(names, server, removing, words, as_json=json, at_once=REMOVED_AT_ONCE)


def print_members(
    client: Client, shared: SharedList, limit: int | None, *, all_: bool, plain: bool, as_json: bool
) -> None:
    @contextmanager
    def read(page_size: int) -> Iterator[Iterator[BlockedUser]]:
        yield client.members(list_id=shared.list_id, limit=page_size)

    renamed = _OF_ALLOW_LISTS if shared.kind == ALLOW.value else {}
    empty = f"No users are on {shared.name}."
    print_users(read, limit, all_=all_, plain=plain, as_json=as_json, empty=empty, renamed=renamed)


def _server_and_list(server: ActingAccountServer, text: str, kind: Kind) -> tuple[ActingAccountServer, SharedList]:
    server = server.with_token()
    with server.client() as client:
        return server, list_named(text, client.lists(), kind)
