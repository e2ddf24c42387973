"""Who sent what in a webhook, and what is left of it without those who are blocked. No I/O here."""

from collections.abc import Iterator, Mapping

from wablock.access import is_number_id
from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import WebhookChange
from wablock.gate.webhook.items import Item
from wablock.gate.webhook.raw_json import UnreadableBody
from wablock.gate.webhook.senders import Ids, member_of


def senders(payload: Payload) -> dict[str, set[str]]:
    """For each business number the ids of those who sent it something, by all ids that the webhook shows of them.

    Raises `UnreadableBody` where users sent something and the number cannot be read: then no list can be checked.
    """
    users = _users(payload)
    found: dict[str, set[str]] = {}
    for number, change in _sent(payload):
        found.setdefault(number, set()).update(*(_ids_of(change, item, users) for item in change.items))
    return {number: ids for number, ids in found.items() if ids}


def cut(payload: Payload, blocked: Mapping[str, set[str]]) -> bytes | None:
    """The body without what was sent by users of whom `blocked` has any id; None where nothing is left.

    The bytes that came, where nothing is taken out.
    """
    users = _users(payload)
    gone = {
        id(item)
        for number, change in _sent(payload)
        if (ids := blocked.get(number))
        for item in change.items
        if not ids.isdisjoint(_ids_of(change, item, users))
    }
    return payload.body(payload.changes, lambda item: id(item) in gone)


def _sent(payload: Payload) -> Iterator[tuple[str, WebhookChange]]:
    """The changes in which users sent something, and to which number: its id becomes part of a path."""
    for change in payload.changes:
        if not change.items:
            continue
        number = change.phone_number_id
        if number is None or not is_number_id(number):
            raise UnreadableBody("phone_number_id must be the number's id: its users' messages cannot be checked.")
        yield number, change


def _users(payload: Payload) -> dict[str, set[str]]:
    """For each id all ids that the webhook shows of the same user, also in several steps."""
    users: dict[str, set[str]] = {}
    for change in payload.changes:
        for shown in change.links:
            _unite(users, _ids(shown))
        for notice in change.notices:
            _unite(users, _ids(notice.previous) | _ids(notice.current))
    return users


def _unite(users: dict[str, set[str]], ids: set[str]) -> None:
    user = ids.union(*(users[known] for known in ids if known in users))
    users.update(dict.fromkeys(user, user))


def _ids_of(change: WebhookChange, item: Item, users: Mapping[str, set[str]]) -> set[str]:
    """All ids of those who may have sent it."""
    shown = set().union(*map(_ids, change.senders(item)))
    return shown.union(*(users[known] for known in shown if known in users)) if users else shown


def _ids(shown: Ids) -> set[str]:
    """The ids that can be asked about; a user is blocked by any of them."""
    member = member_of(shown)
    if member is None:
        return set()
    return {it for it in (member.wa_id, member.user_id, member.parent_user_id) if it is not None}
