"""Who sent what in a webhook, and what is left of it without those who are blocked. No I/O here."""

from collections.abc import Iterator, Mapping

from wablock.access import is_number_id
from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import Change
from wablock.gate.webhook.senders import Ids, member_of


def senders(payload: Payload) -> dict[str, set[str]]:
    """For each business number the ids of those who sent it something."""
    found: dict[str, set[str]] = {}
    for number, change in _sent(payload):
        ids = found.setdefault(number, set())
        for shown in (*_senders(change), *change.links):
            ids |= _ids(shown)
    return {number: ids for number, ids in found.items() if ids}


def cut(payload: Payload, blocked: Mapping[str, set[str]]) -> bytes | None:
    """The body without what was sent by users of whom `blocked` has any id; None where nothing is left.

    The bytes that came, where nothing is taken out.
    """
    gone = set()
    for number, change in _sent(payload):
        ids = blocked.get(number)
        if ids:
            shown = (_ids(link) for link in change.links)
            ids = ids.union(*(link for link in shown if not ids.isdisjoint(link)))
            gone |= {
                id(item)
                for item in change.items
                if not all(ids.isdisjoint(_ids(sender)) for sender in change.senders(item))
            }
    return payload.body(payload.changes, lambda item: id(item) in gone)


def _sent(payload: Payload) -> Iterator[tuple[str, Change]]:
    """The changes in which users sent something to a number that can be one: its id becomes part of a path."""
    for change in payload.changes:
        number = change.phone_number_id
        if number is not None and change.items and is_number_id(number):
            yield number, change


def _senders(change: Change) -> Iterator[Ids]:
    return (ids for item in change.items for ids in change.senders(item))


def _ids(shown: Ids) -> set[str]:
    """The ids that can be asked about; a user is blocked by any of them."""
    member = member_of(shown)
    if member is None:
        return set()
    return {it for it in (member.wa_id, member.user_id, member.parent_user_id) if it is not None}
