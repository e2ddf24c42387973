"""The parts of a change that are removed with its messages, and the parts that stay for other messages."""

import json
from typing import Any

import pytest
from tests.gate.webhook.payloads import (
    ANNA,
    ANNAS_ID,
    BEN,
    CHLOE,
    OURS,
    Json,
    call,
    change,
    contact,
    delivery,
    encoded,
    message,
    status,
)
from tests.webhooks.corpus import Case, each_user, files, remaining

from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import WebhookChange
from wablock.gate.webhook.items import Item
from wablock.gate.webhook.senders import names_of

CONTEXT = {"type": "summary", "summary": {"text": "Anna asks for a refund."}}
BUSINESS = "15550783881"


def value_without(it: Json, *gone: str) -> Json | None:
    """The value of a change without the items of these users; None if nothing remains."""
    payload = Payload.parse(encoded(delivery(it)))
    body = payload.body(payload.changes, lambda item: item.wa_id in gone or item.user_id in gone)
    return None if body is None else json.loads(body)["entry"][0]["changes"][0]["value"]


def value(**more: Any) -> Json:
    its: Json = change(**more)["value"]
    return its


def each_blocked() -> list[Any]:
    return [
        pytest.param(case, user, id=f"{file}: {case.name}, {user}")
        for file in files()
        for case, user in each_user(file)
    ]


@pytest.mark.parametrize("case, user", each_blocked())
def test_exactly_one_users_parts_are_removed_from_each_documented_webhook(case: Case, user: int) -> None:
    payload = Payload.parse(case.body())
    names = set(case.users[user].values())
    blocked = {
        id(item)
        for it in payload.changes
        for item in it.items
        if any(_is_theirs(ids, names, it) for ids in it.senders(item))
    }

    body = payload.body(payload.changes, lambda item: id(item) in blocked)

    assert (None if body is None else json.loads(body)) == remaining(case, user)


def _is_theirs(ids: Any, names: set[str], it: WebhookChange) -> bool:
    """Whether the ids are the user's: an id that the payload shows, or one that it links with it."""
    linked = set().union(names, *(names_of(link) for link in it.links if names_of(link) & names))
    return not names_of(ids).isdisjoint(linked)


# -- arrays that become empty


@pytest.mark.parametrize("array", ["messages", "calls"])
def test_an_array_that_becomes_empty_is_removed_with_its_name(array: str) -> None:
    its: Json = {"messages": [message(BEN)], "calls": [call(BEN)]}
    its[array] = [message(ANNA)] if array == "messages" else [call(ANNA)]

    assert value_without(change(**its), ANNA) == {name: it for name, it in value(**its).items() if name != array}


def test_an_array_that_was_empty_stays() -> None:
    assert value_without(change(messages=[message(ANNA)], errors=[], calls=[]), ANNA) == value(errors=[], calls=[])


@pytest.mark.parametrize("array", ["contacts", "messages", "calls", "history"])
def test_a_change_with_only_an_array_that_was_empty_is_removed(array: str) -> None:
    others = {"messages": [message(ANNA)]} if array != "messages" else {"calls": [call(ANNA)]}

    assert value_without(change("messages", OURS, **{array: []}, **others), ANNA) is None


@pytest.mark.parametrize("more", [{"errors": [{"code": 1}]}, {"statuses": [status()]}, {"of_the_future": None}])
def test_a_change_without_its_messages_stays_if_it_has_other_data(more: Json) -> None:
    assert value_without(change(messages=[message(ANNA)], **more), ANNA) == value(**more)


@pytest.mark.parametrize("display", [{}, {"metadata": {"phone_number_id": OURS}}])
def test_a_change_with_only_an_address_is_removed(display: Json) -> None:
    assert value_without({"value": display | {"messages": [message(ANNA)]}}, ANNA) is None


def test_a_value_that_is_no_message_stays_beside_removed_ones() -> None:
    its = [7, message(ANNA), message(BEN), None]

    assert value_without(change(zeta=1, messages=its, alpha=[10**400]), ANNA) == value(
        zeta=1, messages=[7, message(BEN), None], alpha=[10**400]
    )


# -- history


def history(*threads: Json, **more: Any) -> Json:
    return change("history", history=[{"metadata": {"phase": 0}, "threads": list(threads)}], **more)


def test_a_message_is_removed_from_its_thread() -> None:
    own = message(BUSINESS) | {"to": ANNA}

    rest = value_without(history({"id": ANNA, "messages": [message(ANNA), own]}), ANNA)

    assert rest == history({"id": ANNA, "messages": [own]})["value"]


def test_a_thread_is_removed_with_its_last_message() -> None:
    threads = [{"id": it, "messages": [message(it)]} for it in (ANNA, BEN)]

    assert value_without(history(*threads), ANNA) == history(threads[1])["value"]


def test_a_chunk_is_removed_with_its_last_thread_and_a_change_with_its_last_chunk() -> None:
    thread = {"id": ANNA, "messages": [message(ANNA)]}
    errors = {"errors": [{"code": 2593109}]}

    assert value_without(history(thread), ANNA) is None
    assert value_without(change("history", history=[{"threads": [thread]}, errors]), ANNA) == value(history=[errors])


