"""The senders of a webhook's items, and the webhook without the items of blocked users. No I/O here."""

from collections.abc import Iterator, Mapping

from wablock.access import is_number_id
from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import WebhookChange
from wablock.gate.webhook.items import Item
from wablock.gate.webhook.raw_json import UnreadableBody
from wablock.gate.webhook.senders import Ids, member_of


def senders(payload: Payload) -> dict[str, set[str]]:
    """For each business number, the users who sent something to it, by all ids that the webhook has for them.

    Raises `UnreadableBody` if users sent something to a number that cannot be read, because no list can be checked.
    """
    users = _users(payload)
    ids_by_number: dict[str, set[str]] = {}
    for number, change in _changes_with_items(payload):
        ids_by_number.setdefault(number, set()).update(*(_ids_of(change, item, users) for item in change.items))
    return {number: ids for number, ids in ids_by_number.items() if ids}


def cut(payload: Payload, blocked: Mapping[str, set[str]]) -> bytes | None:
    """The body without the items of users that have an id in `blocked`; None if nothing is left.

    If no item is removed, the result is the original bytes.
    """
    users = _users(payload)
    removed = {
        id(item)
        for number, change in _changes_with_items(payload)
        if (ids := blocked.get(number))
        for item in change.items
        if not ids.isdisjoint(_ids_of(change, item, users))
    }
    return payload.body(payload.changes, lambda item: id(item) in removed)


def _changes_with_items(payload: Payload) -> Iterator[tuple[str, WebhookChange]]:
    """The changes that have items, each with its number's id. The id is checked, because it becomes part of a path."""
    for change in payload.changes:
        if not change.items:
            continue
        number = change.phone_number_id
        if number is None or not is_number_id(number):
            raise UnreadableBody("phone_number_id must be the number's id, digits only.")
        yield number, change


def _users(payload: Payload) -> dict[str, set[str]]:
    """For each id, all ids that the webhook links to the same user, directly or through other ids."""
    users: dict[str, set[str]] = {}
    for change in payload.changes:
        for link in change.links:
            _unite(users, _ids(link))
        for notice in change.notices:
            _unite(users, _ids(notice.previous) | _ids(notice.current))
    return users


def _unite(users: dict[str, set[str]], ids: set[str]) -> None:
    user = ids.union(*(users[each] for each in ids if each in users))
    users.update(dict.fromkeys(user, user))


def _ids_of(change: WebhookChange, item: Item, users: Mapping[str, set[str]]) -> set[str]:
    """All ids of the users who may have sent `item`."""
    ids = set().union(*map(_ids, change.senders(item)))
    return ids.union(*(users[each] for each in ids if each in users)) if users else ids


def _ids(user: Ids) -> set[str]:
    """The ids of a user that can be checked. The user is blocked if any of them is."""
    member = member_of(user)
    if member is None:
        return set()
    return {it for it in (member.wa_id, member.user_id, member.parent_user_id) if it is not None}
