"""Webhooks as Meta documents them, with made-up people, in the bytes in which Meta writes them."""

import json
from typing import Any, Final

Json = dict[str, Any]

NUMBER, OTHER_NUMBER = "106540352242922", "106540352242923"
ACCOUNT: Final = "102290129340398"
BUSINESS: Final = "15550783881"
USER: Final = "16505551234"
USERS_ID: Final = "US.13491208655302741918"

NEW_NUMBER: Final = "16505550177"
_ID: Final = "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA="
_EARLIER_ID: Final = "wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBJDQjZCMzlEQUE4OTJBMTE4RTUA"
_AT: Final = "1749416383"


def written(webhook: Json) -> bytes:
    """Compact, with non-ASCII characters and every slash escaped, so that decoding and encoding again changes bytes."""
    return json.dumps(webhook, separators=(",", ":")).replace("/", r"\/").encode()


def webhook(*changes: Json) -> Json:
    return {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": list(changes)}]}


def change(field: str = "messages", number: str = NUMBER, **members: Any) -> Json:
    metadata = {"display_phone_number": BUSINESS, "phone_number_id": number}
    return {"value": {"messaging_product": "whatsapp", "metadata": metadata} | members, "field": field}


def change_with(item: Json, number: str = NUMBER) -> Json:
    """The change with a message or a call, and its sender's contact."""
    wa_id, user_id = item.get("from"), item.get("from_user_id")
    ids = {"wa_id": wa_id, "user_id": user_id}
    who = {"profile": {"name": "Sheena Nelson"}} | {name: it for name, it in ids.items() if it}
    if item["id"].startswith("wacid"):
        return change("calls", number, contacts=[who], calls=[item])
    return change(number=number, contacts=[who], messages=[item])


def item(kind: str, wa_id: str | None = USER, user_id: str | None = None) -> Json:
    """A message or a call of this kind; a user who hides the number appears by `user_id` alone."""
    ids = {"from": wa_id, "from_user_id": user_id}
    identity = {name: it for name, it in ids.items() if it}
    return identity | {"id": _ID, "timestamp": _AT} | ITEMS[kind]


def _media(kind: str, mime_type: str, **more: Any) -> Json:
    url = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1003383421387256&ext=1749416383"
    members = {
        "mime_type": mime_type,
        "sha256": "SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=",
        "id": "1003383421387256",
    }
    return {"type": kind, kind: members | {"url": url} | more}


def _interactive(kind: str, **members: Any) -> Json:
    return {"context": _REPLIED_TO, "type": "interactive", "interactive": {"type": kind, kind: members}}


def _system(kind: str, body: str, **members: str) -> Json:
    return {"type": "system", "system": {"body": body, "type": kind} | members}


def _failed(kind: str, code: int, title: str) -> Json:
    details = {"details": "Message type is currently not supported."}
    return {"type": kind, "errors": [{"code": code, "title": title, "message": title, "error_data": details}]}


def _call(event: str, **members: Any) -> Json:
    about = {"id": "wacid.ABGGFjFVU2AfAgo6V-Hc5eCgK5Gh", "to": BUSINESS, "event": event}
    return about | {"direction": "USER_INITIATED"} | members


_REPLIED_TO: Final = {"from": BUSINESS, "id": _EARLIER_ID}
_PRODUCT: Final = {"catalog_id": "194836987003835", "product_retailer_id": "di9ozbzfi4"}
_TEXT: Final[Json] = {"type": "text", "text": {"body": "Does it come in another color?"}}
_FORWARDED: Final = {"forwarded": True, "frequently_forwarded": True}
_PLACE: Final = {"address": "101 Forest Ave", "latitude": 37.4421, "longitude": -122.1615, "name": "Philz Coffee"}
_SESSION: Final = {"sdp_type": "offer", "sdp": "v=0\r\no=- 3626166318745852955 2 IN IP4 127.0.0.1\r\n"}
_ORDERED: Final = {"product_retailer_id": "di9ozbzfi4", "quantity": 2, "item_price": 30.5, "currency": "USD"}
_PERSON: Final = {
    "name": {"formatted_name": "Barbara J. Johnson", "first_name": "Barbara", "last_name": "Johnson"},
    "addresses": [{"street": "1 Lucky Shrub Way", "city": "Menlo Park", "country_code": "US", "type": "WORK"}],
    "emails": [{"email": "barbara@example.com", "type": "WORK"}],
    "org": {"company": "Lucky Shrub", "title": "Lead"},
    "phones": [{"phone": "+1 (650) 555-0177", "wa_id": NEW_NUMBER, "type": "CELL"}],
    "urls": [{"url": "https://example.com/", "type": "COMPANY"}],
    "birthday": "1999-01-23",
}
_ADVERTISEMENT: Final = {
    "source_url": "https://fb.me/3cr4Wqqkv",
    "source_id": "120226305854810726",
    "source_type": "ad",
    "body": "Summer succulents are here!",
    "headline": "Chat with us",
    "media_type": "image",
    "image_url": "https://example.com/succulents.jpg",
    "ctwa_clid": "Aff-n8ZTODiE79d22KtAwQKj9e_mIEOOj27vDVwFjN80dp4_0NiNhEgpGo0AHemvuSoifXaytfTzcchptiErTKCqTrJ5nW1h",
    "welcome_message": {"text": "Hi there! Let us know how we can help!"},
}

ITEMS: Final[dict[str, Json]] = {
    "text": _TEXT,
    "text in another script": {"type": "text", "text": {"body": 'Grüße 👋 3/4 "日本"\n'}},
    "reply": {"context": _REPLIED_TO} | _TEXT,
    "forwarded text": {"context": _FORWARDED} | _TEXT,
    "question about a product": {"context": _REPLIED_TO | {"referred_product": _PRODUCT}} | _TEXT,
    "text in a group": {"group_id": "HBgLMTY1MDM4Nzk0MzkVAgA"} | _TEXT,
    "referral": _TEXT | {"referral": _ADVERTISEMENT},
    "image": _media("image", "image/jpeg", caption="Taj Mahal"),
    "audio": _media("audio", "audio/ogg; codecs=opus", voice=True),
    "video": _media("video", "video/mp4"),
    "document": _media("document", "application/pdf", filename="lucky-shrub_invoice.pdf"),
    "sticker": _media("sticker", "image/webp", animated=False),
    "location": {"type": "location", "location": _PLACE | {"url": "https://philzcoffee.com/"}},
    "contacts": {"type": "contacts", "contacts": [_PERSON]},
    "button reply": _interactive("button_reply", id="cancel-button", title="Cancel"),
    "list reply": _interactive("list_reply", id="priority_express", title="Priority", description="1 to 3 days"),
    "flow reply": _interactive("nfm_reply", response_json='{"flow_token": "1", "a": "b"}', body="Sent", name="flow"),
    "call permission": _interactive("call_permission_reply", response="accept", is_permanent=False),
    "button": {"context": _REPLIED_TO, "type": "button", "button": {"payload": "Unsubscribe", "text": "Unsubscribe"}},
    "reaction": {"type": "reaction", "reaction": {"message_id": _EARLIER_ID, "emoji": "👍"}},
    "reaction taken back": {"type": "reaction", "reaction": {"message_id": _EARLIER_ID}},
    "order": {"type": "order", "order": {"catalog_id": "1", "text": "Love these!", "product_items": [_ORDERED]}},
    "changed number": _system("user_changed_number", f"User A changed to {NEW_NUMBER}", wa_id=NEW_NUMBER),
    "changed preference": _system("user_preference_changed", "User A stopped marketing", marketing="stop"),
    "unsupported": _failed("unsupported", 131051, "Message type unknown"),
    "unknown": _failed("unknown", 131060, "This message is unavailable"),
    "welcome": {"type": "request_welcome"},
    "edit": {"type": "edit", "edit": {"original_message_id": _EARLIER_ID, "message": _TEXT}},
    "revoke": {"type": "revoke", "revoke": {"original_message_id": _EARLIER_ID}},
    "of a type to come": {"type": "hologram", "hologram": [{"id": 7, "from": BUSINESS}]},
    "call": _call("connect", session=_SESSION),
    "end of a call": _call("terminate", status="COMPLETED", start_time="1671644824", duration=480),
}
"""The items that users send, by kind, without sender and time."""


def _status(kind: str, **more: Any) -> Json:
    status = {"id": _EARLIER_ID, "status": kind, "timestamp": _AT, "recipient_id": USER}
    return change(statuses=[status | more])


_CONVERSATION: Final = {"id": "4c3a", "expiration_timestamp": _AT, "origin": {"type": "marketing_lite"}}
_PRICING: Final = {"billable": True, "pricing_model": "PMP", "category": "utility", "type": "regular"}
_UNDELIVERED: Final = {"code": 131031, "title": "Business Account locked", "error_data": {"details": "It is locked."}}
_ECHO: Final = {"from": BUSINESS, "to": USER, "id": _ID, "timestamp": _AT} | _TEXT
_THREAD: Final = {"id": USER, "messages": [item("text") | {"history_context": {"status": "READ"}}]}
_NAMED: Final = [{"profile": {"name": "Sheena Nelson"}, "wa_id": USER, "user_id": USERS_ID}]
_PREFERENCE: Final = {"wa_id": USER, "detail": "User stopped", "category": "marketing_messages", "value": "stop"}
_ADDED: Final = {"type": "contact", "contact": {"full_name": "Pablo", "phone_number": USER}, "action": "add"}
_BUSINESS_CALLS: Final = {"id": "wacid.1", "from": BUSINESS, "to": USER, "event": "connect", "timestamp": _AT}
_RINGING: Final = {"id": "wacid.1", "timestamp": _AT, "type": "call", "status": "RINGING", "recipient_id": USER}
_CERTIFIED: Final = {"event": "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE", "partner_client": {"status": "APPROVED"}}
_TEMPLATE: Final = {"event": "APPROVED", "message_template_id": 1689556908129832, "reason": "NONE"}
_CLICK: Final = {"action_type": "marketing_messages_link_click", "timestamp": _AT}

CHANGES: Final[dict[str, Json]] = {
    "sent": _status("sent", conversation=_CONVERSATION, pricing=_PRICING),
    "delivered": _status("delivered", pricing=_PRICING),
    "read": _status("read", recipient_user_id=USERS_ID),
    "played": _status("played", biz_opaque_callback_data="<x>"),
    "failed": _status("failed", errors=[_UNDELIVERED]),
    "status with its contact": change(contacts=_NAMED, statuses=[_RINGING | {"status": "sent"}]),
    "errors": change(errors=[{"code": 130429, "title": "Rate limit hit"}]),
    "click": change(user_actions=[_CLICK]),
    "echo": change("smb_message_echoes", message_echoes=[_ECHO]),
    "echo of another application": change("message_echoes", message_echoes=[_ECHO]),
    "contact of the app": change("smb_app_state_sync", state_sync=[_ADDED]),
    "preference": change("user_preferences", contacts=_NAMED, user_preferences=[_PREFERENCE]),
    "call of the business": change("calls", calls=[_BUSINESS_CALLS | {"direction": "BUSINESS_INITIATED"}]),
    "status of a call": change("calls", statuses=[_RINGING]),
    "account_update": {"value": _CERTIFIED, "field": "account_update"},
    "message_template_status_update": {"value": _TEMPLATE, "field": "message_template_status_update"},
    "a field of one value": {"value": "x", "field": "a_field_to_come"},
}
"""What users did not send, but mostly about one, by kind."""

SENT_IN_OTHER_FIELDS: Final[dict[str, Json]] = {
    "history": change("history", history=[{"metadata": {"phase": 0, "progress": 55}, "threads": [_THREAD]}]),
    "media of the history": change("history", contacts=_NAMED, messages=[item("image")]),
    "standby": change("standby", standby={"contacts": _NAMED, "messages": [item("text")]}),
    "a field to come": change("holograms", contacts=_NAMED, messages=[item("text")]),
}
"""What one user sent, in fields other than `messages` and `calls`."""
