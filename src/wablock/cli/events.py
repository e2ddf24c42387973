"""`wablock events`: who changed a list, what was done, and why."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Annotated, Final, NoReturn

import msgspec
from cyclopts import validators

from wablock.block_list.events import LIST_ID, is_list_id
from wablock.cli.api_server import AccountServer, is_temporary
from wablock.cli.arguments import Refused
from wablock.cli.event_words import ListNames, line_of, list_names, row_of
from wablock.cli.expiry import moment_of
from wablock.cli.number_names import near_names
from wablock.cli.options import Json, flag, option
from wablock.cli.output import complain, json_text, remark, write
from wablock.cli.tables import show
from wablock.client import Client, ClientError, Event, Retries
from wablock.printable import printable
from wablock.whole_numbers import whole

_NO_OPTIONS: Final = AccountServer()
_COLUMNS: Final = ("time", "who", "what", "list", "why", "event_id")
_FIRST: Final = 25
_SECONDS_BETWEEN_REQUESTS: Final = 1.0
_ANSWERS_WITHIN: Final = 10.0  # seconds
_INTERRUPTED: Final = 130
_NO_RETRIES: Final = Retries(most=0)
_EVENT_ID: Final = re.compile(f"{LIST_ID}-[0-9]{{7,18}}")  # a date such as 2026-11-28 is none


class _Chosen(msgspec.Struct, frozen=True):
    """The options that say which events."""

    list_id: str | None
    user: str | None
    batch_id: str | None
    since: str | int | None


def events(
    *,
    list_: Annotated[
        str | None, option("Only events of this list: name or id of a shared list or of a number.", name="--list")
    ] = None,
    user: Annotated[str | None, option("Only events with this user: phone number or user_id.")] = None,
    batch: Annotated[str | None, option("Only events of this batch.")] = None,
    since: Annotated[
        str | None,
        option("Only events after this event_id or time: ISO 8601 with a zone, or seconds since 1970."),
    ] = None,
    limit: Annotated[
        int | None,
        whole(option(f"Number of events, the newest. Default: {_FIRST}.", validator=validators.Number(gte=1))),
    ] = None,
    follow: Annotated[bool, flag("Oldest first, and keep running: print new events as they happen.")] = False,
    server: AccountServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    if follow and since is not None and limit is not None:
        raise Refused("Pass --since or --limit with --follow, not both")
    place = None if since is None else since if _EVENT_ID.fullmatch(since) else moment_of(since, "--since")
    server = server.with_token()
    with server.client(_NO_RETRIES if follow else None, timeout=_ANSWERS_WITHIN) as client:
        names = list_names(client)
        chosen = _Chosen(None if list_ is None else _list_id(list_, names), user, batch, place)
        if follow:
            try:
                _follow(client, server, chosen, limit, names, as_json=json)
            except KeyboardInterrupt:  # the usual end, which needs no message
                sys.exit(_INTERRUPTED)
        found = _newest(client, chosen, (limit or _FIRST) + 1)
    shown = found[: limit or _FIRST]
    if json:
        for event in shown:
            write(json_text(event))
    else:
        show([row_of(it, names) for it in shown], _COLUMNS, as_json=False, empty="There are no such events.")
    if len(found) > len(shown):
        remark("There are more: --limit N shows N events.")


def _list_id(text: str, names: ListNames) -> str:
    list_id = names.id_named(text) or (text if is_list_id(text) else None)
    if list_id is None:
        near = near_names(text, names.names.values())
        raise Refused(f"No list or number of the token's account has the name {text!r}{near}")
    return list_id


def _newest(client: Client, chosen: _Chosen, count: int) -> list[Event]:
    """At most `count` events, newest first."""
    older = client.older_events(list_id=chosen.list_id, batch_id=chosen.batch_id, user=chosen.user)
    wanted = _since(older, chosen.since)
    return list(islice(wanted, count))


def _since(events: Iterator[Event], since: str | int | None) -> Iterator[Event]:
    """The events, newest first, up to the event or the time `since`."""
    for event in events:
        if isinstance(since, int) and event.at < since:
            return
        if isinstance(since, str) and _order(event.event_id) <= _order(since):
            return
        yield event


def _order(event_id: str) -> tuple[int, str]:
    """The place of an event among those of all lists: its time, and its list."""
    list_id, _, at = event_id.rpartition("-")
    return int(at), list_id


def _follow(
    client: Client, server: AccountServer, chosen: _Chosen, limit: int | None, names: ListNames, *, as_json: bool
) -> NoReturn:
    """Print events until Ctrl-C, also across restarts of the server."""
    new = client.new_events(list_id=chosen.list_id, batch_id=chosen.batch_id, user=chosen.user, since=chosen.since)
    before: dict[str, Event] | None = None if chosen.since is None else {}
    has_failed = False
    while True:
        try:
            events = client.next_events(new)
            if before is None:
                before = {it.event_id: it for it in reversed(_newest(client, chosen, limit or _FIRST))}
                events = list(before.values())
            else:
                events = [it for it in events if it.event_id not in before]
            has_failed = False
        except ClientError as error:
            if not is_temporary(error):
                raise
            events = []
            if not has_failed:
                complain(f"{server.refusal(error)}; trying again")
            has_failed = True
        if any(it.list_id not in names.names for it in events):  # the list is new, or was deleted
            with suppress(ClientError):
                names = list_names(client)
        for event in events:
            write(json_text(event) if as_json else printable(line_of(event, names)), now=True)
        if has_failed or not new.has_more:
            time.sleep(_SECONDS_BETWEEN_REQUESTS)
