"""The data that was read of a webhook, for comparison: a value that the gate ignores equals a missing one."""

from typing import Any

from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import WebhookChange, kind_of, sent_at
from wablock.gate.webhook.senders import Ids, member_of


def reading(payload: Payload) -> list[tuple[Any, ...]]:
    return [_of(change) for change in payload.changes]


def _of(change: WebhookChange) -> tuple[Any, ...]:
    items = [(it.array, it.id or None, kind_of(it), sent_at(it), members(change.senders(it))) for it in change.items]
    notices = [members((it.previous, it.current)) for it in change.notices]
    address = change.phone_number_id, change.is_of_a_number, members([Ids(change.display_number)])
    return (change.at, change.entry_id, *address, items, members(change.links), notices)


def members(identities: Any) -> list[Any]:
    return [member_of(ids) for ids in identities]
