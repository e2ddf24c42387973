"""Shared lists in the gate: each change is in force for the next webhook and the next message."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.receiver import Receiver
from tests.running_server import PHONE_NUMBER_ID, RunningServer, running_server
from tests.server import test_lists as lists
from tests.server.test_messages import TO_ANNA, send, serving, use
from tests.server.test_webhooks import ANNA, BEN, KEY, OTHER_NUMBER, add_number, block, message, post, set_up, webhook


@pytest.fixture
def gate(tmp_path: Path, receiver: Receiver) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY) as running:
        set_up(running, receiver.url)
        yield running


class Webhooks:
    """Webhooks with a message of Anna and one of Ben. After each, the users whose messages arrived."""

    def __init__(self, gate: RunningServer, receiver: Receiver) -> None:
        self._gate = gate
        self._receiver = receiver
        self._sent = 0

    def arrived(self, number: str = PHONE_NUMBER_ID) -> list[str]:
        self._sent += 1
        ids = {f"wamid.{self._sent}.{user}": user for user in (ANNA, BEN)}
        body = webhook(*(message(user, message_id) for message_id, user in ids.items()), number=number)
        assert post(self._gate, body).status_code == 200
        return [ids[it] for it in self._receiver.message_ids() if it in ids]


@pytest.fixture
def webhooks(gate: RunningServer, receiver: Receiver) -> Webhooks:
    return Webhooks(gate, receiver)


def test_every_change_of_a_shared_list_holds_for_the_next_webhook(gate: RunningServer, webhooks: Webhooks) -> None:
    fraud = lists.add_list(gate)
    lists.add(gate, fraud, ANNA)
    arrived = [webhooks.arrived()]

    lists.attach(gate, fraud)
    arrived.append(webhooks.arrived())
    lists.add(gate, fraud, BEN)
    arrived.append(webhooks.arrived())
    lists.done(lists.call(gate, "DELETE", f"/v1/lists/{fraud}/members/{BEN}"))
    arrived.append(webhooks.arrived())
    lists.detach(gate, fraud)
    arrived.append(webhooks.arrived())

    assert arrived == [[ANNA, BEN], [BEN], [], [BEN], [ANNA, BEN]]


def test_every_change_of_an_allow_list_holds_for_the_next_webhook(gate: RunningServer, webhooks: Webhooks) -> None:
    block(gate, ANNA)
    vip = lists.add_list(gate, "VIP", "allow")
    lists.add(gate, vip, ANNA)
    arrived = [webhooks.arrived()]

    lists.attach(gate, vip, None)
    arrived.append(webhooks.arrived())
    lists.done(lists.call(gate, "DELETE", f"/v1/lists/{vip}/members/{ANNA}"))
    arrived.append(webhooks.arrived())
    lists.add(gate, vip, ANNA)
    arrived.append(webhooks.arrived())
    lists.detach(gate, vip, "all")
    arrived.append(webhooks.arrived())

    assert arrived == [[BEN], [ANNA, BEN], [BEN], [ANNA, BEN], [BEN]]


def test_a_list_holds_on_the_numbers_where_it_is_attached_and_on_no_other(
    gate: RunningServer, receiver: Receiver, webhooks: Webhooks
) -> None:
    add_number(gate, OTHER_NUMBER, receiver.url)
    fraud = lists.add_list(gate)
    lists.add(gate, fraud, ANNA)

    lists.attach(gate, fraud, OTHER_NUMBER)

    assert webhooks.arrived() == [ANNA, BEN]
    assert webhooks.arrived(OTHER_NUMBER) == [BEN]


def test_a_change_through_one_server_holds_for_the_next_webhook_of_another(tmp_path: Path, webhooks: Webhooks) -> None:
    with running_server(tmp_path, key=KEY, database=f"sqlite:///{tmp_path / 'wablock.db'}") as other:
        fraud = lists.add_list(other)
        lists.add(other, fraud, ANNA)
        arrived = [webhooks.arrived()]
        for _ in range(3):
            lists.attach(other, fraud)
            arrived.append(webhooks.arrived())
            lists.detach(other, fraud)
            arrived.append(webhooks.arrived())

    assert arrived == [[ANNA, BEN], *([[BEN], [ANNA, BEN]] * 3)]


async def test_a_message_to_a_user_on_a_shared_list_is_refused_until_an_allow_list_frees_the_user(
    gate: RunningServer,
) -> None:
    vip = await asyncio.to_thread(_attach_fraud, gate)
    async with serving() as upstream:
        await use(gate, upstream)

        refused = await send(gate, json=TO_ANNA)
        await asyncio.to_thread(lists.attach, gate, vip)
        accepted = await send(gate, json=TO_ANNA)

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 130403)
    assert accepted.status_code == 200
    assert len(upstream.received) == 1


def _attach_fraud(gate: RunningServer) -> str:
    """Attach a list with Anna. Returns an allow list with Anna that is not attached."""
    fraud, vip = lists.add_list(gate), lists.add_list(gate, "VIP", "allow")
    for list_id in (fraud, vip):
        lists.add(gate, list_id, ANNA)
    lists.attach(gate, fraud)
    return vip
