"""The users on a shared list: to add, to remove, to list."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Final

from wablock.cli.api_server import AccountServer
from wablock.cli.changed_users import Words, change
from wablock.cli.details import KEPT, Batch, Details, Note, Reason, new_batch
from wablock.cli.expiry import ExpiresInDays, Until, expiry
from wablock.cli.listed_users import print_users
from wablock.cli.named_lists import ALLOW, Kind, ListName, list_named
from wablock.cli.options import Json, flag
from wablock.cli.users import UserArguments, UsersFile, read_users
from wablock.client import (
    BlockedUser,
    Client,
    ClientError,
    FailedUser,
    InvalidParameter,
    SharedList,
    SomeUsersFailed,
    UserDone,
)
from wablock.client.answers import ErrorBody, ErrorDetails

_NO_OPTIONS: Final = AccountServer()
_INVALID: Final = 100  # the code of an invalid parameter
_REMOVED_AT_ONCE: Final = 1  # the API has no request that removes several
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
    server: AccountServer = _NO_OPTIONS,
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
    server: AccountServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    names = read_users(users, file, server)
    server, shared = _server_and_list(server, list_, kind)

    def removing(client: Client, one: Sequence[str]) -> Sequence[UserDone]:
        return [_removed(client, shared, user) for user in one]

    words = Words("Removed", "not on it", place=f" from {shared.name}")
    change(names, server, removing, words, as_json=json, at_once=_REMOVED_AT_ONCE)


def print_members(
    client: Client, shared: SharedList, limit: int | None, *, all_: bool, plain: bool, as_json: bool
) -> None:
    @contextmanager
    def read(page_size: int) -> Iterator[Iterator[BlockedUser]]:
        yield client.members(list_id=shared.list_id, limit=page_size)

    renamed = _OF_ALLOW_LISTS if shared.kind == ALLOW.value else {}
    empty = f"No users are on {shared.name}."
    print_users(read, limit, all_=all_, plain=plain, as_json=as_json, empty=empty, renamed=renamed)


def _server_and_list(server: AccountServer, text: str, kind: Kind) -> tuple[AccountServer, SharedList]:
    server = server.with_token()
    with server.client() as client:
        return server, list_named(text, client.lists(), kind)


def _removed(client: Client, shared: SharedList, user: str) -> UserDone:
    """Raises as the client does for a request with one user."""
    try:
        removed = client.remove_member(user, list_id=shared.list_id)
    except InvalidParameter as error:  # it is not a user
        body = ErrorBody(error.message, error.code, error_data=ErrorDetails(error.details))
        raise SomeUsersFailed([], [FailedUser(user, errors=[body])]) from None
    except ValueError as error:  # it cannot be in a path, so the client did not send it
        raise SomeUsersFailed([], [FailedUser(user, errors=[ErrorBody(str(error), _INVALID)])]) from None
    except ClientError as error:
        error.unknown = [user] if error.may_have_taken_effect else ()
        raise
    return UserDone(user, effect=removed.effect)
