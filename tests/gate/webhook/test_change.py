"""The data of a change: its number, the senders of its items, and the users that a receiver may take for a sender."""

from typing import Any

import msgspec
import pytest
from tests.gate.webhook.payloads import (
    ANNA,
    ANNAS_ID,
    BEN,
    CHLOE,
    ENTRY,
    NOT_FROM_USERS,
    OUR_OTHER,
    OURS,
    Json,
    call,
    change,
    contact,
    delivery,
    encoded,
    message,
)

from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import WebhookChange, kind_of, opens_window, sent_at
from wablock.gate.webhook.items import Item

BUSINESS = "15550783881"


def the_change(it: Json) -> WebhookChange:
    (webhook_change,) = Payload.parse(encoded(delivery(it))).changes
    return webhook_change


def the_item(it: Any, array: str = "messages") -> Item:
    (item,) = the_change(change("messages", OURS, **{array: [it]})).items
    return item


def senders(it: Json) -> list[list[str]]:
    """The possible senders of each item."""
    webhook_change = the_change(it)
    return [
        [str(ids.wa_id or ids.user_id or ids.parent_user_id) for ids in webhook_change.senders(item)]
        for item in webhook_change.items
    ]


def in_history(*messages: Json, **thread: Any) -> Json:
    return change("history", history=[{"threads": [thread | {"messages": list(messages)}]}])


def handover(**value: Any) -> Json:
    recipient = {"display_phone_number": BUSINESS, "phone_number_id": OURS}
    value = {"messaging_product": "whatsapp", "recipient": recipient, "type": "control_passed"} | value
    return {"field": "messaging_handovers", "value": value}


WITHOUT_SENDER = {name: it for name, it in message().items() if name != "from"}


# -- the number


def test_a_change_knows_its_entry_and_its_number() -> None:
    webhook_change = the_change(change(messages=[message()]))

    assert (webhook_change.entry_id, webhook_change.phone_number_id, webhook_change.is_of_a_number) == (
        ENTRY,
        OURS,
        True,
    )


def test_one_delivery_may_be_about_two_numbers() -> None:
    payload = Payload.parse(encoded(delivery(change(number=OURS), change(number=OUR_OTHER))))

    assert [it.phone_number_id for it in payload.changes] == [OURS, OUR_OTHER]


def test_a_handover_is_of_the_number_that_it_goes_to() -> None:
    webhook_change = the_change(handover(sender={"phone_number": ANNA}))

    assert (webhook_change.phone_number_id, webhook_change.is_of_a_number) == (OURS, True)


@pytest.mark.parametrize("kind", ["account", "template"])
def test_a_change_without_number_and_users_is_an_account_event(kind: str) -> None:
    webhook_change = the_change(NOT_FROM_USERS[kind])

    assert (webhook_change.phone_number_id, webhook_change.is_of_a_number) == (None, False)


def test_a_users_item_belongs_to_a_number_even_without_metadata() -> None:
    webhook_change = the_change({"value": {"messages": [message()]}})

    assert (webhook_change.phone_number_id, webhook_change.is_of_a_number) == (None, True)


ODD_SHAPES = [
    {}, {"entry": None}, {"entry": {}}, {"entry": 1}, {"entry": []}, {"entry": [1, None, []]}, {"entry": [{}]},
    {"entry": [{"id": 1, "changes": {}}]}, {"entry": [{"changes": [1, {}, {"value": []}, {"field": "messages"}]}]},
    delivery({"field": "messages", "value": {"messages": {}, "contacts": 1, "metadata": []}}),
    delivery(change(contacts={"wa_id": ANNA}, calls="no")),
]  # fmt: skip


@pytest.mark.parametrize("webhook", ODD_SHAPES)
def test_a_body_of_an_odd_shape_has_a_change_without_items(webhook: Json) -> None:
    payload = Payload.parse(encoded(webhook))

    assert payload.changes
    assert [item for it in payload.changes for item in it.items] == []


@pytest.mark.parametrize("webhook", [{}, {"entry": []}, {"entry": [{}]}, {"entry": [{"changes": []}]}])
def test_an_entry_without_changes_and_a_body_without_entries_are_empty(webhook: Json) -> None:
    (webhook_change,) = Payload.parse(encoded(webhook)).changes

    assert webhook_change.is_empty
    assert not the_change(change()).is_empty


# -- the senders


@pytest.mark.parametrize(
    "field", ["messages", "standby", "calls", "history", "smb_message_echoes", "Messages", "a_field_to_come", None, 7]
)
def test_messages_and_calls_are_found_in_any_field(field: Any) -> None:
    webhook_change = the_change(change(field, messages=[message(ANNA)], calls=[call(BEN)]))

    assert [(item.array, item.wa_id) for item in webhook_change.items] == [("messages", ANNA), ("calls", BEN)]


def test_messages_and_calls_of_standby_are_found() -> None:
    inner = {"contacts": [contact()], "messages": [message(ANNA)], "calls": [call(BEN)]}

    assert senders(change("standby", standby=inner)) == [[ANNA], [BEN]]


def test_messages_of_each_thread_of_the_history_are_found() -> None:
    threads = [{"id": it, "messages": [message(it), message(it, 2)]} for it in (ANNA, BEN)]

    senders_of_each = senders(
        change("history", history=[{"threads": threads[:1]}, {"errors": []}, {"threads": threads[1:]}])
    )

    assert senders_of_each == [[ANNA], [ANNA], [BEN], [BEN]]


@pytest.mark.parametrize("kind", NOT_FROM_USERS)
def test_parts_that_users_did_not_send_are_no_items(kind: str) -> None:
    assert not the_change(NOT_FROM_USERS[kind]).items


