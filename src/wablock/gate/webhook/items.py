"""Messages and calls in the shape that Meta documents: what the gate forwards or drops one by one."""

from typing import ClassVar

import msgspec
from msgspec import UNSET, UnsetType, field

from wablock.gate.webhook.senders import Beside, Ids, Shown, ShownText


class Card(msgspec.Struct, gc=False):
    """A contact card in a message."""

    origin: ShownText = UNSET
    phones: "list[Phone] | UnsetType" = UNSET
    vcard: Beside = UNSET
    name: Beside = UNSET
    addresses: Beside = UNSET
    emails: Beside = UNSET
    urls: Beside = UNSET
    org: Beside = UNSET
    birthday: Beside = UNSET


class Phone(msgspec.Struct, gc=False):
    phone: Shown = UNSET
    wa_id: Shown = UNSET
    type: Beside = UNSET


class System(Ids, gc=False):
    """What WhatsApp says of a user whose ids have changed: the new ones, and those from before."""

    type: ShownText = UNSET
    new_wa_id: Shown = UNSET
    previous_user_id: ShownText = UNSET
    previous_parent_user_id: ShownText = UNSET
    customer: Shown = UNSET
    body: Beside = UNSET
    identity: Beside = UNSET


class Item(Ids, gc=False, eq=False):
    """A message or a call, as it shows itself, with the ids of its sender."""

    array: ClassVar[str]
    """In which array it stands."""

    wa_id: Shown = field(name="from", default=UNSET)
    user_id: ShownText = field(name="from_user_id", default=UNSET)
    parent_user_id: ShownText = field(name="from_parent_user_id", default=UNSET)
    to: Shown = UNSET
    to_user_id: ShownText = UNSET
    to_parent_user_id: ShownText = UNSET
    id: ShownText = UNSET
    type: ShownText = UNSET
    timestamp: Shown = UNSET


class Message(Item, gc=False, eq=False):
    array = "messages"

    system: System | UnsetType = UNSET
    origin: ShownText = UNSET
    contacts: list[Card] | UnsetType = UNSET
    group_id: Beside = UNSET
    context: Beside = UNSET
    referral: Beside = UNSET
    history_context: Beside = UNSET
    errors: Beside = UNSET
    text: Beside = UNSET
    image: Beside = UNSET
    audio: Beside = UNSET
    video: Beside = UNSET
    document: Beside = UNSET
    sticker: Beside = UNSET
    location: Beside = UNSET
    interactive: Beside = UNSET
    button: Beside = UNSET
    reaction: Beside = UNSET
    order: Beside = UNSET
    edit: Beside = UNSET
    revoke: Beside = UNSET
    unsupported: Beside = UNSET
    identity: Beside = UNSET


class Call(Item, gc=False, eq=False):
    array = "calls"

    direction: ShownText = UNSET
    event: Beside = UNSET
    status: Beside = UNSET
    session: Beside = UNSET
    start_time: Beside = UNSET
    end_time: Beside = UNSET
    duration: Beside = UNSET
    biz_opaque_callback_data: Beside = UNSET
    deeplink_payload: Beside = UNSET
    cta_payload: Beside = UNSET
    errors: Beside = UNSET
