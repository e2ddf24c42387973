"""`wablock block`, `unblock`, `check` and `list`, which use a number's block list through the API."""

import secrets
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from cyclopts import validators

from wablock.cli.api_server import ApiServer
from wablock.cli.arguments import Refused
from wablock.cli.expiry import ExpiresInDays, Until, expiry
from wablock.cli.options import Json, flag, option
from wablock.cli.outcomes import BulkOutcome, outcome
from wablock.cli.output import json_text, print_json, remark, say, write
from wablock.cli.tables import show, time_text
from wablock.cli.users import UserArguments, UsersFile, read_users
from wablock.client import BlockedUser, CheckedUser, Client, FailedUser, UserDone
from wablock.printable import printable
from wablock.whole_numbers import whole

_DETAILS: Final = "input,user_id,reason,note,blocked_at,blocked_by,expires_at,updated_at,updated_by,source,batch_id"
_NO_OPTIONS: Final = ApiServer()
_LISTED: Final = ("wa_id", *_DETAILS.split(","))
_CHECKED: Final = ("input", "wa_id", "user_id", "blocked", "blocked_at", "expires_at", "reason")
_FIRST: Final = 25
_LARGEST_PAGE: Final = 1_000
_SOME_FAILED: Final = 1
_UNFINISHED: Final = 2
_NOT_ALL: Final = 1

_ADVICE: Final = {
    131047: "The user has not written in the last 24 hours: block after the next message",
    131021: "This is the business's own number: remove it",
    139101: "The list is full: unblock another user first",
}
_KEPT: Final = "Users who were already blocked keep their reason, note and end. --replace gives them these."
_WITHOUT_CHANGE: Final = ("unchanged", "updated", "not_there")
_NOT_A_USER: Final = "Not a valid WhatsApp user: "


@dataclass(frozen=True)
class _Words:
    """The words of a report: what was done, and what needed no change. `kept`: a remark if users keep their details."""

    done: str
    unchanged: str
    kept: str = ""
    batch: str | None = None


