"""`wablock block`, `unblock`, `check` and `list`: a number's block list, through the API."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final

import msgspec
from cyclopts import Parameter, validators

from wablock.cli.api_server import ApiServer
from wablock.cli.console import Json, json_text, print_json, remark, say, show, time_text
from wablock.cli.outcomes import BulkOutcome, outcome
from wablock.cli.users import UserArguments, UsersFile, given_users
from wablock.client import BlockedUser, CheckedUser, Client, FailedUser, UserDone
from wablock.printable import printable

_DETAILS: Final = "input,user_id,reason,note,blocked_at,blocked_by,expires_at"
_NOBODYS: Final = ApiServer()
_LISTED: Final = ("wa_id", *_DETAILS.split(","))
_CHECKED: Final = ("input", "wa_id", "user_id", "blocked", "blocked_at", "expires_at", "reason")
_FIRST: Final = 25
_LARGEST_PAGE: Final = 1_000
_SOME_FAILED: Final = 1
_TROUBLE: Final = 2
_NOT_ALL: Final = 1

_ADVICE: Final = {
    131047: "The user has not written in the last 24 hours: block after the next message",
    131021: "It is the business's own number: leave it out",
    139101: "The list is full: unblock somebody first",
}
_NOBODY: Final = "Not a valid WhatsApp user: "


def block(
    *users: UserArguments,
    file: UsersFile = None,
    reason: Annotated[
        str | None, Parameter(env_var="WABLOCK_REASON", help="Why, up to 200 characters. wablock's own, not Meta's.")
    ] = None,
    note: Annotated[
        str | None, Parameter(env_var="WABLOCK_NOTE", help="What else is to be kept, up to 2,000 characters.")
    ] = None,
    expires_in_days: Annotated[
        float | None,
        Parameter(
            env_var="WABLOCK_EXPIRES_IN_DAYS",
            help="Days until the block ends. Default: never.",
            validator=validators.Number(gt=0, lte=36_500),
        ),
    ] = None,
    server: ApiServer = _NOBODYS,
    json: Json = False,
) -> None:
    expires_at = None if expires_in_days is None else int(time.time() + expires_in_days * 86_400)

    def blocking(client: Client, chunk: Sequence[str]) -> list[UserDone]:
        return client.block(chunk, reason=reason, note=note, expires_at=expires_at)

    _change(given_users(users, file, server), server, blocking, "Blocked", as_json=json)


def unblock(*users: UserArguments, file: UsersFile = None, server: ApiServer = _NOBODYS, json: Json = False) -> None:
    _change(given_users(users, file, server), server, Client.unblock, "Unblocked", as_json=json)


def check(*users: UserArguments, file: UsersFile = None, server: ApiServer = _NOBODYS, json: Json = False) -> None:
    found = outcome(given_users(users, file, server), server, Client.check, "Checking")
    if json:
        print_json(_for_programs("users", found))
    else:
        rows = [_checked(user) for user in found.done]
        show(rows, _filled(rows, _CHECKED), as_json=False, empty="Nobody was checked.")
        _show_failed(found.failed)
        if found.refusal:
            say(f"Checked {_counted(len(found.done))} before it failed.")
    if found.refusal:
        raise found.refusal
    if found.failed:
        sys.exit(_TROUBLE)
    if not all(user.blocked for user in found.done):
        sys.exit(_NOT_ALL)


def list_(
    *,
    all_: Annotated[
        bool, Parameter(name="--all", env_var="WABLOCK_ALL", negative="", help="List everybody, page after page.")
    ] = False,
    limit: Annotated[
        int, Parameter(env_var="WABLOCK_LIMIT", help="How many of the newest.", validator=validators.Number(gte=1))
    ] = _FIRST,
    details: Annotated[
        bool,
        Parameter(env_var="WABLOCK_DETAILS", negative="", help="Show since when, by whom, why. A wablock server only."),
    ] = False,
    plain: Annotated[
        bool,
        Parameter(env_var="WABLOCK_PLAIN", negative="", help="Print one user a line, as the other commands read them."),
    ] = False,
    server: ApiServer = _NOBODYS,
    json: Json = False,
) -> None:
    with server.asked() as client:
        found = client.blocked_users(
            limit=_LARGEST_PAGE if all_ else min(limit + 1, _LARGEST_PAGE), fields=_DETAILS if details else None
        )
        if json or plain:
            print_users = _print_array if json else _print_lines
            print_users(found if all_ else _first(found, limit))
            if not all_ and next(iter(found), None) is not None:
                remark("There are more: --all lists everybody.")
            return
        users = list(found) if all_ else list(_first(found, limit + 1))
    rows = [_listed(user) for user in (users if all_ else users[:limit])]
    show(rows, _filled(rows, _LISTED), as_json=False, empty="Nobody is blocked.")
    if len(users) > len(rows):
        say("There are more: --all lists everybody, --limit more of them.")


def _change(
    users: Sequence[str],
    server: ApiServer,
    change: Callable[[Client, Sequence[str]], list[UserDone]],
    done_word: str,
    *,
    as_json: bool,
) -> None:
    found = outcome(users, server, change, done_word)
    if as_json:
        print_json(_for_programs("done", found))
    else:
        say(f"{done_word} {_counted(len(found.done))}{' before it failed' if found.refusal else ''}.")
        _show_failed(found.failed)
    if found.refusal:
        raise found.refusal
    if found.failed:
        sys.exit(_SOME_FAILED)


def _for_programs(done: str, found: BulkOutcome[Any]) -> dict[str, Any]:
    told = {done: found.done, "failed": [_failed(user) for user in found.failed]}
    return told | ({"error": found.error} if found.error else {})


def _show_failed(failed: Sequence[FailedUser]) -> None:
    if failed:
        say(f"{_counted(len(failed))} failed:")
        show([_failed(user) for user in failed], ("input", "code", "what_to_do"), as_json=False, empty="")


def _counted(users: int) -> str:
    return f"{users:,} user{'' if users == 1 else 's'}"


def _failed(user: FailedUser) -> dict[str, Any]:
    """A user who failed, with what to do about it: a number that is none says so itself."""
    advice = user.reason.partition(_NOBODY)[2] or _ADVICE.get(user.code, user.reason)
    told = {"input": user.input, "wa_id": user.wa_id, "code": user.code, "reason": user.reason, "what_to_do": advice}
    return {name: value for name, value in told.items() if value is not None}


def _checked(user: CheckedUser) -> dict[str, Any]:
    return _with_days(msgspec.to_builtins(user)) | {"blocked": "yes" if user.blocked else "no"}


def _listed(user: BlockedUser) -> dict[str, Any]:
    return _with_days(msgspec.to_builtins(user))


def _filled(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> list[str]:
    """Those of the columns in which a row has something."""
    return [column for column in columns if any(column in row for row in rows)]


def _with_days(row: dict[str, Any]) -> dict[str, Any]:
    """`row` with its times as people read them."""
    times = {name: row[name] for name in ("blocked_at", "expires_at") if row.get(name) is not None}
    return row | {name: time_text(at) for name, at in times.items()}


def _first(found: Iterable[BlockedUser], count: int) -> Iterable[BlockedUser]:
    return (user for _, user in zip(range(count), found, strict=False))


def _print_lines(users: Iterable[BlockedUser]) -> None:
    for user in users:
        print(printable(user.wa_id or user.user_id or ""))  # noqa: T201 - it is what was asked for


def _print_array(users: Iterable[BlockedUser]) -> None:
    """One JSON array, a user a line, printed as they come: a list may have a million."""
    separator = "["
    for user in users:
        print(separator + json_text(user))  # noqa: T201 - it is what was asked for
        separator = ","
    print("[]" if separator == "[" else "]")  # noqa: T201