@pytest.mark.parametrize("own", [BUSINESS, "+1 (555) 078-3881", 15550783881])
def test_a_message_from_the_businesss_own_number_is_no_item(own: Any) -> None:
    theirs = message() | {"from": own, "to": ANNA, "from_user_id": ANNAS_ID}

    assert senders(in_history(theirs, message(ANNA), id=ANNA)) == [[ANNA]]


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_sender_without_a_number_is_not_the_business_where_that_shows_none_either(nothing: Any) -> None:
    it = change(messages=[message() | {"from": nothing, "from_user_id": ANNAS_ID}])
    del it["value"]["metadata"]["display_phone_number"]

    for body in (encoded(delivery(it)), msgspec.json.encode(delivery(it))):
        (webhook_change,) = Payload.parse(body).changes
        assert [item.user_id for item in webhook_change.items] == [ANNAS_ID]


@pytest.mark.parametrize("direction", ["BUSINESS_INITIATED", "business_initiated"])
@pytest.mark.parametrize("from_", [BUSINESS, ANNA])
def test_a_call_that_the_business_makes_is_no_item_for_any_from(direction: str, from_: str) -> None:
    assert senders(change("calls", calls=[call(from_, to=BEN, direction=direction)])) == []


@pytest.mark.parametrize("direction", ["USER_INITIATED", "", None, 7])
def test_any_other_call_is_the_users(direction: Any) -> None:
    assert senders(change("calls", calls=[call(ANNA, direction=direction)])) == [[ANNA]]


def test_a_handover_is_an_item_of_its_own() -> None:
    webhook_change = the_change(handover(sender={"phone_number": ANNA, "user_id": ANNAS_ID}))

    (item,) = webhook_change.items
    assert (item.array, kind_of(item), item.wa_id, item.user_id) == ("handovers", "handover", ANNA, ANNAS_ID)


@pytest.mark.parametrize("name", ["phone_number", "wa_id", "user_id", "parent_user_id"])
def test_a_handover_names_its_user_by_any_id(name: str) -> None:
    assert senders(handover(sender={name: ANNA})) == [[ANNA]]


# -- the users that a receiver may take for the sender


def test_a_message_without_a_sender_belongs_to_each_contact_beside_it() -> None:
    senders_of_each = senders(
        change(contacts=[contact(ANNA), contact(None, ANNAS_ID)], messages=[WITHOUT_SENDER, message(BEN)])
    )

    assert [it[-2:] for it in senders_of_each] == [[ANNA, ANNAS_ID], [BEN]]


def test_a_call_or_handover_without_a_user_belongs_to_the_contacts_beside_it() -> None:
    unnamed = {name: it for name, it in call().items() if name != "from"}

    assert senders(change("calls", contacts=[contact(CHLOE)], calls=[unnamed]))[0][-1] == CHLOE
    assert senders(handover(contacts=[contact(CHLOE)]))[0][-1] == CHLOE


@pytest.mark.parametrize(
    "thread, user",
    [({"id": ANNA}, ANNA), ({"context": {"wa_id": ANNA}}, ANNA), ({"context": {"user_id": ANNAS_ID}}, ANNAS_ID)],
)
def test_a_history_message_without_a_sender_belongs_to_the_threads_user(thread: Json, user: str) -> None:
    assert senders(in_history(WITHOUT_SENDER, **thread))[0][-1] == user


@pytest.mark.parametrize("odd", [7, None, {}, [], "x"])
def test_a_value_that_is_no_message_has_no_sender(odd: Any) -> None:
    webhook_change = the_change(change(contacts=[contact(ANNA)], messages=[odd, message(BEN)]))

    assert [[ids.wa_id or None for ids in webhook_change.senders(item)] for item in webhook_change.items] == [
        [None],
        [BEN],
    ]


SYSTEM = {"type": "user_changed_number", "wa_id": BEN, "user_id": "US.2", "previous_user_id": "US.1"}


@pytest.mark.parametrize("sender", [ANNA, None])
def test_a_system_message_is_of_the_user_by_the_ids_before_and_after(sender: str | None) -> None:
    webhook_change = the_change(change(messages=[message(sender, type="system", system=SYSTEM)]))

    ids_of_each = [(ids.wa_id or None, ids.user_id or None) for ids in webhook_change.senders(webhook_change.items[0])]
    assert ids_of_each[0] == (sender, None)
    assert {(None, "US.1"), (BEN, "US.2")} <= set(ids_of_each)


# -- kind, time and window of an item


def test_a_message_and_a_call_open_the_window_and_a_system_message_does_not() -> None:
    assert opens_window(the_item(message()))
    assert opens_window(the_item(call(), "calls"))
    assert not opens_window(the_item(message(type="system", system=SYSTEM)))
    assert not opens_window(the_change(handover(sender={"phone_number": ANNA})).items[0])


def test_a_call_and_a_message_without_a_type_have_a_kind() -> None:
    assert kind_of(the_item(call(type="audio"), "calls")) == "call"
    assert kind_of(the_item({"from": ANNA})) == "unknown"
    assert kind_of(the_item(message())) == "text"


@pytest.mark.parametrize(
    "timestamp, seconds",
    [("17", 17), (17, 17), ("-1", None), (-1, None), ("1" * 13, None), (10**12, None), ("²", None)],
)
def test_a_timestamp_is_text_or_a_number_of_seconds(timestamp: Any, seconds: int | None) -> None:
    assert sent_at(the_item(message() | {"timestamp": timestamp})) == seconds
