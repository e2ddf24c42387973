"""`wablock undo`: gives users the blocks that they had before an event, or before all events of a batch."""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

from cyclopts import Parameter
from rich.progress import Progress

from wablock.cli.acting import ActingAccountServer
from wablock.cli.arguments import Refused, is_confirmed
from wablock.cli.event_words import list_names
from wablock.cli.options import Json, Yes, flag, option
from wablock.cli.output import Output, print_json, say
from wablock.cli.undone_users import UndoneUsers
from wablock.client import CannotUndo, Client, ClientError, UnknownObject

_NO_OPTIONS: Final = ActingAccountServer()
_SOME_LEFT: Final = 1
_LONGEST_BATCH: Final = 100


def undo(
    event_id: Annotated[str | None, Parameter(help="Id of the event, as `wablock events` shows it.")] = None,
    *,
    batch: Annotated[str | None, option("Undo all events of this batch, the newest first.")] = None,
    reason: Annotated[str | None, option("Why, up to 200 characters: recorded with the change.")] = None,
    dry_run: Annotated[bool, flag("Only show what would be done.")] = False,
    yes: Yes = False,
    server: ActingAccountServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    if (event_id is None) is (batch is None):
        raise Refused("Pass an EVENT_ID, as wablock events shows it, or --batch")
    if dry_run and yes:
        raise Refused("Pass --dry-run or --yes, not both")
    server = server.with_token()
    with server.client() as client:
        events = _of_batch(client, batch) if event_id is None else [event_id]
        what = f"batch {batch}" if event_id is None else event_id
        if not yes and not _is_wanted(client, events, what, is_dry=dry_run, as_json=json):
            return
        undo_batch = None if batch is None else _batch_of_undo(batch)
        _undo(client, server, events, reason, undo_batch, as_json=json)


def _batch_of_undo(batch: str) -> str:
    """The batch of the events that undo `batch`: another one for each batch, so that each can be undone alone."""
    name = f"undo-{batch}"
    if len(name) <= _LONGEST_BATCH:
        return name
    return f"{name[: _LONGEST_BATCH - 17]}-{hashlib.sha256(batch.encode()).hexdigest()[:16]}"


def _of_batch(client: Client, batch: str | None) -> list[str]:
    """The ids of the batch's events, newest first."""
    events = [it.event_id for it in client.older_events(batch_id=batch)]
    if not events:
        raise Refused(f"No event that the token may see is of the batch {batch!r}: see wablock events")
    return events


def _is_wanted(client: Client, events: Sequence[str], what: str, *, is_dry: bool, as_json: bool) -> bool:
    """Show what would be done, and ask; False if nothing is to be done. Raises `Refused` without an answer."""
    users = UndoneUsers(preview=True)
    for each in _with_progress(events, "Reading"):
        _add(client, each, users)
    if is_dry and as_json:
        print_json(users.for_programs())
        return False
    if not as_json:
        say(users.sentence())
        users.show_left(list_names(client).names)
    if is_dry:
        return False
    if not users.changed:
        if as_json:
            print_json(users.for_programs() | {"preview": False})
        if users.left or users.refused:
            sys.exit(_SOME_LEFT)
        return False
    question = f"{users.sentence()} Undo {what}?" if as_json else f"Undo {what}?"
    if not is_confirmed(question):
        raise Refused(f"Nothing was undone; add --yes to undo {what}")
    return True


def _undo(
    client: Client,
    server: ActingAccountServer,
    events: Sequence[str],
    reason: str | None,
    batch_id: str | None,
    *,
    as_json: bool,
) -> None:
    """Undo all events and report. If one fails, those before it are reported."""
    users = UndoneUsers(preview=False, batch_id=batch_id)
    end: Refused | KeyboardInterrupt | None = None
    done = 0
    try:
        for each in _with_progress(events, "Undoing"):
            _add(client, each, users, reason, users.batch_id, is_preview=False)
            done += 1
    except KeyboardInterrupt:
        end = KeyboardInterrupt(_interrupted("Interrupted", done, events))
    except (ClientError, Refused) as error:
        why = error if isinstance(error, Refused) else server.refusal(error)
        end = Refused(_interrupted(str(why), done, events)) if done else Refused(str(why))
    if end is None or done:
        _report(client, users, end, as_json=as_json)
    if end is not None:
        raise end
    if users.left or users.refused:
        sys.exit(_SOME_LEFT)


def _add(
    client: Client,
    event_id: str,
    users: UndoneUsers,
    reason: str | None = None,
    batch_id: str | None = None,
    *,
    is_preview: bool = True,
) -> None:
    try:
        result = client.undo(event_id, preview=is_preview, reason=reason, batch_id=batch_id)
    except UnknownObject:
        raise Refused(f"There is no event {event_id}, or the token may not undo it: see wablock events") from None
    except CannotUndo as error:
        users.refuse(event_id, str(error).removeprefix("(#100) "))
        return
    event = client.event(event_id) if users.needs_event(event_id, result) else None
    users.add(event_id, result, event)


def _report(client: Client, users: UndoneUsers, end: BaseException | None, *, as_json: bool) -> None:
    if as_json:
        print_json(users.for_programs() | ({} if end is None else {"error": {"message": str(end)}}))
        return
    say(users.sentence())
    users.show_left(list_names(client).names if users.left else {})
    if users.changed and users.batch_id is not None:
        say(f"Batch: {users.batch_id}")


def _interrupted(why: str, done: int, events: Sequence[str]) -> str:
    if len(events) == 1:
        return f"{why}. The event may be undone: run the same command again"
    return f"{why}. {done:,} of {len(events):,} events are undone; to continue, run the same command again"


def _with_progress(events: Sequence[str], doing: str) -> Iterator[str]:
    """The events one by one. For several, a bar on standard error shows the progress."""
    console = Output(stderr=True)
    with Progress(console=console, disable=len(events) == 1 or not console.is_terminal) as progress:
        task = progress.add_task(doing, total=len(events))
        for each in events:
            yield each
            progress.advance(task)
