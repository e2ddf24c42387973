"""Webhooks as Meta documents them, with invented people, and a simple second way to remove items."""

import json
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

OURS, OUR_OTHER = "106540352242922", "106540352242923"
ENTRY = "102290129340398"
ANNA, BEN, CHLOE = "16505551234", "16505550101", "16505550102"
ANNAS_ID = "US.13491208655302741918"


def message(sender: str | None = ANNA, number: int = 1, **more: Any) -> Json:
    identity: Json = {"from": sender} if sender else {}
    return identity | {"id": f"wamid.{number}", "timestamp": "1749416383"} | (more or TEXT)


def call(sender: str = ANNA, **more: Any) -> Json:
    members = {"id": "wacid.1", "from": sender, "to": "15550783881", "event": "connect", "timestamp": "1749416383"}
    return members | {"direction": "USER_INITIATED"} | more


def contact(wa_id: str | None = ANNA, user_id: str | None = None) -> Json:
    ids = {"wa_id": wa_id, "user_id": user_id}
    return {"profile": {"name": "Åsa 👋"}} | {name: it for name, it in ids.items() if it}


def status(kind: str = "sent", recipient: str = ANNA, **more: Any) -> Json:
    return {"id": "wamid.9", "status": kind, "timestamp": "1749416383", "recipient_id": recipient} | more


def change(field: str = "messages", number: str = OURS, **value: Any) -> Json:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": number}
    return {"value": {"messaging_product": "whatsapp", "metadata": metadata} | value, "field": field}


def delivery(*changes: Json, entry: str = ENTRY) -> Json:
    return {"object": "whatsapp_business_account", "entry": [{"id": entry, "changes": list(changes)}]}


def encoded(webhook: Any) -> bytes:
    return json.dumps(webhook).encode()


TEXT: Json = {"type": "text", "text": {"body": 'Grüße 👋 "hi" \\ud83d'}}

NOT_FROM_USERS: dict[str, Json] = {
    "sent": change(statuses=[status("sent", conversation={"id": "1", "origin": {"type": "service"}})]),
    "delivered": change(statuses=[status("delivered", pricing={"billable": True, "category": "service"})]),
    "read": change(contacts=[contact(ANNA, ANNAS_ID)], statuses=[status("read", recipient_user_id=ANNAS_ID)]),
    "failed": change(statuses=[status("failed", errors=[{"code": 131050, "title": "Unable to deliver"}])]),
    "errors": change(errors=[{"code": 130429, "title": "Rate limit hit"}]),
    "echoes": change("smb_message_echoes", message_echoes=[message("15550783881", to=ANNA)]),
    "account": {"value": {"event": "VERIFIED_ACCOUNT"}, "field": "account_update"},
    "template": {"value": {"event": "APPROVED", "message_template_id": 7}, "field": "message_template_status_update"},
    "unknown": change("something_new", news=[message()]),
}


def without(webhook: Json, is_gone: Callable[[Json], bool]) -> Json | None:
    """The simple reference: the webhook without these messages and calls, as plain objects."""
    entries = []
    for entry in webhook["entry"]:
        changes = [left for it in entry["changes"] if (left := _change_without(it, is_gone)) is not None]
        if changes:
            entries.append(entry | {"changes": changes})
    return webhook | {"entry": entries} if entries else None


def _change_without(it: Json, is_gone: Callable[[Json], bool]) -> Json | None:
    value = it["value"]
    items = [item for array in ("messages", "calls") for item in value.get(array, [])]
    removed = [item for item in items if is_gone(item)]
    if not removed:
        return it
    kept_ids = [_ids(item, "from", "from_user_id") for item in items if not is_gone(item)]
    kept_ids += [_ids(one, "recipient_id", "recipient_user_id") for one in value.get("statuses", [])]
    members = {name: part for name, part in value.items() if name not in {"messages", "calls", "contacts"}}
    for array in ("messages", "calls"):
        members |= _unless_emptied(value, array, lambda item: not is_gone(item))
    senders = [_ids(item, "from", "from_user_id") for item in removed]
    members |= _unless_emptied(value, "contacts", lambda one: _stays(_ids(one, "wa_id", "user_id"), senders, kept_ids))
    lists = {"messages", "calls", "contacts"}
    contents = {name for name, part in members.items() if part or name not in lists} - {"messaging_product", "metadata"}
    return it | {"value": members} if contents else None


def _unless_emptied(value: Json, name: str, stays: Callable[[Json], bool]) -> Json:
    if name not in value:
        return {}
    left = [one for one in value[name] if stays(one)]
    return {name: left} if left or not value[name] else {}


def _stays(ids: set[str], gone: list[set[str]], kept: list[set[str]]) -> bool:
    return not any(ids & other for other in gone) or any(ids & other for other in kept)


def _ids(it: Json, *names: str) -> set[str]:
    return {it[name] for name in names if it.get(name)}
