"""Webhooks of many senders to two numbers, each with its receiver: exactly the items of blocked users are removed."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.receiver import Delivery, Receiver, receiving
from tests.running_server import ACCOUNT_ID, NUMBER, RunningServer, running_server
from tests.server.test_webhooks import KEY, SECRET, post, set_up, signed
from tests.server.webhook_people import ANNA, DIEGO, OTHERS, OURS, PAULO, PEOPLE, Person, left_of
from tests.server.webhook_pieces import changes_in, field_of, items_in, members_in, number_of, pieces_in
from tests.server.webhook_samples import CHANGES, Json, change, change_with, item, webhook, written

from wablock.block_list.ports import BusinessNumber
from wablock.gate.routes.downstreams import NewDownstream
from wablock.wiring import routes_of

OTHERS_SECRET = "of the other receiver"
ACCOUNT_WIDE = CHANGES["account_update"]


class Gate(msgspec.Struct, frozen=True):
    """A gate, and the receivers of its two numbers; the second has a secret of its own."""

    server: RunningServer
    receivers: Mapping[str, Receiver]

    def post(self, body: bytes) -> dict[str, Delivery | None]:
        """The delivery to each number's receiver."""
        for receiver in self.receivers.values():
            receiver.deliveries.clear()
        answer = post(self.server, body)
        assert answer.status_code == 200, answer.text
        assert all(len(receiver.deliveries) <= 1 for receiver in self.receivers.values())
        return {number: next(iter(receiver.deliveries), None) for number, receiver in self.receivers.items()}

    def block(self, number: str, *users: str) -> None:
        items = [{"user" if user[0] == "+" else "user_id": user} for user in users]
        answer = httpx2.post(
            f"{self.server.url}/{number}/block_users",
            json={"messaging_product": "whatsapp", "block_users": items},
            headers={"authorization": f"Bearer {self.server.token}"},
        )
        assert len(answer.json()["block_users"]["added_users"]) == len(users), answer.text


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """A gate that knows the number and user_id of each person."""
    numbers = (NUMBER, BusinessNumber(OTHERS, ACCOUNT_ID, "16505550100", "US"))
    with (
        receiving() as ours,
        receiving() as others,
        running_server(tmp_path_factory.mktemp("gate"), key=KEY, numbers=numbers) as server,
    ):
        set_up(server, ours.url)
        new = NewDownstream(url=others.url, secret=OTHERS_SECRET, may_be_inside=True)
        assert asyncio.run(routes_of(server.wired.store, KEY).downstreams.add(ACCOUNT_ID, OTHERS, new))
        made = Gate(server, {OURS: ours, OTHERS: others})
        for person in PEOPLE:
            for number, user in person.blocked.items():
                made.block(number, user)
        made.post(written(webhook(change(contacts=[{"wa_id": it.numbers[0], "user_id": it.user_id} for it in PEOPLE]))))
        yield made


def secret_of(number: str) -> str:
    return SECRET if number == OURS else OTHERS_SECRET


def test_each_numbers_receiver_gets_its_own_part_under_its_own_secret(gate: Gate) -> None:
    changes = [change_with(item("text", DIEGO.numbers[0]), number) for number in (OURS, OTHERS)]

    arrived = gate.post(written(webhook(*changes, *changes)))

    for number, its in zip(arrived, changes, strict=True):
        delivery = arrived[number]
        assert delivery is not None
        assert delivery.body == written(webhook(its, its))
        assert delivery.headers["x-hub-signature-256"] == signed(delivery.body, secret_of(number))


def test_a_user_blocked_at_one_number_is_delivered_at_the_other(gate: Gate) -> None:
    changes = [change_with(item("text", ANNA.numbers[0]), number) for number in (OURS, OTHERS)]

    at_ours, at_others = gate.post(written(webhook(*changes))).values()

    assert at_ours is None
    assert at_others is not None
    assert at_others.body == written(webhook(changes[1]))


def test_an_account_event_goes_to_both_receivers_beside_removed_items(gate: Gate) -> None:
    theirs = change_with(item("text", PAULO.numbers[0]), OURS), change_with(item("call", PAULO.numbers[1]), OTHERS)

    arrived = gate.post(written(webhook(theirs[0], ACCOUNT_WIDE, theirs[1])))

    for delivery in arrived.values():
        assert delivery is not None
        assert delivery.body == written(webhook(ACCOUNT_WIDE))


