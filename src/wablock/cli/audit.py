"""`wablock audit`: verifies that the stored events of lists are as they were written."""

import re
import sys
from typing import Annotated, Any, Final

from cyclopts import App
from rich.progress import Progress, SpinnerColumn, TextColumn

from wablock.block_list.events import LIST_ID, is_list_id
from wablock.block_list.rules import SECOND
from wablock.cli.arguments import Refused
from wablock.cli.databases import on_store
from wablock.cli.number_names import number_id_of
from wablock.cli.options import Json, option
from wablock.cli.output import Output, print_json, say
from wablock.cli.tables import show, time_text
from wablock.event_audit import MEANINGS, EventAudit, ListReport, NotedEnd
from wablock.settings import DatabaseUrl
from wablock.storage import Store

app = App(name="audit")

_COLUMNS: Final = ("list_id", "account_id", "events", "first", "last", "result", "end")
_FAULTS: Final = ("event_id", "fault", "meaning")
_FAULTY: Final = 1
_NOTED: Final = re.compile(f"({LIST_ID}):([0-9]{{1,18}}):([0-9a-f]{{64}})")


@app.command
def verify(
    *,
    list_: Annotated[
        str | None, option("Verify only this list: its id, or the id or name of a number.", name="--list")
    ] = None,
    account: Annotated[str | None, option("Verify only the lists of this account.")] = None,
    expect: Annotated[
        list[str] | None,
        option("An end that was noted earlier, as this command prints it: LIST_ID:AT:HASH; may be repeated."),
    ] = None,
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Verify the events of all lists, also while servers use the database: none was changed, added or removed.

    Each event has a hash, which proves it and all events before it. `end` is the newest one of a list. Note it outside
    of the database: with --expect, the command also finds events that were all written again, with other hashes.

    Exit status 0: all events are as they were written; 1: some are not; 2: the command could not finish.
    """
    noted = [_noted(text) for text in expect or ()]
    if noted and (list_ is not None or account is not None):
        raise Refused("Pass --expect without --list and --account: it may name a list that is not there any more")
    reports = on_store(database, lambda store: _reports(store, list_, account, noted))
    if json:
        print_json([_for_programs(it) for it in reports])
    else:
        show([_row(it) for it in reports], _COLUMNS, as_json=False, empty="No list has events yet.")
        _show_faults(reports)
    if any(it.faults for it in reports):
        sys.exit(_FAULTY)


async def _reports(store: Store, text: str | None, account: str | None, noted: list[NotedEnd]) -> list[ListReport]:
    list_id = None if text is None else await _list_id(store, text, account)
    console = Output(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,.0f} events")
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("Verifying", total=None)
        audit = EventAudit(store, noted, lambda events: progress.advance(task, events))
        reports = [it async for it in audit.lists(account, list_id)]
    if list_id is not None and not reports:
        raise Refused(f"The list {text} has no events: see wablock audit verify")
    if account is not None and not reports:
        raise Refused(f"The account {account} has no events: see wablock audit verify")
    return reports


async def _list_id(store: Store, text: str, account: str | None) -> str:
    return text if is_list_id(text) else await number_id_of(store, text, "--list", account=account)


def _noted(text: str) -> NotedEnd:
    match = _NOTED.fullmatch(text)
    if match is None:
        raise Refused(f"--expect {text!r} is not an end as wablock audit verify prints it: LIST_ID:AT:HASH")
    return NotedEnd(match[1], int(match[2]), bytes.fromhex(match[3]))


def _row(report: ListReport) -> dict[str, Any]:
    count = len(report.faults)
    return {
        "list_id": report.list_id,
        "account_id": None if report.chain is None else report.chain.account_id,
        "events": f"{report.events:,}",
        "first": None if report.first is None else time_text(report.first // SECOND),
        "last": None if report.last is None else time_text(report.last // SECOND),
        "result": f"{count:,} fault{'' if count == 1 else 's'}" if count else "ok",
        "end": _end(report),
    }


def _end(report: ListReport) -> str | None:
    """The end to note for --expect; None for a list whose end is not correct."""
    if report.chain is None or report.faults:
        return None
    return f"{report.list_id}:{report.chain.newest.at}:{report.chain.newest.hash.hex()}"


def _for_programs(report: ListReport) -> dict[str, Any]:
    chain = report.chain
    known = {
        "account_id": None if chain is None else chain.account_id,
        "deleted": None if chain is None else chain.is_deleted,
        "events_deleted_until": None if chain is None or not chain.oldest.at else chain.oldest.at // SECOND,
        "first": None if report.first is None else report.first // SECOND,
        "last": None if report.last is None else report.last // SECOND,
        "end": _end(report),
    }
    found = {name: value for name, value in known.items() if value is not None}
    return {"list_id": report.list_id, "events": report.events} | found | {"faults": _faults(report)}


def _faults(report: ListReport) -> list[dict[str, Any]]:
    return [
        {"list_id": report.list_id, "event_id": it.event_id or None, "fault": it.fault, "meaning": MEANINGS[it.fault]}
        for it in report.faults
    ]


def _show_faults(reports: list[ListReport]) -> None:
    rows = [row | {"event_id": row["event_id"] or row["list_id"]} for it in reports for row in _faults(it)]
    if rows:
        say(f"{len(rows):,} fault{'' if len(rows) == 1 else 's'}:")
        show(rows, _FAULTS, as_json=False, empty="")
