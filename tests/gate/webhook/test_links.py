"""The ids that belong to one user by a change, and the new ids that it announces."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.gate.webhook.payloads import ANNA, ANNAS_ID, BEN, CHLOE, OURS, Json, call, change, delivery, encoded, message

from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import WebhookChange
from wablock.gate.webhook.senders import Ids

BUSINESS = "15550783881"
NEW_ID = "US.99"
PARENT, NEW_PARENT = "US.ENT.1", "US.ENT.2"
CONTACT = {"profile": {"name": "Anna"}, "wa_id": ANNA, "user_id": ANNAS_ID, "parent_user_id": PARENT}
FROM = {"from": ANNA, "from_user_id": ANNAS_ID, "from_parent_user_id": PARENT}
TO = {"to": ANNA, "to_user_id": ANNAS_ID, "to_parent_user_id": PARENT}
RECIPIENT = {"recipient_id": ANNA, "recipient_user_id": ANNAS_ID, "recipient_parent_user_id": PARENT}
PARTICIPANT = {
    "recipient_participant_id": ANNA,
    "recipient_participant_user_id": ANNAS_ID,
    "recipient_participant_parent_user_id": PARENT,
}
GROUP = {"recipient_id": "Y2FwaV9ncm91cD", "recipient_type": "group"}
USER = {"user_id": ANNAS_ID, "parent_user_id": PARENT}
CARD = {"origin": "contact_request", "phones": [{"phone": "+1 (650) 555-1234"}]}
ALL = (ANNA, ANNAS_ID, PARENT)


def the_change(it: Json) -> WebhookChange:
    (webhook_change,) = Payload.parse(encoded(delivery(it))).changes
    return webhook_change


def links(it: Json) -> list[tuple[Any, ...]]:
    return [ids_of(ids) for ids in the_change(it).links]


def ids_of(ids: Ids) -> tuple[Any, ...]:
    return (ids.wa_id or None, ids.user_id or None, ids.parent_user_id or None)


def places() -> Iterator[tuple[str, Json]]:
    """Each place of a webhook that shows three ids of one user."""
    thread = {"id": ANNA, "context": USER, "messages": [message(ANNA)]}
    moved = {"wa_id": ANNA, "sync": {"phone_number": ANNA} | USER}
    for field in (
        "messages",
        "standby",
        "calls",
        "history",
        "smb_app_state_sync",
        "smb_message_echoes",
        "of_the_future",
    ):
        yield f"contacts of {field}", change(field, contacts=[CONTACT])
    yield "message", change(messages=[message(None) | FROM])
    yield "call of the user", change("calls", calls=[call() | FROM])
    yield "call of the business", change("calls", calls=[call(BUSINESS, direction="BUSINESS_INITIATED") | TO])
    yield "status", change(statuses=[RECIPIENT])
    yield (
        "status, older name",
        change(statuses=[{"recipient_id": ANNA, "recipient_user_id": ANNAS_ID, "parent_recipient_user_id": PARENT}]),
    )
    yield (
        "status, printed name",
        change(statuses=[{"recipient_id": ANNA, "recipient_user_id": ANNAS_ID, "parent_user_id": PARENT}]),
    )
    yield "status of a group", change(statuses=[GROUP | PARTICIPANT])
    yield "status of a call", change("calls", statuses=[RECIPIENT | {"type": "call"}])
    yield "echo", change("smb_message_echoes", message_echoes=[{"from": BUSINESS} | TO])
    yield "standby", change("standby", standby={"contacts": [CONTACT]})
    yield "thread", change("history", history=[{"threads": [thread]}])
    yield "thread of the context alone", change("history", history=[{"threads": [{"context": USER | {"wa_id": ANNA}}]}])
    yield (
        "message of the business in a thread",
        change("history", history=[{"threads": [{"messages": [{"from": BUSINESS, "id": "wamid.1"} | TO]}]}]),
    )
    yield "preference", change("user_preferences", user_preferences=[{"wa_id": ANNA} | USER])
    yield "contact in the phone", change("smb_app_state_sync", state_sync=[{"contact": moved["sync"]}])
    yield "request to join a group", change("group_participants_update", groups=[{"wa_id": ANNA} | USER])
    for name in ("added_participants", "removed_participants", "failed_participants"):
        yield name, change("group_participants_update", groups=[{name: [{"wa_id": ANNA} | USER]}])
    yield "answered request, origin in the card", change(messages=[answer(contacts=[CARD])])
    yield (
        "answered request, origin in the message",
        change(messages=[answer(contacts=[{"phones": CARD["phones"]}], origin="contact_request")]),
    )
    yield "handover", {"value": {"recipient": {"phone_number_id": OURS}, "sender": {"phone_number": ANNA} | USER}}


def answer(**more: Any) -> Json:
    return {"from_user_id": ANNAS_ID, "from_parent_user_id": PARENT, "id": "wamid.1", "type": "contacts"} | more


@pytest.mark.parametrize("it", [pytest.param(it, id=name) for name, it in places()])
def test_each_place_that_shows_ids_of_one_user_is_a_link(it: Json) -> None:
    ids_of_links = links(it)

    assert (str(ids_of_links[-1][0]).replace("+1 (650) 555-1234", ANNA), *ids_of_links[-1][1:]) == ALL


@pytest.mark.parametrize("recipient, link", [(ANNAS_ID, [(ANNA, ANNAS_ID, None)]), (ANNA, []), (7, []), (None, [])])
def test_an_echo_of_metas_agent_links_the_number_and_the_recipient(recipient: Any, link: list[Any]) -> None:
    echo = {"id": "wamid.1", "message": {"to": ANNA, "recipient": recipient, "type": "text"}}

    assert links(change("standby", standby={"message_echoes": [echo]})) == link


def test_two_ids_are_a_link_and_one_is_none() -> None:
    two = {"from_user_id": ANNAS_ID, "from_parent_user_id": PARENT}

    assert links(change(messages=[message(None) | two, message(BEN)])) == [(None, ANNAS_ID, PARENT)]
    assert links(change(contacts=[{"wa_id": ANNA}, {"user_id": ANNAS_ID}, {}])) == []
    assert links(change("smb_app_state_sync", state_sync=[{"action": "add"}])) == []


# -- ids in one object that belong to two users


def test_the_businesss_own_number_is_not_an_id_of_the_user_of_a_call() -> None:
    """One of Meta's examples has the business in `to`, and the user's ids in the same object."""
    own = call(ANNA, direction="BUSINESS_INITIATED") | TO | {"to": BUSINESS}

    assert links(change("calls", calls=[own])) == [(None, ANNAS_ID, PARENT)]


def test_the_businesss_own_number_is_not_an_id_of_the_user_of_a_thread() -> None:
    own = {"from": BUSINESS, "from_user_id": ANNAS_ID, "to": ANNA, "id": "wamid.1"}

    assert links(change("history", history=[{"threads": [{"id": ANNA, "messages": [own]}]}])) == []


def test_the_id_of_a_group_is_not_an_id_of_a_user() -> None:
    assert links(change(statuses=[GROUP | {"recipient_user_id": ANNAS_ID}])) == []


@pytest.mark.parametrize(
    "it",
    [
        answer(contacts=[{"origin": "other", "phones": [{"phone": BEN}]}]),
        answer(contacts=[{"phones": [{"phone": BEN}]}]),
        answer(contacts=[CARD, CARD]),
        answer(contacts=[{"origin": "contact_request", "phones": [{"phone": BEN}, {"phone": CHLOE}]}]),
        answer(contacts=[{"origin": "contact_request"}]),
        answer(contacts=[]),
        answer(from_logical_id="131063108133020"),
        answer(context={"from": BEN, "from_user_id": NEW_ID}),
    ],
)
def test_another_users_card_and_ids_of_another_kind_are_not_linked(it: Json) -> None:
    assert links(change(messages=[it])) == [(None, ANNAS_ID, PARENT)]


def test_a_card_is_not_linked_with_the_senders_number() -> None:
    it = answer(contacts=[CARD | {"phones": [{"phone": BEN}]}]) | {"from": ANNA}

    assert links(change(messages=[it])) == [ALL]


# -- changed ids


def system(**more: Any) -> Json:
    return message(ANNA, type="system", system=more)


def notices(it: Json) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    return [(ids_of(each.previous), ids_of(each.current)) for each in the_change(it).notices]


@pytest.mark.parametrize("kind", ["user_changed_number", "customer_changed_number"])
@pytest.mark.parametrize("name", ["wa_id", "new_wa_id"])
def test_a_changed_number_is_a_notice(kind: str, name: str) -> None:
    it = system(type=kind, **{name: BEN}, user_id=NEW_ID, previous_user_id=ANNAS_ID)

    assert notices(change(messages=[it])) == [((ANNA, ANNAS_ID, None), (BEN, NEW_ID, None))]


@pytest.mark.parametrize("sender_id, previous", [(ANNAS_ID, ANNAS_ID), (NEW_ID, None)])
def test_without_a_previous_id_the_senders_id_is_used_unless_it_is_the_new_one(
    sender_id: str, previous: str | None
) -> None:
    it = system(type="user_changed_number", wa_id=BEN, user_id=NEW_ID) | {"from_user_id": sender_id}

    assert notices(change(messages=[it])) == [((ANNA, previous, None), (BEN, NEW_ID, None))]


def test_a_parent_id_changes_as_well() -> None:
    it = system(type="user_changed_user_id", user_id=NEW_ID, parent_user_id=NEW_PARENT, previous_parent_user_id=PARENT)
    older = system(type="user_changed_user_id", parent_user_id=NEW_PARENT) | {"from_parent_user_id": PARENT}

    assert notices(change(messages=[it])) == [((ANNA, None, PARENT), (ANNA, NEW_ID, NEW_PARENT))]
    assert notices(change(messages=[older])) == [((ANNA, None, PARENT), (ANNA, None, NEW_PARENT))]


@pytest.mark.parametrize("wa_id", [ANNA, None])
def test_a_changed_user_id_is_a_notice(wa_id: str | None) -> None:
    ids = {"type": "user_changed_user_id", "user_id": NEW_ID, "previous_user_id": ANNAS_ID}
    it = message(wa_id, type="system", system=ids)

    assert notices(change(messages=[it])) == [((wa_id, ANNAS_ID, None), (wa_id, NEW_ID, None))]


@pytest.mark.parametrize("more", [{}, {"type": "customer_identity_changed"}, {"type": ["user_changed_number"]}])
def test_other_system_messages_are_no_notices(more: Json) -> None:
    assert notices(change(messages=[system(**more)])) == []


def test_a_system_message_is_not_a_link_because_its_ids_are_old_and_new() -> None:
    it = system(type="user_changed_user_id", user_id=NEW_ID) | {"from_user_id": ANNAS_ID}

    assert links(change(messages=[it])) == []


IDS = {"previous": ANNAS_ID, "current": NEW_ID}
PARENTS = {"previous": PARENT, "current": NEW_PARENT}


@pytest.mark.parametrize(
    "update, previous, current",
    [
        ({"wa_id": ANNA, "user_id": IDS, "timestamp": 10**30}, (ANNA, ANNAS_ID, None), (ANNA, NEW_ID, None)),
        ({"user_id": IDS, "parent_user_id": PARENTS}, (None, ANNAS_ID, PARENT), (None, NEW_ID, NEW_PARENT)),
        ({"parent_user_id": PARENTS}, (None, None, PARENT), (None, None, NEW_PARENT)),
        ({"wa_id": ANNA, "user_id": "odd"}, (ANNA, None, None), (ANNA, None, None)),
        (7, (None, None, None), (None, None, None)),
    ],
)
def test_the_withdrawn_updates_of_user_ids_are_notices(update: Any, previous: Any, current: Any) -> None:
    assert notices(change("user_id_update", user_id_update=[update])) == [(previous, current)]
