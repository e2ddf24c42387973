"""The operations on events, which say who changed a list, and undo it, in the document."""

from typing import Any, Final

from wablock.account_events import MOST_EVENTS
from wablock.block_list.events import LIST_ID
from wablock.block_list.rules import DEFAULT_LIMIT
from wablock.contract import errors, wire
from wablock.contract.errors import GraphError
from wablock.failures import CannotUndo
from wablock.reference.openapi.operations import (
    MOMENT,
    ON_BEHALF_OF,
    WA_ID,
    OperationObject,
    Success,
    operation,
    path,
    query,
    repeatable,
)
from wablock.reference.openapi.responses import failed

_LIST_ID: Final = "106540352242922"
_ID: Final = f"{_LIST_ID}-1737679688383584"
_UNDO_ID: Final = f"{_LIST_ID}-1737683288000001"
_EVENT: Final = {
    "event_id": _ID,
    "list_id": _LIST_ID,
    "at": MOMENT,
    "kind": "block",
    "by": "helpdesk",
    "on_behalf_of": "maria",
    "request_id": "AGaOBl2yM-g8gdON-dhzl5y",
    "source": "api",
    "batch_id": "monday",
    "user_count": 1,
    "users": [{"wa_id": WA_ID, "effect": "added", "after": {"reason": "spam"}}],
}
_UNDONE: Final = {
    "preview": False,
    "event_id": _UNDO_ID,
    "changed": 1,
    "left": 0,
    "users": [{"wa_id": WA_ID, "effect": "removed"}],
}
_PREVIEW: Final = {
    "preview": True,
    "changed": 0,
    "left": 1,
    "users": [{"wa_id": WA_ID, "effect": "changed_since"}],
}
_UNKNOWN: Final[dict[str, GraphError]] = {
    "No access token": errors.MissingAccessToken(),
    "Unknown event": errors.UnknownObject("get", _ID),
}
_CANNOT_UNDO: Final[dict[str, GraphError]] = {"It cannot be undone": CannotUndo(_ID, "its details were deleted")}
_BAD_PLACE: Final[dict[str, GraphError]] = {
    "No access token": errors.MissingAccessToken(),
    "Unknown list": errors.UnknownObject("get", _LIST_ID),
    "Two places": errors.InvalidParameter("Send after or since, not both."),
}
_LINKS: Final = {
    "Show it": {"operationId": "getEvent", "parameters": {"event_id": "$response.body#/event_id"}},
    "Undo it": {"operationId": "undoEvent", "parameters": {"event_id": "$response.body#/event_id"}},
}


def paths() -> dict[str, Any]:
    pattern = f"^{LIST_ID}-[0-9]{{1,18}}$"
    event_id = path("event_id", "Id of the event.", {"type": "string", "pattern": pattern}, _ID)
    return {
        "/v1/events": {"get": _list()},
        "/v1/events/{event_id}": {"parameters": [event_id], "get": _get()},
        "/v1/events/{event_id}/undo": {"parameters": [event_id], "post": _undo()},
    }


def _list() -> OperationObject:
    entry = operation(
        "listEvents",
        "List the events of lists",
        Success("EventList", {"data": [_EVENT], "next": _ID}),
        description="What was done to the account's lists: who did it, when, why, and what was there before. Newest "
        "first; with `since`, oldest first. Each event has its first ten users. A page may have fewer events than "
        "`limit` and still a `next`: if they have many users, or with `user`, because one request looks through 100 to "
        "1,000 events. To follow new events, send `next`, or the last `event_id`, as `since`; an event may be visible "
        "up to a minute after a later one. A token for some numbers gets the events of their own lists. Scope `read`.",
        refusals=_BAD_PLACE,
    )
    text = {"type": "string"}
    entry["parameters"] = [
        query("list_id", "Only events of this list. A number's own list has the number's id.", text),
        query("batch_id", "Only events of this batch.", text | {"pattern": wire.WITHOUT_NUL}),
        query("user", "Only events that name this user: a phone number with country code, or a `user_id`.", text),
        query(
            "limit",
            f"Events on a page; more than {MOST_EVENTS} count as {MOST_EVENTS}.",
            {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT},
        ),
        query("after", "Only events that are older than this one: its `event_id`, or `next` of the page before.", text),
        query(
            "since",
            "Only newer events, oldest first: an `event_id`, seconds since 1970, or a time in ISO 8601 with a zone.",
            text,
        ),
    ]
    return entry


def _get() -> OperationObject:
    return operation(
        "getEvent",
        "Show an event",
        Success("EventInfo", _EVENT, links=_LINKS),
        description="With all its users, and each user's block before and after it. Scope `read`.",
        refusals=_UNKNOWN,
    )


def _undo() -> OperationObject:
    entry = operation(
        "undoEvent",
        "Undo an event",
        Success("UndoResult", _UNDONE),
        description="Each user of the event gets the block that the user had before it, exactly, with its place in the "
        "list; or none, if there was none. A user whose block was changed since is left alone: `changed_since`. With "
        "the response, the result is durable and in force. With `preview`, nothing is changed, and the response has "
        "what would be done. It may be repeated: then each user is `unchanged`, or with an `Idempotency-Key` as the "
        "first time. The undo is an event itself, which can be undone. Blocks, unblocks, edits and undos can be "
        "undone. Scopes `read` and `write`.",
        request=("UndoRequest", {"preview": False, "reason": "the import had a wrong column"}),
        refusals=_UNKNOWN,
    )
    entry["parameters"] = [ON_BEHALF_OF]
    entry["responses"]["409"] = failed("It cannot be undone; nothing was changed", _CANNOT_UNDO)
    entry["responses"]["200"]["content"]["application/json"]["examples"]["A preview"] = {"value": _PREVIEW}
    return repeatable(entry)
