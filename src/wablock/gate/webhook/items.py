"""Messages and calls in the shape that Meta documents. The gate forwards or drops each of them."""

from typing import ClassVar

import msgspec
from msgspec import UNSET, UnsetType, field

from wablock.gate.webhook.senders import Ids, ShownNumber, ShownText, Unread


class Card(msgspec.Struct, gc=False):
    """A contact card in a message."""

    origin: ShownText = UNSET
    phones: "list[Phone] | UnsetType" = UNSET
    vcard: Unread = UNSET
    name: Unread = UNSET
    addresses: Unread = UNSET
    emails: Unread = UNSET
    urls: Unread = UNSET
    org: Unread = UNSET
    birthday: Unread = UNSET


class Phone(msgspec.Struct, gc=False):
    phone: ShownNumber = UNSET
    wa_id: ShownNumber = UNSET
    type: Unread = UNSET


class System(Ids, gc=False):
    """WhatsApp's notice that the ids of a user have changed, with the new ids and the previous ids."""

    type: ShownText = UNSET
    new_wa_id: ShownNumber = UNSET
    previous_user_id: ShownText = UNSET
    previous_parent_user_id: ShownText = UNSET
    customer: ShownNumber = UNSET
    body: Unread = UNSET
    identity: Unread = UNSET


class Item(Ids, gc=False, eq=False):
    """A message or a call, with the ids of its sender."""

    array: ClassVar[str]
    """The name of the array that it is in."""

    wa_id: ShownNumber = field(name="from", default=UNSET)
    user_id: ShownText = field(name="from_user_id", default=UNSET)
    parent_user_id: ShownText = field(name="from_parent_user_id", default=UNSET)
    to: ShownNumber = UNSET
    to_user_id: ShownText = UNSET
    to_parent_user_id: ShownText = UNSET
    id: ShownText = UNSET
    type: ShownText = UNSET
    timestamp: ShownNumber = UNSET


class Message(Item, gc=False, eq=False):
    array = "messages"

    system: System | UnsetType = UNSET
    origin: ShownText = UNSET
    contacts: list[Card] | UnsetType = UNSET
    group_id: Unread = UNSET
    context: Unread = UNSET
    referral: Unread = UNSET
    history_context: Unread = UNSET
    errors: Unread = UNSET
    text: Unread = UNSET
    image: Unread = UNSET
    audio: Unread = UNSET
    video: Unread = UNSET
    document: Unread = UNSET
    sticker: Unread = UNSET
    location: Unread = UNSET
    interactive: Unread = UNSET
    button: Unread = UNSET
    reaction: Unread = UNSET
    order: Unread = UNSET
    edit: Unread = UNSET
    revoke: Unread = UNSET
    unsupported: Unread = UNSET
    identity: Unread = UNSET


class Call(Item, gc=False, eq=False):
    array = "calls"

    direction: ShownText = UNSET
    event: Unread = UNSET
    status: Unread = UNSET
    session: Unread = UNSET
    start_time: Unread = UNSET
    end_time: Unread = UNSET
    duration: Unread = UNSET
    biz_opaque_callback_data: Unread = UNSET
    deeplink_payload: Unread = UNSET
    cta_payload: Unread = UNSET
    errors: Unread = UNSET
