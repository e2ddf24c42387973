"""Links between ids of one user, and notices of changed ids, from all fields of a change.

If one object has two or three ids of a user, each of them identifies that user. The business's own number is never the
id of a user, although Meta's examples print it next to a user's ids.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from wablock.gate.webhook.documented import Echo, Party, Status, Thread, Value
from wablock.gate.webhook.items import Item, Message, System
from wablock.gate.webhook.senders import Ids, ShownNumber, key_of

_CHANGED_NUMBER: Final = frozenset(("user_changed_number", "customer_changed_number"))
_CHANGED_USER_ID: Final = "user_changed_user_id"
COMMON_DIGITS: Final = 6  # digits at the end that all spellings of a number share


class Notice(msgspec.Struct, frozen=True):
    """A change of a user's ids that WhatsApp announces. Any of the ids may be missing."""

    previous: Ids
    current: Ids


def recipient_of(status: Status) -> Ids:
    if status.recipient_type == "group":
        number = status.participant_id or status.older_participant_id
        return Ids(number, status.participant_user_id, status.participant_parent_user_id)
    # Meta's pages use three names for it.
    parent = status.parent_user_id or status.older_parent_user_id or status.printed_parent_user_id
    return Ids(status.wa_id, status.user_id, parent)


def addressee_of(item: Item) -> Ids:
    """The user that the business wrote to or called."""
    return Ids(item.to, item.to_user_id, item.to_parent_user_id)


def echo_recipient(echo: Echo) -> Ids:
    request = echo.message
    if not request:
        return echo
    recipient = request.recipient
    return Ids(request.wa_id, recipient if isinstance(recipient, str) and recipient != request.wa_id else None)


def user_of(thread: Thread) -> Ids:
    context = thread.context or Ids()
    return Ids(context.wa_id or thread.id, context.user_id, context.parent_user_id)


def handover_user(sender: Party) -> Ids:
    """The user whose conversation has passed from Meta's agent to the business, or back."""
    return Ids(sender.wa_id or sender.sender_wa_id, sender.user_id, sender.parent_user_id)


def is_own(wa_id: ShownNumber, own: str | None) -> bool:
    """Whether this is the business's own number, in any spelling. `own`: the key of that number."""
    if own is None:
        return False
    if isinstance(wa_id, str) and wa_id[-COMMON_DIGITS:] != own[-COMMON_DIGITS:] and wa_id.isdecimal():  # nearly always
        return False
    return key_of(wa_id) == own


def without_own(ids: Ids, own: str | None) -> Ids:
    return Ids(None, ids.user_id, ids.parent_user_id) if is_own(ids.wa_id, own) else ids


def shows_others(value: Value) -> bool:
    """Whether members other than messages and contacts show users, which is rare."""
    return bool(
        value.statuses
        or value.calls
        or value.message_echoes
        or value.history
        or value.standby
        or value.state_sync
        or value.user_preferences
        or value.groups
        or value.user_id_update
        or value.recipient
        or value.sender
    )


def other_users(value: Value) -> Iterator[Ids]:
    """The ids of all users in the value, except in contacts and the senders of messages and calls."""
    yield from map(recipient_of, value.statuses or ())
    yield from map(echo_recipient, value.message_echoes or ())
    yield from map(addressee_of, value.calls or ())
    yield from value.user_preferences or ()
    for group in value.groups or ():
        yield group
        for participants in (group.added_participants, group.removed_participants, group.failed_participants):
            yield from participants or ()
    for sync in value.state_sync or ():
        if sync.contact:
            yield sync.contact
    if value.sender:
        yield handover_user(value.sender)


def contact_request_reply(message: Message) -> Ids | None:
    """The sender's ids in a message that replies to a contact request: its card has the sender's number."""
    cards = message.contacts or []
    if len(cards) != 1 or "contact_request" not in (message.origin, cards[0].origin):
        return None
    phones = cards[0].phones or []
    if message.wa_id or len(phones) != 1:
        return None
    return Ids(phones[0].wa_id or phones[0].phone, message.user_id, message.parent_user_id)


def notices_of(message: Message, system: System) -> Iterator[Notice]:
    new_wa_id = system.wa_id or system.new_wa_id
    # Until August 2026 the previous ids were in the members that have the sender's ids in other messages.
    old_id = message.user_id if message.user_id != system.user_id else None
    old_parent = message.parent_user_id if message.parent_user_id != system.parent_user_id else None
    previous = Ids(message.wa_id, system.previous_user_id or old_id, system.previous_parent_user_id or old_parent)
    if system.type in _CHANGED_NUMBER:
        yield Notice(previous, Ids(new_wa_id, system.user_id, system.parent_user_id))
    elif system.type == _CHANGED_USER_ID:
        yield Notice(previous, Ids(new_wa_id or message.wa_id, system.user_id, system.parent_user_id))


def users_in(system: System) -> list[Ids]:
    """All users in a `system` message other than its sender, whether it announces anything or not."""
    previous = Ids(None, system.previous_user_id, system.previous_parent_user_id)
    return [system, Ids(system.new_wa_id), Ids(system.customer), previous]


def user_id_update_notices(value: Value) -> Iterator[Notice]:
    """The notices in the field `user_id_update`, which Meta sent until August 2026."""
    for update in value.user_id_update or ():
        user_id, parent = update.user_id, update.parent_user_id
        yield Notice(
            Ids(update.wa_id, user_id.previous if user_id else None, parent.previous if parent else None),
            Ids(update.wa_id, user_id.current if user_id else None, parent.current if parent else None),
        )
