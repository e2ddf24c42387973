"""Bodies that Meta does not document: they hide no blocked user, and reading them is neither slow nor large."""

import gc
import json
import tracemalloc
from typing import Any

import pytest

from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import WebhookChange
from wablock.gate.webhook.raw_json import UnreadableBody
from wablock.gate.webhook.senders import member_of

USER = "16505550101"
USER_ID = "US.13491208655302741918"
BUSINESS = {"display_phone_number": "16505550100", "phone_number_id": "5"}


def compact(value: Any, field: str = "messages") -> bytes:
    changes = [{"value": {"messaging_product": "whatsapp", **value}, "field": field}]
    webhook = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}
    return json.dumps(webhook, separators=(",", ":")).encode()


def the_change(body: bytes) -> WebhookChange:
    (change,) = Payload.parse(body).changes
    return change


def senders(body: bytes) -> set[str]:
    change = the_change(body)
    members = (member_of(ids) for item in change.items for ids in change.senders(item))
    return {it for member in members if member for it in (member.wa_id, member.user_id) if it}


@pytest.mark.parametrize("display_number", [{}, {"display_phone_number": None}, {"display_phone_number": "?"}])
def test_a_null_number_is_not_the_missing_number_of_the_business(display_number: dict[str, Any]) -> None:
    message = {"from": None, "from_user_id": USER_ID, "id": "w", "type": "text"}

    body = compact({"metadata": {"phone_number_id": "5", **display_number}, "messages": [message]})

    assert senders(body) == {USER_ID}


@pytest.mark.parametrize(
    "displayed, sender",
    [("+55 11 96123-4567", "551161234567"), ("52 55 1234 5678", "5215512345678"), ("5491123456789", "541123456789")],
)
def test_the_business_is_known_by_each_spelling_of_its_number(displayed: str, sender: str) -> None:
    message = {"from": sender, "from_user_id": USER_ID, "to": USER, "id": "w", "type": "text"}
    metadata = {"display_phone_number": displayed, "phone_number_id": "5"}

    change = the_change(compact({"metadata": metadata, "messages": [message]}))

    assert not change.items
    assert not change.links


@pytest.mark.parametrize("padding", range(1, 12))
@pytest.mark.parametrize("number", [b"1e12", b"1e13", b"1e14", b"1e15"])
def test_a_number_that_grows_when_it_is_written_again_hides_no_second_sender(number: bytes, padding: int) -> None:
    message = {"from": "16505550102", "From": USER[:padding], "timestamp": "T", "id": "w", "type": "text"}
    body = compact({"metadata": BUSINESS, "messages": [message]}).replace(b'"T"', number)

    with pytest.raises(UnreadableBody, match="occurs twice"):
        Payload.parse(body)


@pytest.mark.parametrize("number", [b"1e12", b"1e13", b"1e14", b"1e15"])
@pytest.mark.parametrize("padding", range(1, 12))
def test_a_summary_hides_no_second_sender(number: bytes, padding: int) -> None:
    message = {"from": "16505550102", "From": USER[:padding], "id": "w", "type": "text"}
    body = compact({"metadata": BUSINESS, "messages": [message], "conversation_context": {"n": "T"}})

    with pytest.raises(UnreadableBody, match="occurs twice"):
        Payload.parse(body.replace(b'"T"', number))


@pytest.mark.parametrize("number", [b"16505550101", b"1.6505550101e10", b"16505550101.0"])
def test_a_sender_may_be_shown_as_a_number(number: bytes) -> None:
    body = compact({"metadata": BUSINESS, "messages": [{"from": "T", "id": "w"}]}).replace(b'"T"', number)

    assert senders(body) == {USER}


def test_a_number_of_very_many_digits_is_not_a_user() -> None:
    message = compact({"metadata": BUSINESS, "messages": [{"from": "T", "id": "w"}]})

    assert senders(message.replace(b'"T"', b"9" * 100_000)) == set()


def test_a_thread_with_two_ids_has_two_readings() -> None:
    threads = [{"id": USER, "ID": "16505550102", "messages": [{"id": "w", "type": "text"}]}]

    with pytest.raises(UnreadableBody, match="occurs twice"):
        Payload.parse(compact({"metadata": BUSINESS, "history": [{"threads": threads}]}, "history"))


def test_a_handover_with_metadata_is_a_handover() -> None:
    handover = {"sender": {"phone_number": USER}, "recipient": BUSINESS, "control_passed": {}}

    assert senders(compact({"metadata": BUSINESS, **handover}, "messaging_handovers")) == {USER}


@pytest.mark.parametrize("blank", [b"", b" "])
@pytest.mark.parametrize("depth", [3, *range(100, 1_000, 7)])
def test_standby_in_standby_is_read_or_refused(depth: int, blank: bytes) -> None:
    whole = compact({"metadata": BUSINESS, "standby": "V"})
    body = whole.replace(b'"V"', blank + b'{"standby":' * depth + b'{"messages":[{"from":"1"}]}' + b"}" * depth)

    try:
        payload = Payload.parse(body)
        payload.body(payload.changes, lambda _: True)
    except UnreadableBody:
        pass


@pytest.mark.parametrize("place", ["display_phone_number", "from"])
def test_no_long_text_is_remembered(place: str) -> None:
    def read(number: int) -> None:
        text = str(number) + "9" * 1_000_000
        metadata = {"phone_number_id": "5", "display_phone_number": text if place != "from" else "1"}
        messages = [{"from": text if place == "from" else USER, "id": "w"}, {"from": "16505550102", "id": "v"}]
        payload = Payload.parse(compact({"metadata": metadata, "contacts": [{"wa_id": USER}], "messages": messages}))
        first = payload.changes[0].items[0]
        payload.body(payload.changes, lambda item: item is first)

    read(0)
    gc.collect()
    tracemalloc.start()
    for number in range(20):
        read(number + 1)
    remembered, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert remembered < 2_000_000


def test_many_messages_without_a_sender_and_many_contacts_are_refused() -> None:
    contacts = [{"wa_id": f"1650555{number:04}"} for number in range(5_000)]

    with pytest.raises(UnreadableBody, match="have no sender"):
        Payload.parse(compact({"metadata": BUSINESS, "contacts": contacts, "messages": [{"id": "w"}] * 5_000}))


def test_many_messages_without_a_sender_belong_to_the_one_contact() -> None:
    body = compact({"metadata": BUSINESS, "contacts": [{"wa_id": USER}], "messages": [{"id": "w"}] * 5_000})

    assert senders(body) == {USER}


def test_a_contact_outside_of_standby_is_removed_with_its_standby_message() -> None:
    contact = {"wa_id": USER, "profile": {"name": "N"}}
    value = {"metadata": BUSINESS, "contacts": [contact], "standby": {"messages": [{"from": USER, "id": "w"}]}}
    payload = Payload.parse(compact(value, "standby"))

    assert payload.body(payload.changes, lambda _: True) is None
