"""The body of the webhook that Meta sends when a user writes."""

from typing import Any

import msgspec

from wablock.block_list.ports import BusinessNumber, Member, Microseconds
from wablock.block_list.rules import SECOND

_BUSINESS = "15550783881"  # the number in Meta's examples, used if the business's number is unknown


def webhook(
    number: BusinessNumber, sender: Member, message: dict[str, Any], message_id: str, name: str, at: Microseconds
) -> bytes:
    """The body of a webhook with one message to `number`; `message` has the fields of its type."""
    ids = {"wa_id": sender.wa_id, "user_id": sender.user_id}
    contact = {"profile": {"name": name}} | {key: value for key, value in ids.items() if value}
    senders = {"from": sender.wa_id, "from_user_id": sender.user_id}
    who = {key: value for key, value in senders.items() if value}
    metadata = {"display_phone_number": number.wa_id or _BUSINESS, "phone_number_id": number.phone_number_id}
    value = {
        "messaging_product": "whatsapp",
        "metadata": metadata,
        "contacts": [contact],
        "messages": [who | {"id": message_id, "timestamp": str(at // SECOND)} | message],
    }
    entry = {"id": number.account_id, "changes": [{"value": value, "field": "messages"}]}
    return msgspec.json.encode({"object": "whatsapp_business_account", "entry": [entry]})
