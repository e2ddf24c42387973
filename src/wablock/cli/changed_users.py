"""What commands say that change many users: counts, users who failed with advice, and the same as JSON."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wablock.cli.api_server import Server
from wablock.cli.named_lists import BLOCK
from wablock.cli.outcomes import BulkOutcome, outcome
from wablock.cli.output import print_json, say
from wablock.cli.still_blocked import StillBlocked
from wablock.cli.tables import show
from wablock.client import Client, FailedUser, UserDone
from wablock.client.users import MOST_IN_A_REQUEST

_SOME_FAILED: Final = 1
_MOST_SHOWN: Final = 5  # users in a sentence
_ADVICE: Final = {
    131047: "The user has not written in the last 24 hours: block after the next message",
    131021: "This is the business's own number: remove it",
    139101: "The list is full: unblock another user first",
}
_WITHOUT_CHANGE: Final = ("unchanged", "updated", "not_there")
_NOT_A_USER: Final = "Not a valid WhatsApp user: "


@dataclass(frozen=True)
class Words:
    """The words of a report: what was done, and what needed no change. `kept`: a remark if users keep their details.

    `place`: the list with its preposition, if it is not the number's own. `without_effect`: a remark on it.
    """

    done: str
    unchanged: str
    kept: str = ""
    batch: str | None = None
    place: str = ""
    without_effect: str = ""


def change(
    users: Sequence[str],
    server: Server,
    send: Callable[[Client, Sequence[str]], Sequence[UserDone]],
    words: Words,
    *,
    as_json: bool,
    at_once: int = MOST_IN_A_REQUEST,
) -> None:
    """Send all users and report what was done. Exit with 1 if some failed; raises `Refused` if not all were sent."""
    report(outcome(users, server, send, words.done, at_once), words, as_json=as_json)


def report(
    result: BulkOutcome[UserDone], words: Words, still_blocked: Sequence[StillBlocked] = (), *, as_json: bool
) -> None:
    """See `change`. A user that is still blocked counts as one that failed."""
    try:
        if as_json:
            batch = {} if words.batch is None else {"batch_id": words.batch}
            apart = {"still_blocked": still_blocked} if still_blocked else {}
            print_json(for_programs("done", result) | apart | batch)
        else:
            say(_summary(result.done, words, end_of(result)), *_remarks(result, words))
            show_failed(result.failed)
            _show_still_blocked(still_blocked)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Interrupted. {_summary(result.done, words, '')}") from None
    if result.refusal:
        raise result.refusal
    if result.failed or still_blocked:
        sys.exit(_SOME_FAILED)


def end_of(result: BulkOutcome[Any]) -> str:
    """Words that say whether the command ended early."""
    if isinstance(result.cause, KeyboardInterrupt):
        return " before it was interrupted"
    return " before it failed" if result.refusal else ""


def for_programs(done: str, result: BulkOutcome[Any]) -> dict[str, Any]:
    """The outcome as JSON; `done` is the name of the users who did not fail."""
    outcomes = {done: result.done, "failed": [_failed(user) for user in result.failed]}
    return outcomes | ({"error": result.error} if result.error else {})


def show_failed(failed: Sequence[FailedUser]) -> None:
    if failed:
        say(f"{counted(len(failed))} failed:")
        show([_failed(user) for user in failed], ("input", "code", "what_to_do"), as_json=False, empty="")


def _show_still_blocked(users: Sequence[StillBlocked]) -> None:
    each = {user.wa_id or user.user_id or user.input: user for user in users}
    if each:
        names = ", ".join(dict.fromkeys(user.list.name for user in each.values()))
        say(f"{counted(len(each))} {'is' if len(each) == 1 else 'are'} still blocked: {names}")
        rows = [_still_blocked(user) for user in each.values()]
        show(rows, ("input", "list", "what_to_do"), as_json=False, empty="")


def _still_blocked(user: StillBlocked) -> dict[str, str]:
    how = BLOCK.command_line("remove", user.list.name, user_text(user.wa_id, user.user_id) or user.input)
    return {"input": user.input, "list": user.list.name, "what_to_do": how}


def counted(users: int) -> str:
    return f"{users:,} user{'' if users == 1 else 's'}"


def user_text(wa_id: str | None, user_id: str | None) -> str:
    """The user as one types it."""
    return f"+{wa_id}" if wa_id else user_id or ""


def freed_text(count: int, users: Sequence[str]) -> str:
    """The users that an allow list frees: how many, and the first of them."""
    shown = ", ".join(users[:_MOST_SHOWN])
    more = count - len(users[:_MOST_SHOWN])
    return f"frees {counted(count)}: {shown}{f' and {more:,} more' if more > 0 else ''}"


def _remarks(result: BulkOutcome[UserDone], words: Words) -> list[str]:
    """What else to say: which users keep their details or were freed, and in which batch the new users are."""
    effects = {user.effect for user in result.done}
    names = dict.fromkeys(
        f"+{user.wa_id}" if user.wa_id else user.user_id or user.input for user in result.done if user.freed
    )
    kept = [words.kept] if words.kept and "unchanged" in effects else []
    may_have_new = words.batch is not None and ("added" in effects or result.unknown)
    batch = [f"Batch: {words.batch}"] if may_have_new else []
    without_effect = [words.without_effect] if words.without_effect and result.done else []
    return kept + ([f"This {freed_text(len(names), list(names))}"] if names else []) + without_effect + batch


def _summary(done: Sequence[UserDone], words: Words, end: str) -> str:
    """The number of users who were changed, and of users who needed no change. A repeated user counts once."""
    effects: dict[str, str | None] = {}
    for user in done:
        effects.setdefault(user.wa_id or user.user_id or user.input, user.effect)
    unchanged = sum(effect in _WITHOUT_CHANGE for effect in effects.values())
    updated = sum(effect == "updated" for effect in effects.values())
    summary = f"{words.done} {counted(len(effects) - unchanged)}{words.place}{end}"
    verb = "was" if unchanged == 1 else "were"
    details = (
        f"; {updated:,} of them now {'has' if updated == 1 else 'have'} the new reason, note or end" if updated else ""
    )
    return f"{summary}; {unchanged:,} {verb} {words.unchanged}{details}." if unchanged else f"{summary}."


def _failed(user: FailedUser) -> dict[str, Any]:
    """A user who failed, with advice. For an invalid number, the server's own text is the advice."""
    why = user.reason.partition(_NOT_A_USER)[2]
    advice = why[:1].upper() + why[1:] or _ADVICE.get(user.code, user.reason)
    row = {"input": user.input, "wa_id": user.wa_id, "code": user.code, "reason": user.reason, "what_to_do": advice}
    return {name: value for name, value in row.items() if value is not None}
