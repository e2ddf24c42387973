"""`wablock edit`: changes the reason, note or end of one blocked user, through the API."""

import time
from typing import Annotated, Any

from cyclopts import Parameter
from msgspec import UNSET

from wablock.cli.acting import ActingApiServer
from wablock.cli.arguments import Refused
from wablock.cli.expiry import DAYS, Until, expiry
from wablock.cli.listed_users import show_blocked
from wablock.cli.options import Json, flag, option
from wablock.cli.output import print_json

_NO_OPTIONS = ActingApiServer()
_NOTHING = (
    "Nothing to change: pass --reason, --note, --until or --expires-in-days; or --no-reason, --no-note or --no-end"
)


def edit(
    user: Annotated[str, Parameter(help="Phone number or user_id of a blocked user.")],
    *,
    reason: Annotated[str | None, option("New reason, up to 200 characters.")] = None,
    no_reason: Annotated[bool, flag("Remove the reason.")] = False,
    note: Annotated[str | None, option("New note, up to 2,000 characters.")] = None,
    no_note: Annotated[bool, flag("Remove the note.")] = False,
    until: Until = None,
    expires_in_days: Annotated[float | None, option("Days until the block expires.", validator=DAYS)] = None,
    no_end: Annotated[bool, flag("Remove the end: the user stays blocked.")] = False,
    server: ActingApiServer = _NO_OPTIONS,
    json: Json = False,
) -> None:
    end = expiry(until, expires_in_days, time.time())
    changes = {
        "reason": _change("--reason", reason, "--no-reason", removes=no_reason),
        "note": _change("--note", note, "--no-note", removes=no_note),
        "expires_at": _change("--until or --expires-in-days", end, "--no-end", removes=no_end),
    }
    if all(change is UNSET for change in changes.values()):
        raise Refused(_NOTHING)
    with server.client() as client:
        member = client.edit(user, **changes)
    if json:
        print_json(member)
    else:
        show_blocked([member])


def _change(option_name: str, value: Any, removing_name: str, *, removes: bool) -> Any:
    """The new value; None to remove it; UNSET to leave it."""
    if value is not None and removes:
        raise Refused(f"Pass {option_name} or {removing_name}, not both")
    return None if removes else UNSET if value is None else value
