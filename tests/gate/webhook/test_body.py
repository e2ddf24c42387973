"""What is left of a webhook: the bytes of all that is kept, in their order, and nothing of what is not."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gate.webhook.payloads import (
    ANNA,
    ANNAS_ID,
    BEN,
    CHLOE,
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
    status,
    without,
)

from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.change import Item
from wablock.gate.webhook.raw_json import Unreadable


def from_(*senders: str) -> Callable[[Item], bool]:
    return lambda item: item.wa_id in senders or item.user_id in senders


def left(body: bytes, drop: Callable[[Item], bool]) -> bytes | None:
    payload = Payload.parse(body)
    return payload.body(payload.changes, drop)


def left_value(it: Json, drop: Callable[[Item], bool] | None = None) -> Any:
    body = left(encoded(delivery(it)), drop or from_(ANNA))
    return None if body is None else json.loads(body)["entry"][0]["changes"][0]["value"]


@pytest.mark.parametrize("kind", MESSAGES)
def test_every_documented_message_can_be_taken_out(kind: str) -> None:
    webhook = delivery(change(contacts=[contact(ANNA)], messages=[message(ANNA, **MESSAGES[kind])]))

    assert left(encoded(webhook), from_(ANNA)) is None


@pytest.mark.parametrize("kind", NOT_FROM_USERS)
def test_what_users_did_not_send_stays_beside_what_is_taken_out(kind: str) -> None:
    body = left(encoded(delivery(change(messages=[message(ANNA)]), NOT_FROM_USERS[kind])), from_(ANNA))

    assert json.loads(body or b"") == delivery(NOT_FROM_USERS[kind])


def test_a_calls_array_that_is_emptied_goes_with_its_key() -> None:
    value = left_value(change("calls", messages=[message(BEN)], calls=[call(ANNA)]))

    assert value == change(messages=[message(BEN)])["value"]


def test_an_array_that_came_empty_stays() -> None:
    assert left_value(change(messages=[message(ANNA)], errors=[], calls=[], contacts=[]))["contacts"] == []


@pytest.mark.parametrize("array", ["contacts", "messages", "calls"])
def test_an_array_that_came_empty_keeps_no_change_alive(array: str) -> None:
    others = {"messages": [message(ANNA)]} if array != "messages" else {"calls": [call(ANNA)]}

    assert left_value(change("messages", OURS, **{array: []}, **others)) is None


def test_a_status_that_is_no_utf8_is_handed_on_as_it_came() -> None:
    webhook = delivery(
        change(contacts=[contact(ANNA)], messages=[message(ANNA)], statuses=[status(recipient="BAD"), 7])
    )
    body = encoded(webhook).replace(b"BAD", b"\xff")

    assert b'"recipient_id": "\xff"}, 7]' in (left(body, from_(ANNA)) or b"")


def test_unknown_members_and_odd_elements_stay_in_their_order() -> None:
    value = left_value(
        change(zeta=1, messages=[7, message(ANNA), message(BEN), None], alpha=[10**400, {"z": 1, "a": 2}])
    )

    assert list(value) == ["messaging_product", "metadata", "zeta", "messages", "alpha"]
    assert value["messages"] == [7, message(BEN), None]


def test_errors_keep_a_change_from_which_all_messages_were_taken() -> None:
    assert left_value(change(messages=[message(ANNA)], errors=[{"code": 1}])) == change(errors=[{"code": 1}])["value"]


@pytest.mark.parametrize(
    "staying",
    [
        {"messages": [message(ANNA, 1), message(ANNA, 2)]},
        {"messages": [message(ANNA, 1)], "calls": [call(ANNA, id="wamid.2")]},
        {"messages": [message(ANNA, 1)], "statuses": [status(recipient=ANNA)]},
        {"messages": [message(ANNA, 1)], "statuses": [{"recipient_user_id": ANNAS_ID}]},
    ],
)
def test_a_contact_stays_while_anything_that_is_kept_belongs_to_it(staying: Json) -> None:
    value = left_value(change(contacts=[contact(ANNA, ANNAS_ID)], **staying), lambda item: item.id == "wamid.1")

    assert value["contacts"] == [contact(ANNA, ANNAS_ID)]


@pytest.mark.parametrize(
    "sender, person",
    [
        (message(ANNA), contact(ANNA)),
        (message(None, from_user_id=ANNAS_ID), contact(ANNA, ANNAS_ID)),
        (message("5511987654321"), contact("551187654321")),
    ],
)
def test_a_contact_goes_with_its_sender_however_both_are_named(sender: Json, person: Json) -> None:
    value = left_value(
        change(contacts=[person, contact(BEN)], messages=[sender, message(BEN)]), lambda it: it.wa_id != BEN
    )

    assert value["contacts"] == [contact(BEN)]


def test_a_contact_of_nobody_who_was_taken_out_stays() -> None:
    value = left_value(change(contacts=[contact(ANNA), contact(CHLOE), 7], messages=[message(ANNA), message(BEN)]))

    assert value["contacts"] == [contact(CHLOE), 7]


def test_a_change_that_is_not_chosen_is_not_in_it() -> None:
    payload = Payload.parse(encoded(delivery(change(number=OURS, errors=[1]), change(number=OUR_OTHER, errors=[2]))))

    body = payload.body(payload.changes[1:], lambda _: False)

    assert json.loads(body or b"") == delivery(change(number=OUR_OTHER, errors=[2]))


def test_of_nothing_chosen_nothing_is_left() -> None:
    assert Payload.parse(encoded(delivery(change(errors=[1])))).body([], lambda _: False) is None


def test_opaque_pieces_can_be_told_apart_as_far_as_they_go() -> None:
    odd = {"entry": [7, {"id": "1", "changes": 8}, {"changes": [9, {"x": 1}]}], "more": 1}
    payload = Payload.parse(encoded(odd))

    bodies = [payload.body([it], lambda _: True) for it in payload.changes]

    apart = [7, {"id": "1", "changes": 8}, {"changes": [9]}, {"changes": [{"x": 1}]}]
    assert [json.loads(body or b"") for body in bodies] == [{"entry": [it], "more": 1} for it in apart]


STRANGE = [rb"\ud83d", rb"\ude00\ud83d", rb"\ud83d\ud83d\ude00", rb"\\\ud83d", rb"\uD83Dx", b"1e999", b"9" * 5_000]


@pytest.mark.parametrize("text", [*STRANGE, b"\xff", b"\xed\xa0\xbd", rb"\\ud83d", rb"\u0000"])
def test_text_that_others_would_damage_is_handed_on_as_it_came(text: bytes) -> None:
    kept = b'{"from":"%b","text":{"body": "%b"}}' % (BEN.encode(), text)
    body = encoded(delivery(change(messages=["KEPT", message(ANNA)]))).replace(b'"KEPT"', kept)

    spliced = left(body, from_(ANNA))

    assert spliced is not None
    assert kept in spliced


@pytest.mark.parametrize("number", [b"9" * 5_000, b"1e999", b"-0.0", b"1.10"])
def test_numbers_are_handed_on_as_they_were_written(number: bytes) -> None:
    body = encoded(delivery(change(messages=[message(ANNA), message(BEN)], more="N"))).replace(b'"N"', number)

    assert b'"more":' + number in (left(body, from_(ANNA)) or b"")


def test_half_a_surrogate_pair_hides_no_sender() -> None:
    body = encoded(delivery(change(messages=[message(ANNA) | {"text": "\ud83d"}])))

    (change_,) = Payload.parse(body).changes
    assert change_.size(change_.items[0]) == len(encoded(message(ANNA) | {"text": "\ud83d"}))
    assert left(body, from_(ANNA)) is None


def test_half_a_surrogate_pair_in_what_must_be_cut_is_unreadable() -> None:
    body = encoded(delivery(change(messages=[message(ANNA)]) | {"\ud83d": 1}))

    with pytest.raises(Unreadable):
        left(body, from_(ANNA))


def test_a_thousand_updates_lose_only_what_is_taken_out() -> None:
    updates = [message(f"1650555{number:04}", number) for number in range(1_000)]
    people = [contact(it["from"]) for it in updates]

    value = left_value(change(contacts=people, messages=updates), lambda item: int(item.wa_id or 0) % 10 == 0)

    assert value["messages"] == [it for number, it in enumerate(updates) if number % 10]
    assert value["contacts"] == [it for number, it in enumerate(people) if number % 10]


PEOPLE = [(ANNA, None), (ANNA, ANNAS_ID), (None, ANNAS_ID), (BEN, None), (CHLOE, "US.2")]
SENDERS = [{name: it for name, it in (("from", a), ("from_user_id", b)) if it} for a, b in PEOPLE]
TEXTS = st.text(st.characters(codec="utf-8"), max_size=4)


@st.composite
def changes(draw: st.DrawFn) -> Json:
    value: Json = {}
    texts = TEXTS.map(lambda text: {"text": {"body": text}})
    sent = st.tuples(st.sampled_from(SENDERS), texts).map(lambda it: it[0] | it[1])
    statuses = st.sampled_from([{"recipient_id": ANNA}, {"recipient_user_id": ANNAS_ID}, {"recipient_id": BEN}])
    for name, elements in (
        ("zeta", TEXTS),
        ("contacts", st.sampled_from(PEOPLE).map(lambda it: contact(*it))),
        ("messages", sent),
        ("statuses", statuses),
        ("calls", sent),
        ("errors", TEXTS),
    ):
        if draw(st.booleans()):
            value[name] = draw(st.lists(elements, max_size=3))
    return change(draw(st.sampled_from(["messages", "standby", "calls", "account_update"])), **value)


@st.composite
def webhooks(draw: st.DrawFn) -> Json:
    """Documented shapes; every message and call with an id of its own."""
    entries = draw(st.lists(st.lists(changes(), min_size=1, max_size=3), min_size=1, max_size=3))
    sent = (it for entry in entries for one in entry for it in _sent(one))
    for number, item in enumerate(sent):
        item["id"] = f"wamid.{number}"
    return {"object": "x", "entry": [{"id": str(n), "changes": entry} for n, entry in enumerate(entries)], "new": [1]}


def _sent(it: Json) -> list[Json]:
    return [item for array in ("messages", "calls") for item in it["value"].get(array, [])]


DROPPED = st.sets(st.integers(0, 12).map("wamid.{}".format))


@given(webhooks(), st.booleans())
def test_where_nothing_is_taken_out_it_is_the_same_object(webhook: Json, indented: bool) -> None:  # noqa: FBT001
    body = json.dumps(webhook, indent=2 if indented else None).encode()

    assert left(body, lambda _: False) is body


@given(webhooks(), DROPPED)
def test_it_says_what_a_plain_way_of_taking_out_says(webhook: Json, dropped: set[str]) -> None:
    body = left(encoded(webhook), lambda item: item.id in dropped)

    assert (None if body is None else json.loads(body)) == without(webhook, lambda item: item["id"] in dropped)


@given(webhooks(), DROPPED)
def test_every_kept_items_bytes_are_there_in_their_order(webhook: Json, dropped: set[str]) -> None:
    payload = Payload.parse(json.dumps(webhook, ensure_ascii=False, separators=(" ,  ", ":  ")).encode())

    body = payload.body(payload.changes, lambda item: item.id in dropped) or b""

    again = [bytes(it.piece(item)) for it in Payload.parse(body or b"{}").changes for item in it.items]
    assert again == [bytes(it.piece(item)) for it in payload.changes for item in it.items if item.id not in dropped]


@given(webhooks(), DROPPED, st.data())
def test_two_groups_of_changes_lose_and_double_nothing(webhook: Json, dropped: set[str], data: st.DataObject) -> None:
    payload = Payload.parse(encoded(webhook))
    chosen = data.draw(st.sets(st.integers(0, len(payload.changes) - 1)))
    groups = [[it for n, it in enumerate(payload.changes) if (n in chosen) is wanted] for wanted in (True, False)]

    parts = [payload.body(group, lambda item: item.id in dropped) for group in groups]

    whole = without(webhook, lambda item: item["id"] in dropped)
    found = [one for part in parts if part is not None for one in _changes_of(json.loads(part))]
    assert sorted(found) == sorted(_changes_of(whole or {"entry": []}))


def _changes_of(webhook: Json) -> list[str]:
    return [json.dumps([entry["id"], it], sort_keys=True) for entry in webhook["entry"] for it in entry["changes"]]
