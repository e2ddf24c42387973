"""What is read of a webhook: who sent which items, who is who, and what has changed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gate.webhook.payloads import (
    ANNA,
    ANNAS_ID,
    BEN,
    ENTRY,
    MESSAGES,
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
from wablock.gate.webhook.change import Change, Item, Notice
from wablock.gate.webhook.raw_json import Unreadable

NEW_ID = "US.99"


def the_change(it: Json) -> Change:
    (found,) = Payload.parse(encoded(delivery(it))).changes
    return found


def the_item(it: Any, array: str = "messages") -> Item:
    (found,) = the_change(change("messages", OURS, **{array: [it]})).items
    return found


def system(**said: Any) -> Json:
    return message(ANNA, type="system", system=said)


def test_a_change_knows_its_entry_its_field_and_its_number() -> None:
    found = the_change(change(messages=[message()]))

    assert (found.entry_id, found.field, found.phone_number_id) == (ENTRY, "messages", OURS)


def test_one_delivery_may_be_about_two_numbers() -> None:
    payload = Payload.parse(encoded(delivery(change(number=OURS), change(number=OUR_OTHER))))

    assert [it.phone_number_id for it in payload.changes] == [OURS, OUR_OTHER]


@pytest.mark.parametrize("kind", MESSAGES)
def test_every_documented_message_has_its_sender(kind: str) -> None:
    item = the_item(message(ANNA, **MESSAGES[kind]))

    assert (item.array, item.wa_id, item.user_id) == ("messages", ANNA, None)
    assert (item.id, item.kind, item.sent_at) == ("wamid.1", MESSAGES[kind]["type"], 1749416383)


def test_an_items_size_is_that_of_its_bytes() -> None:
    found = the_change(change(messages=[message()]))

    assert found.size(found.items[0]) == len(encoded(message()))


def test_a_sender_may_have_a_user_id_only() -> None:
    item = the_item(message(None, from_user_id=ANNAS_ID))

    assert (item.wa_id, item.user_id) == (None, ANNAS_ID)


@pytest.mark.parametrize("event", ["connect", "terminate"])
def test_a_call_is_an_item_of_its_own_type(event: str) -> None:
    item = the_item(call(event=event, type="audio"), "calls")

    assert (item.array, item.wa_id, item.id, item.kind) == ("calls", ANNA, "wacid.1", "call")


def test_a_call_that_the_business_began_is_from_the_business() -> None:
    item = the_item(call("15550783881", to=ANNA, direction="BUSINESS_INITIATED"), "calls")

    assert item.wa_id == "15550783881"


@pytest.mark.parametrize("field", ["messages", "standby", "calls"])
def test_messages_and_calls_are_found_in_each_field_that_carries_them(field: str) -> None:
    found = the_change(change(field, messages=[message(ANNA)], calls=[call(BEN)]))

    assert [item.wa_id for item in found.items] == [ANNA, BEN]


@pytest.mark.parametrize("kind", NOT_FROM_USERS)
def test_what_users_did_not_send_is_no_item(kind: str) -> None:
    assert the_change(NOT_FROM_USERS[kind]).items == []


@pytest.mark.parametrize("name", ["from", "from_user_id", "id", "type", "timestamp", "system"])
@pytest.mark.parametrize("odd", [{}, [], None, True, 1.5, 10**400, {"from": BEN}, ""])
def test_a_member_of_another_type_is_as_one_that_is_missing(name: str, odd: Any) -> None:
    plain = message(ANNA, from_user_id=ANNAS_ID, type="text")

    item, other = the_item(plain | {name: odd}), the_item({key: it for key, it in plain.items() if key != name})

    shown = [(it.wa_id or None, it.user_id or None, it.id or None, it.kind, it.sent_at) for it in (item, other)]
    assert shown[0] == shown[1]


@pytest.mark.parametrize(
    "said, seconds", [("17", 17), (17, 17), ("-1", None), (-1, None), ("1" * 13, None), ("²", None)]
)
def test_a_timestamp_is_text_or_a_number_of_seconds(said: Any, seconds: int | None) -> None:
    assert the_item(message() | {"timestamp": said}).sent_at == seconds


def test_of_a_repeated_key_the_last_one_counts() -> None:
    body = encoded(delivery(change(messages=[message(BEN)]))).replace(b'"from":', b'"from": "1", "from":')

    assert Payload.parse(body).changes[0].items[0].wa_id == BEN


def test_contacts_and_senders_with_both_ids_are_links() -> None:
    both = message(BEN, from_user_id=NEW_ID, type="text")

    found = the_change(change(contacts=[contact(ANNA, ANNAS_ID), contact(BEN)], messages=[both, message(ANNA)]))

    assert found.links == [(ANNA, ANNAS_ID), (BEN, NEW_ID)]


def test_a_statuss_contacts_are_links() -> None:
    assert the_change(NOT_FROM_USERS["read"]).links == [(ANNA, ANNAS_ID)]


@pytest.mark.parametrize("kind", ["user_changed_number", "customer_changed_number"])
@pytest.mark.parametrize("name", ["wa_id", "new_wa_id"])
def test_a_changed_number_is_a_notice(kind: str, name: str) -> None:
    said = system(type=kind, **{name: BEN}, user_id=NEW_ID, previous_user_id=ANNAS_ID)

    assert the_change(change(messages=[said])).notices == [Notice((ANNA, ANNAS_ID), (BEN, NEW_ID))]


@pytest.mark.parametrize("sender_id, previous", [(ANNAS_ID, ANNAS_ID), (NEW_ID, None)])
def test_without_a_previous_id_the_senders_is_it_unless_it_is_the_new_one(sender_id: str, previous: str | None) -> None:
    said = system(type="user_changed_number", wa_id=BEN, user_id=NEW_ID) | {"from_user_id": sender_id}

    assert the_change(change(messages=[said])).notices == [Notice((ANNA, previous), (BEN, NEW_ID))]


@pytest.mark.parametrize("wa_id", [ANNA, None])
def test_a_changed_user_id_is_a_notice(wa_id: str | None) -> None:
    ids = {"type": "user_changed_user_id", "user_id": NEW_ID, "previous_user_id": ANNAS_ID}
    said = message(wa_id, type="system", system=ids)

    assert the_change(change(messages=[said])).notices == [Notice((wa_id, ANNAS_ID), (wa_id, NEW_ID))]


@pytest.mark.parametrize("said", [{}, {"type": "customer_identity_changed"}, {"type": ["user_changed_number"]}])
def test_other_system_messages_are_no_notices(said: Json) -> None:
    assert the_change(change(messages=[system(**said)])).notices == []


IDS = {"previous": ANNAS_ID, "current": NEW_ID}


@pytest.mark.parametrize(
    "said, wa_id",
    [
        ([{"wa_id": ANNA, "user_id": IDS, "timestamp": 10**30}], ANNA),
        ({"wa_id": ANNA, "user_id": IDS}, ANNA),
        ([{"user_id": IDS}], None),
        ([{"wa_id": ANNA, "user_id": "odd"} | IDS], ANNA),
        ([7, IDS], None),
    ],
)
def test_updates_of_user_ids_are_notices(said: Any, wa_id: str | None) -> None:
    found = the_change(change("user_id_update", user_id_update=said))

    assert found.notices == [Notice((wa_id, ANNAS_ID), (wa_id, NEW_ID))]


ODD_SHAPES = [
    {}, {"entry": None}, {"entry": {}}, {"entry": 1}, {"entry": []}, {"entry": [1, None, []]}, {"entry": [{}]},
    {"entry": [{"id": 1, "changes": {}}]}, {"entry": [{"changes": [1, {}, {"value": []}, {"field": "messages"}]}]},
    delivery({"field": "messages", "value": {"messages": {}, "contacts": 1, "metadata": []}}),
    delivery(change(messages=[1, [], None, "x"], contacts={"wa_id": ANNA}, calls="no")),
]  # fmt: skip


@pytest.mark.parametrize("webhook", ODD_SHAPES)
def test_an_odd_shape_is_kept_whole(webhook: Json) -> None:
    body = encoded(webhook)
    payload = Payload.parse(body)

    assert [item for it in payload.changes for item in it.items] == []
    assert payload.body(payload.changes, lambda _: True) is body


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b'"x"', b"null", b"\xef\xbb\xbf{}", b"{} {}", b"{'a': 1}"])
def test_what_is_no_json_object_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        Payload.parse(body)


def test_what_is_nested_too_deep_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        Payload.parse(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@pytest.mark.parametrize("name", [b"from", b"from_user_id"])
def test_a_sender_that_is_no_utf8_is_unreadable_so_that_nobody_passes_unseen(name: bytes) -> None:
    body = encoded(delivery(change(messages=[message() | {"from_user_id": ANNAS_ID}])))

    with pytest.raises(Unreadable):
        Payload.parse(body.replace(b'"%b": "' % name, b'"%b": "\xff' % name))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["from", "value", "id"]), inner),
)


@given(ANYTHING)
def test_no_json_is_an_error_of_another_kind(said: Any) -> None:
    for webhook in (said, {"entry": said}, {"entry": [{"changes": said}]}, delivery(change(messages=said))):
        try:
            Payload.parse(encoded(webhook))
        except Unreadable:
            continue


@given(st.binary())
def test_no_bytes_are_an_error_of_another_kind(body: bytes) -> None:
    for it in (body, b'{"entry":[{"changes":[{"value":{"messages":[{"from":"' + body + b'"}]}}]}]}'):
        try:
            Payload.parse(it)
        except Unreadable:
            continue
