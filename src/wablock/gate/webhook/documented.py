"""A webhook's body in the shape that Meta documents: every place that shows users, and what stands beside it.

`as_documented` reads a body in one pass where it is written as Meta writes it: compact, every name as documented and
once. What was read is encoded again then, and has the same length, so nothing is hidden: no second `from`, no `From`.
This proves it as long as nothing that is read can grow. A float can, such as 1e15, so no member is one. Any other body
is first brought into this shape by `canonical`. Places are the same in both.

What is read has a type. A member that is `Beside` what is read is left as it is.
"""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType, field

from wablock.gate.webhook.items import Call, Message
from wablock.gate.webhook.senders import Beside, Ids, Shown, ShownText


class Contact(Ids, gc=False):
    """A user by `wa_id`, `user_id` and `parent_user_id`."""

    profile: Beside = UNSET
    username: ShownText = UNSET
    identity_key_hash: Beside = UNSET
    detail: Beside = UNSET
    category: Beside = UNSET
    value: Beside = UNSET
    timestamp: Beside = UNSET
    signup_id: Beside = UNSET
    input: Beside = UNSET


class Context(Ids, gc=False):
    """With whom the business has a conversation of its history."""

    username: ShownText = UNSET


class Addressee(Ids, gc=False):
    """To whom the business wrote."""

    wa_id: Shown = field(name="to", default=UNSET)
    user_id: ShownText = field(name="to_user_id", default=UNSET)
    parent_user_id: ShownText = field(name="to_parent_user_id", default=UNSET)


class AgentsMessage(Ids, gc=False):
    """What Meta's agent wrote: a request of the messages API."""

    wa_id: Shown = field(name="to", default=UNSET)
    recipient: Shown = UNSET


class Echo(Addressee, gc=False):
    """What the business wrote elsewhere: in the phone's app, or by Meta's agent."""

    message: AgentsMessage | UnsetType = UNSET


class Status(Ids, gc=False):
    """What became of a message, with the ids of whom it was for; in a group, of the participant."""

    wa_id: Shown = field(name="recipient_id", default=UNSET)
    user_id: ShownText = field(name="recipient_user_id", default=UNSET)
    parent_user_id: ShownText = field(name="recipient_parent_user_id", default=UNSET)
    older_parent_user_id: ShownText = field(name="parent_recipient_user_id", default=UNSET)
    printed_parent_user_id: ShownText = field(name="parent_user_id", default=UNSET)
    recipient_type: ShownText = UNSET
    participant_id: Shown = field(name="recipient_participant_id", default=UNSET)
    older_participant_id: Shown = field(name="participant_recipient_id", default=UNSET)
    participant_user_id: ShownText = field(name="recipient_participant_user_id", default=UNSET)
    participant_parent_user_id: ShownText = field(name="recipient_participant_parent_user_id", default=UNSET)
    id: Beside = UNSET
    status: Beside = UNSET
    timestamp: Beside = UNSET
    type: Beside = UNSET
    conversation: Beside = UNSET
    pricing: Beside = UNSET
    errors: Beside = UNSET
    payment: Beside = UNSET
    message: Beside = UNSET
    biz_opaque_callback_data: Beside = UNSET


class Thread(msgspec.Struct, gc=False):
    id: Shown = UNSET
    context: Context | UnsetType = UNSET
    messages: list[Message] | UnsetType = UNSET


class Chunk(msgspec.Struct, gc=False):
    """A part of the history that a business shares when it joins from the app."""

    metadata: Beside = UNSET
    threads: list[Thread] | UnsetType = UNSET
    errors: Beside = UNSET


class AppContact(Ids, gc=False):
    """A contact in the business's phone."""

    wa_id: Shown = field(name="phone_number", default=UNSET)
    full_name: Beside = UNSET
    first_name: Beside = UNSET
    username: ShownText = UNSET


class Sync(msgspec.Struct, gc=False):
    contact: AppContact | UnsetType = UNSET
    type: Beside = UNSET
    action: Beside = UNSET
    metadata: Beside = UNSET


class Group(Contact, gc=False):
    """A group's news; a request to join has the user's ids in it, others have them in its participants."""

    added_participants: list[Contact] | UnsetType = UNSET
    removed_participants: list[Contact] | UnsetType = UNSET
    failed_participants: list[Contact] | UnsetType = UNSET


class Renamed(msgspec.Struct, gc=False):
    previous: ShownText = UNSET
    current: ShownText = UNSET


class IdUpdate(msgspec.Struct, gc=False):
    """A changed user_id, as the field `user_id_update` announced it until August 2026."""

    wa_id: Shown = UNSET
    user_id: Renamed | UnsetType = UNSET
    parent_user_id: Renamed | UnsetType = UNSET


class Party(Ids, gc=False):
    """The business's number, or, of a handover, the user."""

    wa_id: Shown = field(name="phone_number", default=UNSET)
    sender_wa_id: Shown = field(name="wa_id", default=UNSET)
    phone_number_id: str | bool | UnsetType | None = UNSET
    display_phone_number: Shown = UNSET


class Summary(msgspec.Struct, gc=False):
    """What a conversation was about, in other words than the user's, or in these."""

    type: Beside = UNSET
    summary: Beside = UNSET
    history: Beside = UNSET


class Value(msgspec.Struct, gc=False):
    """`errors`: of a value that `canonical` made, all that stands in it and is not read."""

    messaging_product: Beside = UNSET
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
    errors: Beside = UNSET
    conversation_context: Summary | UnsetType = UNSET
    # of a handover
    sender: Party | UnsetType = UNSET
    recipient: Party | UnsetType = UNSET
    type: Beside = UNSET
    timestamp: Beside = UNSET
    control_passed: Beside = UNSET
    control_taken: Beside = UNSET


class DocumentedChange(msgspec.Struct, gc=False):
    value: Value | UnsetType = UNSET
    field: Beside = UNSET


class Entry(msgspec.Struct, gc=False):
    id: ShownText = UNSET
    time: Beside = UNSET
    changes: list[DocumentedChange] | UnsetType = UNSET


class Webhook(msgspec.Struct, gc=False):
    object: Beside = UNSET
    entry: list[Entry] | UnsetType = UNSET


decoder: Final = msgspec.json.Decoder(Webhook)
encoder: Final = msgspec.json.Encoder()


def as_documented(body: bytes) -> Webhook | None:
    """None where the body is written in another way, or is no JSON."""
    try:
        body.decode()  # what is not read is not looked at otherwise
        webhook = decoder.decode(body)
        return webhook if len(encoder.encode(webhook)) == len(body) else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