def block(
    *users: UserArguments,
    file: UsersFile = None,
    reason: Annotated[str | None, option("Reason, up to 200 characters. Only for wablock, not for Meta.")] = None,
    note: Annotated[str | None, option("Note, up to 2,000 characters. Only for wablock, not for Meta.")] = None,
    until: Until = None,
    expires_in_days: ExpiresInDays = None,
    replace: Annotated[
        bool, flag("Users who are already blocked get this reason, note and end, and lose those that are not given.")
    ] = False,
    batch: Annotated[
        str | None,
        option(
            "Name of the batch, stored with each new user. Default: a new name, if the users are from a file or input."
        ),
    ] = None,
    block_api: Annotated[
        bool,
        flag("Use the Block API, as for Meta: users who are already blocked lose their end, if this command has none."),
    ] = False,
    server: ApiServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    expires_at = expiry(until, expires_in_days, time.time())
    if block_api and (replace or batch is not None):
        raise Refused(
            f"Pass --block-api or {'--replace' if replace else '--batch'}, not both: the Block API has no such"
        )
    names = read_users(users, file, server)
    if batch is None and not users and not block_api:
        batch = _new_batch()

    def blocking(client: Client, chunk: Sequence[str]) -> list[UserDone]:
        if block_api:
            return client.block(chunk, reason=reason, note=note, expires_at=expires_at)
        return client.add_members(
            chunk,
            reason=reason,
            note=note,
            expires_at=expires_at,
            source="cli",
            batch_id=batch,
            if_listed="replace" if replace else "keep",
        )

    keeps = not (block_api or replace) and (reason, note, expires_at) != (None, None, None)
    _change(names, server, blocking, _Words("Blocked", "already blocked", _KEPT if keeps else "", batch), as_json=json)


def unblock(*users: UserArguments, file: UsersFile = None, server: ApiServer = _NO_OPTIONS, json: Json = False) -> None:
    _change(read_users(users, file, server), server, Client.unblock, _Words("Unblocked", "not blocked"), as_json=json)


def check(*users: UserArguments, file: UsersFile = None, server: ApiServer = _NO_OPTIONS, json: Json = False) -> None:
    result = outcome(read_users(users, file, server), server, Client.check, "Checking")
    if json:
        print_json(_for_programs("users", result))
    else:
        each = {user.wa_id or user.user_id or user.input: user for user in result.done}  # some have two spellings
        rows = [_checked(user) for user in each.values()]
        show(rows, _filled(rows, _CHECKED), as_json=False, empty="No users were checked.")
        _show_failed(result.failed)
        if result.refusal:
            say(f"Checked {_counted(len(rows))}{_end(result)}.")
    if result.refusal:
        raise result.refusal
    if result.failed:
        sys.exit(_UNFINISHED)
    if not all(user.blocked for user in result.done):
        sys.exit(_NOT_ALL)


def list_(
    *,
    all_: Annotated[bool, flag("List all users, page after page.", name="--all")] = False,
    limit: Annotated[
        int | None,
        whole(option(f"Number of users to list, newest first. Default: {_FIRST}.", validator=validators.Number(gte=1))),
    ] = None,
    details: Annotated[bool, flag("Add the time, author and reason. Only for wablock servers.")] = False,
    plain: Annotated[bool, flag("Print one user on each line, in the format of --file.")] = False,
    server: ApiServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    if all_ and limit is not None:
        raise Refused("Pass --all or --limit, not both")
    limit = limit or _FIRST
    with server.client() as client:
        blocked = client.blocked_users(
            limit=_LARGEST_PAGE if all_ else min(limit + 1, _LARGEST_PAGE), fields=_DETAILS if details else None
        )
        if json or plain:
            print_users = _print_array if json else _print_lines
            print_users(blocked if all_ else _first(blocked, limit))
            if not all_ and next(iter(blocked), None) is not None:
                remark("There are more: --all lists all users.")
            return
        users = list(blocked) if all_ else list(_first(blocked, limit + 1))
    shown = users if all_ else users[:limit]
    show_blocked(shown)
    if len(users) > len(shown):
        say("There are more: --all lists all users, --limit N lists N users.")


def show_blocked(users: Sequence[BlockedUser]) -> None:
    """Print a table of the users, with the columns that have a value."""
    rows = [_with_days(msgspec.to_builtins(user)) for user in users]
    show(rows, _filled(rows, _LISTED), as_json=False, empty="No users are blocked.")


def _change(
    users: Sequence[str],
    server: ApiServer,
    change: Callable[[Client, Sequence[str]], list[UserDone]],
    words: _Words,
    *,
    as_json: bool,
) -> None:
    result = outcome(users, server, change, words.done)
    try:
        if as_json:
            batch = {} if words.batch is None else {"batch_id": words.batch}
            print_json(_for_programs("done", result) | batch)
        else:
            say(_summary(result.done, words, _end(result)), *_remarks(result, words))
            _show_failed(result.failed)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Interrupted. {_summary(result.done, words, '')}") from None
    if result.refusal:
        raise result.refusal
    if result.failed:
        sys.exit(_SOME_FAILED)


def _end(result: BulkOutcome[Any]) -> str:
    if isinstance(result.cause, KeyboardInterrupt):
        return " before it was interrupted"
    return " before it failed" if result.refusal else ""


def _for_programs(done: str, result: BulkOutcome[Any]) -> dict[str, Any]:
    report = {done: result.done, "failed": [_failed(user) for user in result.failed]}
    return report | ({"error": result.error} if result.error else {})


def _show_failed(failed: Sequence[FailedUser]) -> None:
    if failed:
        say(f"{_counted(len(failed))} failed:")
        show([_failed(user) for user in failed], ("input", "code", "what_to_do"), as_json=False, empty="")


def _remarks(result: BulkOutcome[UserDone], words: _Words) -> list[str]:
    """What else to say: which users keep their details, and in which batch the new users are."""
    effects = {user.effect for user in result.done}
    kept = [words.kept] if words.kept and "unchanged" in effects else []
    may_have_new = words.batch is not None and ("added" in effects or result.unknown)
    return kept + ([f"Batch: {words.batch}"] if may_have_new else [])


def _new_batch() -> str:
    """A name that no other run has, and that shows the time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _summary(done: Sequence[UserDone], words: _Words, end: str) -> str:
    """The number of users who were changed, and of users who needed no change. A repeated user counts once."""
    effects: dict[str, str | None] = {}
    for user in done:
        effects.setdefault(user.wa_id or user.user_id or user.input, user.effect)
    unchanged = sum(effect in _WITHOUT_CHANGE for effect in effects.values())
    updated = sum(effect == "updated" for effect in effects.values())
    summary = f"{words.done} {_counted(len(effects) - unchanged)}{end}"
    verb = "was" if unchanged == 1 else "were"
    details = (
        f"; {updated:,} of them now {'has' if updated == 1 else 'have'} the new reason, note or end" if updated else ""
    )
    return f"{summary}; {unchanged:,} {verb} {words.unchanged}{details}." if unchanged else f"{summary}."


def _counted(users: int) -> str:
    return f"{users:,} user{'' if users == 1 else 's'}"


def _failed(user: FailedUser) -> dict[str, Any]:
    """A user who failed, with advice. For an invalid number, the server's own text is the advice."""
    why = user.reason.partition(_NOT_A_USER)[2]
    advice = why[:1].upper() + why[1:] or _ADVICE.get(user.code, user.reason)
    row = {"input": user.input, "wa_id": user.wa_id, "code": user.code, "reason": user.reason, "what_to_do": advice}
    return {name: value for name, value in row.items() if value is not None}


def _checked(user: CheckedUser) -> dict[str, Any]:
    return _with_days(msgspec.to_builtins(user)) | {"blocked": "yes" if user.blocked else "no"}


def _filled(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> list[str]:
    """The columns in which at least one row has a value."""
    return [column for column in columns if any(column in row for row in rows)]


def _with_days(row: dict[str, Any]) -> dict[str, Any]:
    """`row` with readable times."""
    times = {name: row[name] for name in ("blocked_at", "expires_at", "updated_at") if row.get(name) is not None}
    return row | {name: time_text(at) for name, at in times.items()}


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
