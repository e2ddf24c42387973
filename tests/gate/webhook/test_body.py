"""The rest of a webhook: the bytes of all kept parts in their order, and no byte of a removed part."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gate.webhook.payloads import (
    ANNA,
    ANNAS_ID,
    BEN,
    CHLOE,
    NOT_FROM_USERS,
    OUR_OTHER,
    OURS,
    Json,
    change,
    contact,
    delivery,
    encoded,
    message,
    without,
)
from tests.gate.webhook.spelling import is_subsequence
from tests.webhooks.corpus import cases, files

from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.items import Item
from wablock.gate.webhook.raw_json import UnreadableBody


def from_(*senders: str) -> Callable[[Item], bool]:
    return lambda item: item.wa_id in senders or item.user_id in senders


def left(body: bytes, drop: Callable[[Item], bool]) -> bytes | None:
    payload = Payload.parse(body)
    return payload.body(payload.changes, drop)


@pytest.mark.parametrize("kind", NOT_FROM_USERS)
def test_parts_that_users_did_not_send_stay_beside_removed_ones(kind: str) -> None:
    body = left(encoded(delivery(change(messages=[message(ANNA)]), NOT_FROM_USERS[kind])), from_(ANNA))

    assert json.loads(body or b"") == delivery(NOT_FROM_USERS[kind])


@pytest.mark.parametrize(
    "webhook", [{}, {"entry": None}, {"entry": []}, {"entry": [1, {}]}, {"entry": [{"changes": [1, {"value": []}]}]}]
)
def test_an_odd_shape_is_kept_whole(webhook: Json) -> None:
    body = encoded(webhook)
    payload = Payload.parse(body)

    assert payload.body(payload.changes, lambda _: True) is body


def test_a_body_keeps_its_blanks_when_it_is_cut() -> None:
    body = b'  {"entry" : [ { "changes": [ {"value": {"messages": [ {"from": "1"} , {"from": "2"}\t] } } ] } ] }\n'

    assert left(body, from_("1")) == body.replace(b'{"from": "1"} , ', b"")
    assert left(body, from_("2")) == body.replace(b' , {"from": "2"}', b"")


def test_a_change_that_is_not_chosen_is_not_in_the_body() -> None:
    payload = Payload.parse(encoded(delivery(change(number=OURS, errors=[1]), change(number=OUR_OTHER, errors=[2]))))

    body = payload.body(payload.changes[1:], lambda _: False)

    assert json.loads(body or b"") == delivery(change(number=OUR_OTHER, errors=[2]))


def test_all_items_stay_if_none_is_dropped() -> None:
    payload = Payload.parse(encoded(delivery(change(messages=[message(ANNA)]), change(messages=[message(ANNA)]))))

    assert payload.body(payload.changes, None) is payload.raw
    assert json.loads(payload.body(payload.changes[:1], None) or b"") == delivery(change(messages=[message(ANNA)]))


def test_a_change_that_is_chosen_twice_does_not_count_as_two() -> None:
    first, second = change(number=OURS, errors=[1]), change(number=OUR_OTHER, errors=[2])
    payload = Payload.parse(encoded(delivery(first, second)))

    body = payload.body([payload.changes[0]] * 2, None)

    assert json.loads(body or b"") == delivery(first)


@pytest.mark.parametrize("webhook", [delivery(change(errors=[1])), {}])
def test_an_empty_choice_leaves_nothing(webhook: Json) -> None:
    assert Payload.parse(encoded(webhook)).body([], lambda _: False) is None


def test_opaque_pieces_are_compared_to_their_end() -> None:
    odd = {"entry": [7, {"id": "1", "changes": 8}, {"changes": [9, {"x": 1}]}], "more": 1}
    payload = Payload.parse(encoded(odd))

    bodies = [payload.body([it], lambda _: True) for it in payload.changes]

    apart = [7, {"id": "1", "changes": 8}, {"changes": [9]}, {"changes": [{"x": 1}]}]
    assert [json.loads(body or b"") for body in bodies] == [{"entry": [it], "more": 1} for it in apart]


def test_a_thousand_updates_lose_only_the_removed_ones() -> None:
    updates = [message(f"1650555{number:04}", number) for number in range(1_000)]
    people = [contact(it["from"]) for it in updates]

    body = left(
        encoded(delivery(change(contacts=people, messages=updates))), lambda item: int(item.wa_id or 0) % 10 == 0
    )

    value = json.loads(body or b"")["entry"][0]["changes"][0]["value"]
    assert value["messages"] == [it for number, it in enumerate(updates) if number % 10]
    assert value["contacts"] == [it for number, it in enumerate(people) if number % 10]


PEOPLE = [(ANNA, None), (ANNA, ANNAS_ID), (None, ANNAS_ID), (BEN, None), (CHLOE, "US.2")]
SENDERS = [{name: it for name, it in (("from", a), ("from_user_id", b)) if it} for a, b in PEOPLE]
TEXTS = st.text(st.characters(codec="utf-8"), max_size=4)


@st.composite
def changes(draw: st.DrawFn) -> Json:
    value: Json = {}
    texts = TEXTS.map(lambda text: {"text": {"body": text}})
    items = st.tuples(st.sampled_from(SENDERS), texts).map(lambda it: it[0] | it[1])
    statuses = st.sampled_from([{"recipient_id": ANNA}, {"recipient_user_id": ANNAS_ID}, {"recipient_id": BEN}])
    for name, elements in (
        ("zeta", TEXTS),
        ("contacts", st.sampled_from(PEOPLE).map(lambda it: contact(*it))),
        ("messages", items),
        ("statuses", statuses),
        ("calls", items),
        ("errors", TEXTS),
    ):
        if draw(st.booleans()):
            value[name] = draw(st.lists(elements, max_size=2))
    return change(draw(st.sampled_from(["messages", "standby", "calls", "account_update"])), **value)


@st.composite
def webhooks(draw: st.DrawFn) -> Json:
    """Webhooks of documented shapes; every message and call has its own id."""
    entries = draw(st.lists(st.lists(changes(), min_size=1, max_size=2), min_size=1, max_size=2))
    items = (it for entry in entries for one in entry for it in _items(one))
    for number, item in enumerate(items):
        item["id"] = f"wamid.{number}"
    return {"object": "x", "entry": [{"id": str(n), "changes": entry} for n, entry in enumerate(entries)], "new": [1]}


def _items(it: Json) -> list[Json]:
    return [item for array in ("messages", "calls") for item in it["value"].get(array, [])]


DROPPED = st.sets(st.integers(0, 12).map("wamid.{}".format))


@settings(deadline=None)
@given(webhooks(), st.booleans())
def test_the_body_is_the_same_object_if_nothing_is_removed(webhook: Json, indented: bool) -> None:  # noqa: FBT001
    body = json.dumps(webhook, indent=2 if indented else None).encode()

    assert left(body, lambda _: False) is body


@settings(deadline=None)
@given(webhooks(), DROPPED)
def test_the_body_equals_that_of_the_simple_reference(webhook: Json, dropped: set[str]) -> None:
    body = left(encoded(webhook), lambda item: item.id in dropped)

    assert (None if body is None else json.loads(body)) == without(webhook, lambda item: item["id"] in dropped)


@settings(deadline=None)
@given(webhooks(), DROPPED)
def test_the_other_parts_keep_their_order_and_their_bytes(webhook: Json, dropped: set[str]) -> None:
    payload = Payload.parse(json.dumps(webhook, ensure_ascii=False, separators=(" ,  ", ":  ")).encode())

    body = payload.body(payload.changes, lambda item: item.id in dropped) or b""

    kept = [item for it in payload.changes for item in it.items if item.id not in dropped]
    again = [item for it in Payload.parse(body or b"{}").changes for item in it.items]
    assert [item.id for item in again] == [item.id for item in kept]
    assert is_subsequence(body, payload.raw)


@settings(deadline=None)
@given(webhooks(), DROPPED, st.data())
def test_two_groups_of_changes_lose_and_repeat_nothing(webhook: Json, dropped: set[str], data: st.DataObject) -> None:
    payload = Payload.parse(encoded(webhook))
    chosen = data.draw(st.sets(st.integers(0, len(payload.changes) - 1)))
    groups = [[it for n, it in enumerate(payload.changes) if (n in chosen) is wanted] for wanted in (True, False)]

    parts = [payload.body(group, lambda item: item.id in dropped) for group in groups]

    whole = without(webhook, lambda item: item["id"] in dropped)
    changes = [one for part in parts if part is not None for one in _changes_of(json.loads(part))]
    assert sorted(changes) == sorted(_changes_of(whole or {"entry": []}))


def _changes_of(webhook: Json) -> list[str]:
    return [json.dumps([entry["id"], it], sort_keys=True) for entry in webhook["entry"] for it in entry["changes"]]


@pytest.mark.parametrize("file", files())
def test_the_size_of_an_item_is_that_of_its_original_bytes(file: str) -> None:
    for case in cases(file):
        parts = [part for part in case.parts if part.kind == "sent" and part.steps[-2] in {"messages", "calls"}]
        payload = Payload.parse(case.body())
        sizes = {payload.size(it, item) for it in payload.changes for item in it.items}

        assert sizes >= {len(case.part_bytes(part)) for part in parts}


def test_a_handovers_size_is_that_of_its_change() -> None:
    handover = {"value": {"recipient": {"phone_number_id": OURS}, "sender": {"phone_number": ANNA}}}
    payload = Payload.parse(encoded(delivery(handover)))

    (it,) = payload.changes
    assert payload.size(it, it.items[0]) == len(encoded(handover))


def test_a_size_is_known_at_every_depth() -> None:
    history = [{"threads": [{"messages": [message(ANNA, 1)]}]}, {"threads": [{"messages": [message(BEN, 20)]}]}]
    standby = {"messages": [message(CHLOE, 300)]}
    payload = Payload.parse(encoded(delivery(change(history=history, standby=standby))))

    (it,) = payload.changes
    messages = [message(ANNA, 1), message(BEN, 20), message(CHLOE, 300)]
    assert [payload.size(it, item) for item in it.items] == [len(encoded(one)) for one in messages]


@pytest.mark.parametrize("more", [b"", b" ", b'"of_the_future": 1, '])
def test_an_items_size_is_known_in_every_spelling(more: bytes) -> None:
    items = [b'{%b"from":"16505551234","id":"wamid.%d"}' % (more, number) for number in (1, 20)]
    body = b'{"entry":[{"changes":[{"value":{"messages":[%b]}}]}]}' % b",".join(items)
    payload = Payload.parse(body)

    (it,) = payload.changes
    assert [payload.size(it, item) for item in it.items] == [len(item) for item in items]


@pytest.mark.parametrize("changes", [1, 2])
def test_too_many_messages_are_refused(changes: int) -> None:
    messages = [b'{"from":"16505551234"}'] * (20_001 // changes + 1)
    one = b'{"value":{"messages":[%b]}}' % b",".join(messages)

    with pytest.raises(UnreadableBody, match="more than 20000 messages and calls"):
        Payload.parse(b'{"entry":[{"changes":[%b]}]}' % b",".join([one] * changes))
