"""The body of a webhook in the shape that Meta documents: all members that show users, and the members around them.

`as_documented` reads a body in one pass if it is written as Meta writes it: compact, each name once and as documented.
It encodes the result again and compares the lengths. If they are equal, the body contains nothing else, such as a
second `from` or a `From`. This is a proof only if no value gets longer when it is encoded. A float can get longer, such
as 1e15, so no member is a float. `canonical` first converts any other body to this shape. Positions are the same in
both.

Each member that is read has a type. A member of type `Unread` is not decoded, and stays as it is.
"""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType, field

from wablock.gate.webhook.items import Call, Message
from wablock.gate.webhook.senders import Ids, ShownNumber, ShownText, Unread


class Contact(Ids, gc=False):
    """A user by `wa_id`, `user_id` and `parent_user_id`."""

    profile: Unread = UNSET
    username: ShownText = UNSET
    identity_key_hash: Unread = UNSET
    detail: Unread = UNSET
    category: Unread = UNSET
    value: Unread = UNSET
    timestamp: Unread = UNSET
    signup_id: Unread = UNSET
    input: Unread = UNSET


class Context(Ids, gc=False):
    """The user of a conversation in the business's history."""

    username: ShownText = UNSET


class Addressee(Ids, gc=False):
    """The user that the business wrote to."""

    wa_id: ShownNumber = field(name="to", default=UNSET)
    user_id: ShownText = field(name="to_user_id", default=UNSET)
    parent_user_id: ShownText = field(name="to_parent_user_id", default=UNSET)


class AgentsMessage(Ids, gc=False):
    """A message of Meta's agent, as a request of the messages API."""

    wa_id: ShownNumber = field(name="to", default=UNSET)
    recipient: ShownNumber = UNSET


class Echo(Addressee, gc=False):
    """A message that the business sent in another way: with the phone's app, or through Meta's agent."""

    message: AgentsMessage | UnsetType = UNSET


class Status(Ids, gc=False):
    """The status of a message, with the ids of its recipient; in a group, of the participant."""

    wa_id: ShownNumber = field(name="recipient_id", default=UNSET)
    user_id: ShownText = field(name="recipient_user_id", default=UNSET)
    parent_user_id: ShownText = field(name="recipient_parent_user_id", default=UNSET)
    older_parent_user_id: ShownText = field(name="parent_recipient_user_id", default=UNSET)
    printed_parent_user_id: ShownText = field(name="parent_user_id", default=UNSET)
    recipient_type: ShownText = UNSET
    participant_id: ShownNumber = field(name="recipient_participant_id", default=UNSET)
    older_participant_id: ShownNumber = field(name="participant_recipient_id", default=UNSET)
    participant_user_id: ShownText = field(name="recipient_participant_user_id", default=UNSET)
    participant_parent_user_id: ShownText = field(name="recipient_participant_parent_user_id", default=UNSET)
    id: Unread = UNSET
    status: Unread = UNSET
    timestamp: Unread = UNSET
    type: Unread = UNSET
    conversation: Unread = UNSET
    pricing: Unread = UNSET
    errors: Unread = UNSET
    payment: Unread = UNSET
    message: Unread = UNSET
    biz_opaque_callback_data: Unread = UNSET


class Thread(msgspec.Struct, gc=False):
    id: ShownNumber = UNSET
    context: Context | UnsetType = UNSET
    messages: list[Message] | UnsetType = UNSET


class Chunk(msgspec.Struct, gc=False):
    """A part of the history that a business shares when it joins from the app."""

    metadata: Unread = UNSET
    threads: list[Thread] | UnsetType = UNSET
    errors: Unread = UNSET


class AppContact(Ids, gc=False):
    """A contact in the business's phone."""

    wa_id: ShownNumber = field(name="phone_number", default=UNSET)
    full_name: Unread = UNSET
    first_name: Unread = UNSET
    username: ShownText = UNSET


class Sync(msgspec.Struct, gc=False):
    contact: AppContact | UnsetType = UNSET
    type: Unread = UNSET
    action: Unread = UNSET
    metadata: Unread = UNSET


class Group(Contact, gc=False):
    """An event of a group. In a request to join, the user's ids are its members; in others they are in participants."""

    added_participants: list[Contact] | UnsetType = UNSET
    removed_participants: list[Contact] | UnsetType = UNSET
    failed_participants: list[Contact] | UnsetType = UNSET


class Renamed(msgspec.Struct, gc=False):
    previous: ShownText = UNSET
    current: ShownText = UNSET


class IdUpdate(msgspec.Struct, gc=False):
    """A changed user_id, as the field `user_id_update` announced it until August 2026."""

    wa_id: ShownNumber = UNSET
    user_id: Renamed | UnsetType = UNSET
    parent_user_id: Renamed | UnsetType = UNSET


class Party(Ids, gc=False):
    """The business number; in a handover also the user."""

    wa_id: ShownNumber = field(name="phone_number", default=UNSET)
    sender_wa_id: ShownNumber = field(name="wa_id", default=UNSET)
    phone_number_id: str | bool | UnsetType | None = UNSET
    display_phone_number: ShownNumber = UNSET


class Summary(msgspec.Struct, gc=False):
    """A summary of a conversation, which may quote the user."""

    type: Unread = UNSET
    summary: Unread = UNSET
    history: Unread = UNSET


class Value(msgspec.Struct, gc=False):
    """The value of a change. `canonical` sets `errors` if the original value has members that are not read."""

    messaging_product: Unread = UNSET
    metadata: Party | UnsetType | None = UNSET
    contacts: list[Contact] | UnsetType = UNSET
    messages: list[Message] | UnsetType = UNSET
    calls: list[Call] | UnsetType = UNSET
    statuses: list[Status] | UnsetType = UNSET
    message_echoes: list[Echo] | UnsetType = UNSET
    history: list[Chunk] | UnsetType = UNSET
    standby: "Value | UnsetType" = UNSET
    state_sync: list[Sync] | UnsetType = UNSET
    user_preferences: list[Contact] | UnsetType = UNSET
    groups: list[Group] | UnsetType = UNSET
    user_id_update: list[IdUpdate] | UnsetType = UNSET
    errors: Unread = UNSET
    conversation_context: Summary | UnsetType = UNSET
    # only in a handover
    sender: Party | UnsetType = UNSET
    recipient: Party | UnsetType = UNSET
    type: Unread = UNSET
    timestamp: Unread = UNSET
    control_passed: Unread = UNSET
    control_taken: Unread = UNSET


class DocumentedChange(msgspec.Struct, gc=False):
    value: Value | UnsetType = UNSET
    field: Unread = UNSET


class Entry(msgspec.Struct, gc=False):
    id: ShownText = UNSET
    time: Unread = UNSET
    changes: list[DocumentedChange] | UnsetType = UNSET


class Webhook(msgspec.Struct, gc=False):
    object: Unread = UNSET
    entry: list[Entry] | UnsetType = UNSET


decoder: Final = msgspec.json.Decoder(Webhook)
encoder: Final = msgspec.json.Encoder()


def as_documented(body: bytes) -> Webhook | None:
    """The webhook; None if the body is written in another way, or is not JSON."""
    try:
        body.decode()  # the decoder does not check that unread members are UTF-8
        webhook = decoder.decode(body)
        return webhook if len(encoder.encode(webhook)) == len(body) else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