@pytest.mark.parametrize("in_one_change", [True, False])
def test_exactly_the_blocked_third_of_a_thousand_updates_is_removed(gate: Gate, *, in_one_change: bool) -> None:
    senders = [f"US.{in_one_change:d}X{number}" for number in range(1_000)]
    gate.block(OURS, *senders[::3])
    messages = [item("text in another script", None, sender) | {"id": f"wamid.{sender}"} for sender in senders]
    contacts = [{"profile": {"name": "日本"}, "user_id": sender} for sender in senders]
    whole = [change(contacts=contacts, messages=messages)] if in_one_change else [change_with(it) for it in messages]
    body = written(webhook(*whole))

    arrived = gate.post(body)[OURS]

    assert arrived is not None
    assert items_in(arrived.body) == [it for place, it in enumerate(items_in(body)) if place % 3]
    assert arrived.headers["x-hub-signature-256"] == signed(arrived.body)


# -- random webhooks


@st.composite
def mentions(draw: st.DrawFn) -> tuple[Person, str | None, str | None]:
    """A user, by number in one of its spellings, by user_id, or by both."""
    person = draw(st.sampled_from(PEOPLE))
    wa_id = draw(st.sampled_from((None, *person.numbers)))
    user_id = person.user_id if wa_id is None else draw(st.sampled_from((None, person.user_id)))
    return person, wa_id, user_id


MENTIONS = mentions()
TEXTS = st.text(st.characters(codec="utf-8"), max_size=4)
SENT = st.builds(
    lambda who, text: _named(who, "from", "from_user_id") | {"type": "text", "text": {"body": text}}, MENTIONS, TEXTS
)
ODD: tuple[Any, ...] = (7, None, {}, [], "x")  # these arrays may have such items one day
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "contacts": st.builds(lambda who: _named(who, "wa_id", "user_id"), MENTIONS),
    "messages": SENT,
    "calls": SENT,
    "statuses": st.builds(lambda who: _named(who, "recipient_id", "recipient_user_id"), MENTIONS),
    "errors": TEXTS,
    "of_the_future": st.builds(lambda who: _named(who, "from", "to"), MENTIONS),
}


def _named(who: tuple[Person, str | None, str | None], number: str, user_id: str) -> Json:
    return {name: it for name, it in ((number, who[1]), (user_id, who[2])) if it}


@st.composite
def changes(draw: st.DrawFn) -> Json:
    field = draw(st.sampled_from(["messages", "messages", "messages", "calls", "standby", "smb_message_echoes", None]))
    if field is None:
        return ACCOUNT_WIDE
    names = draw(st.permutations(list(VALUES)))[draw(st.integers(0, 3)) :]
    members: dict[str, list[Any]] = {name: draw(st.lists(VALUES[name], max_size=5)) for name in names}
    for array in members.values():
        if draw(st.integers(0, 3)) == 0:
            array.insert(0, draw(st.sampled_from(ODD)))
    return change(field, draw(st.sampled_from([OURS, OTHERS])), **members)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """One or more entries, written tightly or loosely, as ASCII or not."""
    entries = draw(st.lists(st.lists(changes(), min_size=1, max_size=3), min_size=1, max_size=2))
    whole = {"object": "x", "entry": [{"id": ACCOUNT_ID, "time": 1, "changes": its} for its in entries]}
    separators = draw(st.sampled_from([(",", ":"), (" , ", ": ")]))
    return json.dumps(whole, separators=separators, ensure_ascii=draw(st.booleans())).encode()


@settings(deadline=None)
@given(bodies())
def test_the_gate_adds_reorders_and_changes_nothing_that_it_forwards(gate: Gate, body: bytes) -> None:
    arrived = gate.post(body)

    for number, delivery in arrived.items():
        mine = [it for it in changes_in(body) if number_of(it) in (number, None)]
        left = [(field_of(it), members) for it in mine if (members := left_of(it, number)) is not None]
        assert _shown(delivery) == [(field, pieces_in(members)) for field, members in left]
        if delivery is not None:
            assert delivery.headers["x-hub-signature-256"] == signed(delivery.body, secret_of(number))
        if [members for _, members in left] == [list(members_in(it).items()) for it in changes_in(body)]:
            assert delivery is not None
            assert delivery.body == body


def _shown(delivery: Delivery | None) -> list[tuple[str, list[tuple[str, bytes | list[bytes]]]]]:
    whole = changes_in(delivery.body) if delivery else []
    return [(field_of(it), pieces_in(members_in(it).items())) for it in whole]
