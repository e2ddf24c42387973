"""Webhooks that Meta does not send, in which only some readers see a blocked user's message.

Each came from a mutation, or from the readers of other languages: Go's `encoding/json` ignores case and merges a second
object into the first, PHP's arrays are JSON's objects, too, and libraries write `fromUserId`.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.receiver import receiving
from tests.running_server import ACCOUNT_ID, RunningServer, running_server
from tests.server.test_webhooks import KEY
from tests.webhooks.lines import Line, block, deliver, number_pairs, route

OWN = "16505550100"
ANNA, ANNAS_ID, ANNAS_PARENT = "16505550111", "US.13491208655302741918", "US.ENT.23491208655302741918"
BEN, CARL = "16505550121", "16505550122"
TEXT: dict[str, Any] = {"id": "wamid.1", "timestamp": "1764187200", "type": "text", "text": {"body": "Hello"}}
SYSTEM = {"id": "wamid.1", "timestamp": "1764187200", "type": "system"}


class Gate:
    """A server with two numbers of one account; Anna is blocked for the first by all her ids."""

    def __init__(self, server: RunningServer, line: Line, client: httpx2.Client) -> None:
        self._server = server
        self._line = line
        self._client = client
        self.number, self.other = (number.phone_number_id for number in line.numbers)

    def deliver(self, body: bytes) -> tuple[int, list[list[bytes]]]:
        """The status, and the items that each of the two receivers got."""
        answer, arrived = deliver(self._client, self._server, self._line, body)
        return answer.status_code, arrived

    def change(self, field: str = "messages", **value: Any) -> dict[str, Any]:
        metadata = {"display_phone_number": OWN, "phone_number_id": self.number}
        return {"value": {"messaging_product": "whatsapp", "metadata": metadata} | value, "field": field}


def body_of(*changes: Any) -> bytes:
    entry = {"id": ACCOUNT_ID, "changes": list(changes)}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    (numbers,) = number_pairs(1)
    with (
        running_server(tmp_path_factory.mktemp("gate"), key=KEY, numbers=numbers) as server,
        receiving() as one,
        receiving() as other,
        httpx2.Client() as client,
    ):
        line = Line(numbers, (one, other))
        asyncio.run(route(server, [line]))
        gate = Gate(server, line, client)
        contact = {"wa_id": ANNA, "user_id": ANNAS_ID, "parent_user_id": ANNAS_PARENT}
        block(client, server, line, [ANNA])
        gate.deliver(body_of(gate.change(contacts=[contact], messages=[TEXT | {"from": ANNA}])))
        yield gate


@pytest.mark.parametrize(
    "sender",
    [
        pytest.param({"fromUserId": ANNAS_ID}, id="an id whose name is in camel case"),
        pytest.param({"from": CARL, "fromUserId": ANNAS_ID}, id="another's number beside it"),
        pytest.param({"from": ANNAS_ID}, id="a user_id in place of a number"),
        pytest.param({"from": ANNAS_PARENT}, id="a parent id in place of a number"),
    ],
)
def test_a_message_with_a_blocked_id_that_only_some_readers_see_is_removed(gate: Gate, sender: dict[str, str]) -> None:
    status, arrived = gate.deliver(body_of(gate.change(messages=[TEXT | sender])))

    assert (status, arrived) == (200, [[], []])


def test_a_contact_whose_name_is_in_camel_case_names_the_sender(gate: Gate) -> None:
    status, arrived = gate.deliver(body_of(gate.change(contacts=[{"waId": ANNA}], messages=[TEXT])))

    assert (status, arrived) == (200, [[], []])


@pytest.mark.parametrize("name", ["wa_id", "new_wa_id", "customer", "user_id", "previous_user_id"])
@pytest.mark.parametrize("kind", ["a type of the future", ["user_changed_user_id"], None])
def test_a_system_message_of_any_type_belongs_to_each_user_in_it(gate: Gate, name: str, kind: Any) -> None:
    identifier = ANNAS_ID if name.endswith("user_id") else ANNA
    system = {"body": "A change", "type": kind, name: identifier}

    status, arrived = gate.deliver(body_of(gate.change(messages=[SYSTEM | {"system": system}])))

    assert (status, arrived) == (200, [[], []])


@pytest.mark.parametrize("value", [OWN, True, {}, None])
def test_a_repeated_display_number_is_ignored(gate: Gate, value: Any) -> None:
    body = body_of(gate.change(messages=[TEXT | {"from": BEN}]))
    body = body.replace(b'"display_phone_number"', b'"display_phone_number": %b, "Display_Phone_Number"' % b'"1"', 1)
    body = body.replace(f'"{OWN}"'.encode(), json.dumps(value).encode(), 1)

    status, arrived = gate.deliver(body)

    assert (status, arrived) == (200, [[body], []])


@pytest.mark.parametrize("recipient", [{}, {"recipient": {}}, {"recipient": "captured"}, {"recipient": {"id": "1"}}])
def test_a_handover_to_an_unreadable_number_reaches_no_receiver(gate: Gate, recipient: dict[str, Any]) -> None:
    value = {"sender": {"phone_number": BEN}, "control_passed": {"metadata": "He asks for a human"}} | recipient

    status, arrived = gate.deliver(body_of({"field": "messaging_handovers", "value": value}))

    assert (status, arrived) == (502, [[], []])


def test_a_handover_of_a_blocked_user_with_metadata_is_removed(gate: Gate) -> None:
    value = {"sender": {"phone_number": ANNA}, "recipient": {"phone_number_id": gate.number}}

    status, arrived = gate.deliver(body_of(gate.change("messaging_handovers", **value)))

    assert (status, arrived) == (200, [[], []])


def test_a_handover_with_two_addresses_reaches_no_receiver(gate: Gate) -> None:
    value = {"sender": {"phone_number": ANNA}, "recipient": {"phone_number_id": gate.other}}

    status, arrived = gate.deliver(body_of(gate.change("messaging_handovers", **value)))

    assert (status, arrived) == (502, [[], []])


@pytest.mark.parametrize("ids", [(ANNA, BEN), (BEN, ANNA)])
def test_a_thread_with_a_repeated_id_is_refused(gate: Gate, ids: tuple[str, str]) -> None:
    body = body_of(gate.change("history", history=[{"threads": [{"id": "@", "messages": [TEXT]}]}]))

    status, arrived = gate.deliver(body.replace(b'"id": "@"', f'"id": "{ids[0]}", "id": "{ids[1]}"'.encode()))

    assert (status, arrived) == (400, [[], []])


@pytest.mark.parametrize("name", ["entry", "changes", "messages", "calls", "history", "threads"])
def test_an_object_in_place_of_an_array_of_users_messages_is_refused(gate: Gate, name: str) -> None:
    def array(of: str, element: Any) -> Any:
        return {"0": element} if of == name else [element]

    message = TEXT | {"from": ANNA}
    thread = {"id": ANNA, "messages": array("messages", message)}
    history = array("history", {"threads": array("threads", thread)})
    change = gate.change(calls=array("calls", message), history=history)
    entry = {"id": ACCOUNT_ID, "changes": array("changes", change)}

    status, arrived = gate.deliver(json.dumps({"entry": array("entry", entry)}).encode())

    assert (status, arrived) == (400, [[], []])


@pytest.mark.parametrize(
    "head", ['"id": "wamid.1", "id": []', '"id": [], "id": "wamid.1"', '"type": {}, "type": "text"']
)
def test_a_message_with_one_readable_id_belongs_to_its_contact(gate: Gate, head: str) -> None:
    body = body_of(gate.change(contacts=[{"wa_id": ANNA}], messages=[{"text": {"body": "Hello"}}]))

    status, arrived = gate.deliver(body.replace(b'{"text"', f'{{{head}, "text"'.encode()))

    assert (status, arrived) == (200, [[], []])