def test_a_contact_of_the_history_is_removed_with_its_messages() -> None:
    thread = {"id": ANNA, "messages": [message(ANNA)]}
    kept = {"id": BEN, "messages": [message(BEN)]}

    rest = value_without(history(thread, kept, contacts=[contact(ANNA), contact(BEN)]), ANNA)

    assert rest == history(kept, contacts=[contact(BEN)])["value"]


# -- standby


@pytest.mark.parametrize("beside", [{}, {"statuses": [status(recipient=BEN)]}])
def test_messages_of_standby_are_removed_with_their_contacts(beside: Json) -> None:
    inner = {"contacts": [contact(ANNA)], "messages": [message(ANNA)]} | beside

    assert value_without(change("standby", standby=inner), ANNA) == (value(standby=beside) if beside else None)


def test_messages_of_standby_are_removed_one_by_one() -> None:
    inner = {"contacts": [contact(ANNA), contact(BEN)], "messages": [message(ANNA), message(BEN)]}
    kept = {"contacts": [contact(BEN)], "messages": [message(BEN)]}

    assert value_without(change("standby", standby=inner), ANNA) == value(standby=kept)


def test_a_change_without_standby_messages_stays_for_its_other_data() -> None:
    inner = {"messages": [message(ANNA)]}

    assert value_without(change("standby", standby=inner, messages=[message(BEN)]), ANNA) == value(
        messages=[message(BEN)]
    )


def test_other_users_items_in_standby_stay() -> None:
    inner = {"messages": [message(BEN)]}

    assert value_without(change("standby", standby=inner, messages=[message(ANNA)]), ANNA) == value(standby=inner)


# -- summaries and handovers


def test_a_summary_is_removed_with_its_messages() -> None:
    its: Json = {"messages": [message(ANNA)], "conversation_context": CONTEXT}

    assert value_without(change(**its), ANNA) is None
    assert value_without(change(**its, errors=[1]), ANNA) == value(errors=[1])
    assert value_without(change(**its, calls=[call(BEN)]), BEN) == value(**its)


@pytest.mark.parametrize("text", [{"metadata": "Anna asks for a refund"}, {"conversation_context": CONTEXT}, {}])
def test_a_handover_is_removed_as_a_whole(text: Json) -> None:
    handover = {
        "recipient": {"display_phone_number": BUSINESS, "phone_number_id": OURS},
        "sender": {"phone_number": ANNA},
        "control_passed": {"previous_owner_role": "ai", "new_owner_role": "business"} | text,
        "of_the_future": 1,
    }
    changes = {"field": "messaging_handovers", "value": handover}

    assert value_without(changes, ANNA) is None
    assert value_without(changes, BEN) == handover


# -- contacts


@pytest.mark.parametrize(
    "staying",
    [
        {"messages": [message(ANNA, 1), message(ANNA, 2)]},
        {"messages": [message(ANNA, 1)], "calls": [call(ANNA, id="wamid.2")]},
        {"messages": [message(ANNA, 1)], "calls": [call(BUSINESS, to=ANNA, direction="BUSINESS_INITIATED")]},
        {"messages": [message(ANNA, 1)], "statuses": [status(recipient=ANNA)]},
        {"messages": [message(ANNA, 1)], "statuses": [{"recipient_user_id": ANNAS_ID}]},
        {"messages": [message(ANNA, 1)], "statuses": [{"recipient_type": "group", "recipient_participant_id": ANNA}]},
        {"messages": [message(ANNA, 1)], "message_echoes": [{"from": BUSINESS, "to_user_id": ANNAS_ID}]},
        {"messages": [message(ANNA, 1)], "user_preferences": [{"wa_id": ANNA, "value": "stop"}]},
    ],
)
def test_a_contact_stays_while_another_item_belongs_to_it(staying: Json) -> None:
    payload = Payload.parse(encoded(delivery(change(contacts=[contact(ANNA, ANNAS_ID)], **staying))))

    body = payload.body(payload.changes, lambda item: item.id == "wamid.1") or b""

    its = json.loads(body)["entry"][0]["changes"][0]["value"]
    assert its["contacts"] == [contact(ANNA, ANNAS_ID)]


@pytest.mark.parametrize(
    "sender, person",
    [
        (message(ANNA), contact(ANNA)),
        (message(None, from_user_id=ANNAS_ID), contact(ANNA, ANNAS_ID)),
        (message("5511987654321"), contact("551187654321")),
        (message("+1 650 555 1234"), contact(ANNA)),
    ],
)
def test_a_contact_is_removed_with_its_sender_in_every_spelling(sender: Json, person: Json) -> None:
    rest = value_without(
        change(contacts=[person, contact(BEN)], messages=[sender, message(BEN)]),
        str(sender.get("from") or ANNAS_ID),
    )

    assert rest == value(contacts=[contact(BEN)], messages=[message(BEN)])


def test_a_contact_without_a_removed_message_stays() -> None:
    rest = value_without(
        change(contacts=[contact(ANNA), contact(CHLOE), 7], messages=[message(ANNA), message(BEN)]), ANNA
    )

    assert rest == value(contacts=[contact(CHLOE), 7], messages=[message(BEN)])


def test_a_message_without_a_sender_is_removed_with_its_contact() -> None:
    without_sender = {name: it for name, it in message().items() if name != "from"}
    payload = Payload.parse(encoded(delivery(change(contacts=[contact(ANNA)], messages=[without_sender]))))

    assert payload.body(payload.changes, _is_any) is None


def _is_any(_: Item) -> bool:
    return True
