"""`wablock block`, `unblock`, `check` and `list`, which use a number's block list through the API."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any, Final

import msgspec

from wablock.cli.acting import ActingApiServer
from wablock.cli.api_server import ApiServer
from wablock.cli.arguments import Refused
from wablock.cli.changed_users import Words, change, counted, end_of, for_programs, report, show_failed
from wablock.cli.details import KEPT, Batch, Details, Note, Reason, new_batch
from wablock.cli.expiry import ExpiresInDays, Until, expiry
from wablock.cli.listed_users import DETAILS, All, Limit, Plain, filled, print_users, with_days
from wablock.cli.options import Json, flag
from wablock.cli.outcomes import outcome
from wablock.cli.output import print_json, remark, say
from wablock.cli.removed_members import WhyRemoved
from wablock.cli.still_blocked import SharedListCheck
from wablock.cli.tables import show
from wablock.cli.users import UserArguments, UsersFile, read_users
from wablock.client import BlockedUser, CheckedUser, Client, UserDone

_NO_OPTIONS: Final = ApiServer()
_ACTING: Final = ActingApiServer()
_CHECKED: Final = ("input", "wa_id", "user_id", "blocked", "list", "blocked_at", "expires_at", "reason")
_UNFINISHED: Final = 2
_NOT_ALL: Final = 1


def block(
    *users: UserArguments,
    file: UsersFile = None,
    reason: Reason = None,
    note: Note = None,
    until: Until = None,
    expires_in_days: ExpiresInDays = None,
    replace: Annotated[
        bool, flag("Users who are already blocked get this reason, note and end, and lose those that are not given.")
    ] = False,
    batch: Batch = None,
    block_api: Annotated[
        bool,
        flag("Use the Block API, as for Meta: users who are already blocked lose their end, if this command has none."),
    ] = False,
    server: ActingApiServer = _ACTING,
    json: Json = False,
) -> None:
    expires_at = expiry(until, expires_in_days, time.time())
    if block_api and (replace or batch is not None):
        raise Refused(
            f"Pass --block-api or {'--replace' if replace else '--batch'}, not both: the Block API has no such"
        )
    names = read_users(users, file, server)
    if batch is None and not users and not block_api:
        batch = new_batch()
    details = Details(reason, note, expires_at, batch, replace=replace)

    def blocking(client: Client, chunk: Sequence[str]) -> Sequence[UserDone]:
        if block_api:
            return client.block(chunk, reason=reason, note=note, expires_at=expires_at)
        return details.add(client, chunk)

    kept = KEPT.format("blocked") if details.are_kept and not block_api else ""
    change(names, server, blocking, Words("Blocked", "already blocked", kept, batch), as_json=json)


def unblock(
    *users: UserArguments,
    file: UsersFile = None,
    reason: WhyRemoved = None,
    server: ActingApiServer = _ACTING,
    json: Json = False,
) -> None:
    names = read_users(users, file, server)
    server = server.with_token()
    result = outcome(names, server, partial(Client.unblock, reason=reason), "Unblocked")
    shared_lists = SharedListCheck()
    shared_lists.run(result, server)
    result.done, still_blocked = shared_lists.separate(result.done)
    if shared_lists.denied:
        remark("Shared lists were not checked, which may still block these users: the token needs the scope read.")
    report(result, Words("Unblocked", "not blocked"), still_blocked, as_json=json)


def check(*users: UserArguments, file: UsersFile = None, server: ApiServer = _NO_OPTIONS, json: Json = False) -> None:
    result = outcome(read_users(users, file, server), server, Client.check, "Checking")
    if json:
        print_json(for_programs("users", result))
    else:
        each = {user.wa_id or user.user_id or user.input: user for user in result.done}  # some have two spellings
        rows = [_checked(user) for user in each.values()]
        show(rows, filled(rows, _CHECKED), as_json=False, empty="No users were checked.")
        show_failed(result.failed)
        if result.refusal:
            say(f"Checked {counted(len(rows))}{end_of(result)}.")
    if result.refusal:
        raise result.refusal
    if result.failed:
        sys.exit(_UNFINISHED)
    if not all(user.blocked for user in result.done):
        sys.exit(_NOT_ALL)


def list_(
    *,
    all_: All = False,
    limit: Limit = None,
    details: Annotated[bool, flag("Add the time, author and reason. Only for wablock servers.")] = False,
    plain: Plain = False,
    server: ApiServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    @contextmanager
    def read(page_size: int) -> Iterator[Iterator[BlockedUser]]:
        with server.client() as client:
            yield client.blocked_users(limit=page_size, fields=DETAILS if details else None)

    print_users(read, limit, all_=all_, plain=plain, as_json=json, empty="No users are blocked.")


def _checked(user: CheckedUser) -> dict[str, Any]:
    shared = {} if user.list is None else {"list": user.list.name}
    return with_days(msgspec.to_builtins(user)) | {"blocked": "yes" if user.blocked else "no"} | shared
