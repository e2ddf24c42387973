"""Each webhook of the corpus through a running server to a real receiver, with no user or one of its users blocked."""

import asyncio
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
import msgspec
import pytest
from tests.receiver import Delivery, Receiver, receiving
from tests.running_server import ACCOUNT_ID, PHONE_NUMBER_ID, RunningServer, running_server
from tests.server.test_webhooks import KEY, set_up, signed
from tests.webhooks.corpus import BUSINESS, PARENTS, SECOND_SPELLING, Case, cases, each_user, files, fresh, remaining

from wablock.gate.ports import Upstream
from wablock.wiring import routes_of

SAMPLES = "dashboard_test"
PREVIOUS = ("previous_user_id", "previous_parent_user_id")

_numbers = itertools.count(1)


class Gate(msgspec.Struct, frozen=True):
    """A server whose one number has a receiver for its webhooks and an upstream for its messages."""

    server: RunningServer
    receiver: Receiver
    upstream: Receiver
    client: httpx2.Client

    def post(self, body: bytes) -> httpx2.Response:
        headers = {"content-type": "application/json", "x-hub-signature-256": signed(body)}
        return self.client.post(self.server.url + "/webhooks/whatsapp", content=body, headers=headers)

    def deliver(self, body: bytes) -> list[Delivery]:
        """The deliveries of one webhook to the receiver."""
        self.receiver.deliveries.clear()
        answer = self.post(body)
        assert answer.status_code == 200, answer.text
        return list(self.receiver.deliveries)

    def block(self, identifier: str) -> None:
        item = {"user_id": identifier} if "." in identifier else {"user": f"+{identifier}"}
        answer = self.client.post(
            self.server.url + self.server.block_users,
            json={"messaging_product": "whatsapp", "block_users": [item]},
            headers={"authorization": f"Bearer {self.server.token}"},
        )
        assert answer.json()["block_users"]["added_users"], answer.text

    def send(self, identifier: str) -> httpx2.Response:
        recipient = {"recipient": identifier} if "." in identifier else {"to": identifier}
        message = {"messaging_product": "whatsapp", "type": "text", "text": {"body": "Hello"}}
        url = f"{self.server.url}/v25.0/{PHONE_NUMBER_ID}/messages"
        return self.client.post(url, json=message | recipient, headers={"authorization": f"Bearer {self.server.token}"})


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    folder = tmp_path_factory.mktemp("gate")
    with (
        receiving() as receiver,
        receiving() as upstream,
        running_server(folder, key=KEY) as server,
        httpx2.Client() as client,
    ):
        set_up(server, receiver.url)
        way = Upstream(PHONE_NUMBER_ID, f"http://127.0.0.1:{upstream.port}", "metas-token", may_be_inside=True)
        assert asyncio.run(routes_of(server.wired.store, KEY).upstreams.set(ACCOUNT_ID, way))
        yield Gate(server, receiver, upstream, client)


def text_by(identifier: str) -> bytes:
    """A text message of a user with one id; a parent id comes with a user_id of another portfolio."""
    number = next(_numbers)
    message: dict[str, Any] = {"id": f"wamid.plain{number}", "timestamp": "1764187300", "type": "text"}
    message["text"] = {"body": "Hello again"}
    if "." not in identifier:
        message["from"] = identifier
    elif ".ENT." in identifier:
        message |= {"from_user_id": f"US.7{number:012d}", "from_parent_user_id": identifier}
    else:
        message["from_user_id"] = identifier
    metadata = {"display_phone_number": BUSINESS, "phone_number_id": PHONE_NUMBER_ID}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "messages": [message]}
    change = {"field": "messages", "value": value}
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT_ID, "changes": [change]}]}
    ).encode()


def parameters(chosen: Iterator[tuple[str, Sequence[object]]]) -> list[Any]:
    return [pytest.param(*values, id=name) for name, values in chosen]


def each_case() -> Iterator[tuple[str, Sequence[object]]]:
    for file in files():
        if file != SAMPLES:
            yield from ((f"{file}: {case.name}", [case]) for case in cases(file))


def each_blocked_id() -> Iterator[tuple[str, Sequence[object]]]:
    """Each user of a case, with each id in the payload that can be blocked. A parent id cannot be blocked."""
    for file in files():
        for case, user in each_user(file):
            for name in case.users[user]:
                if name not in PARENTS:
                    yield f"{file}: {case.name}, user {user} by {name}", [case, user, name]


def each_parent() -> Iterator[tuple[str, Sequence[object]]]:
    for file in files():
        for case, user in each_user(file):
            if "parent_user_id" in case.users[user] and not is_a_change(case.users[user]):
                yield f"{file}: {case.name}, user {user}", [case, user]


def is_a_change(user: dict[str, str]) -> bool:
    """Whether the user has both new and former ids."""
    return "new_wa_id" in user or any(name in user for name in PREVIOUS)


def former(user: dict[str, str]) -> list[str]:
    """The names of the user's former ids."""
    old = [name for name in PREVIOUS if name in user]
    return (["wa_id", *old] if "new_wa_id" in user else old) if is_a_change(user) else []


def each_link() -> Iterator[tuple[str, Sequence[object]]]:
    """Two ids of one user in a payload: the first can be blocked, and the block must apply to the second."""
    for file in files():
        for case, user in each_user(file):
            names = [
                name for name in case.users[user] if name != SECOND_SPELLING and name not in former(case.users[user])
            ]
            for one, other in itertools.permutations(names, 2):
                if case.linked and one not in PARENTS:
                    yield f"{file}: {case.name}, user {user}, {one} to {other}", [case, user, one, other]


def each_change() -> Iterator[tuple[str, Sequence[object]]]:
    """A former id, which is blocked, and a new one."""
    for file in files():
        for case, user in each_user(file):
            old = former(case.users[user])
            for one, other in itertools.product(old, case.users[user]):
                if one not in PARENTS and other not in old:
                    yield f"{file}: {case.name}, {one} to {other}", [case, user, one, other]


def each_stranger() -> Iterator[tuple[str, Sequence[object]]]:
    for file in files():
        for case, user in each_user(file):
            if case.strangers:
                for name in case.users[user]:
                    if name not in PARENTS:
                        yield f"{file}: {case.name}, {name}", [case, user, name]


def assert_left(case: Case, user: int, delivered: list[Delivery]) -> None:
    """Exactly the user's parts are removed, and the other parts have their original bytes."""
    expected = remaining(case, user)
    if expected is None:
        assert delivered == []
        return
    (delivery,) = delivered
    assert json.loads(delivery.body) == expected
    assert delivery.headers["x-hub-signature-256"] == signed(delivery.body)
    for part in case.parts:
        if part.kind != "contact" and (part.user != user or part.kind == "about"):
            assert case.part_bytes(part) in delivery.body


def each_sent_item(node: Any, path: str = "") -> Iterator[str]:
    """The place of each item in a payload, found by the names of the arrays alone."""
    for name, member in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        here = f"{path}/{name}".removeprefix("/")
        if isinstance(member, dict) and re.search(r"/(messages|calls)/\d+$", here):
            yield here
        else:
            yield from each_sent_item(member, here)


@pytest.mark.parametrize("case", parameters(each_case()))
def test_every_message_and_call_is_a_part(case: Case) -> None:
    assert set(each_sent_item(case.payload)) <= {part.path for part in case.parts}


@pytest.mark.parametrize("case", parameters(each_case()))
def test_the_same_bytes_arrive_if_no_user_is_blocked(gate: Gate, case: Case) -> None:
    body = fresh(case).body()

    (delivery,) = gate.deliver(body)

    assert delivery.body == body
    assert delivery.headers["x-hub-signature-256"] == signed(body)


@pytest.mark.parametrize("case, user, name", parameters(each_blocked_id()))
def test_exactly_the_items_of_a_blocked_user_are_removed(gate: Gate, case: Case, user: int, name: str) -> None:
    case = fresh(case)
    gate.block(case.users[user][name])

    delivered = gate.deliver(case.body())

    assert_left(case, user, delivered)


@pytest.mark.parametrize("case, user", parameters(each_parent()))
def test_a_user_is_known_by_the_parent_id_of_an_earlier_webhook(gate: Gate, case: Case, user: int) -> None:
    case = fresh(case)
    earlier = json.loads(text_by(case.users[user]["parent_user_id"]))
    message = earlier["entry"][0]["changes"][0]["value"]["messages"][0]
    gate.deliver(json.dumps(earlier).encode())
    gate.block(message["from_user_id"])

    delivered = gate.deliver(case.body())

    assert_left(case, user, delivered)


@pytest.mark.parametrize("case, user, one, other", parameters(each_link()))
def test_a_link_applies_to_the_next_webhook(gate: Gate, case: Case, user: int, one: str, other: str) -> None:
    case = fresh(case)
    gate.deliver(case.body())
    gate.block(case.users[user][one])

    delivered = gate.deliver(text_by(case.users[user][other]))

    assert delivered == []


@pytest.mark.parametrize("case, user, one, other", parameters(each_link()))
def test_a_link_applies_to_the_next_send(gate: Gate, case: Case, user: int, one: str, other: str) -> None:
    case = fresh(case)
    gate.deliver(case.body())
    gate.block(case.users[user][one])
    before = len(gate.upstream.deliveries)

    answer = gate.send(case.users[user][other])

    assert len(gate.upstream.deliveries) == before
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 130403)


@pytest.mark.parametrize("case, user, one, other", parameters(each_change()))
def test_a_block_follows_the_user_to_new_ids(gate: Gate, case: Case, user: int, one: str, other: str) -> None:
    case = fresh(case)
    gate.block(case.users[user][one])
    gate.deliver(case.body())

    delivered = gate.deliver(text_by(case.users[user][other]))

    assert delivered == []


@pytest.mark.parametrize("case, user, name", parameters(each_stranger()))
def test_an_id_of_another_user_is_not_linked(gate: Gate, case: Case, user: int, name: str) -> None:
    case = fresh(case)
    gate.deliver(case.body())
    gate.block(case.users[user][name])

    for stranger in case.strangers:
        body = text_by(stranger)
        (delivery,) = gate.deliver(body)
        assert delivery.body == body


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases(SAMPLES)])
def test_the_dashboards_sample_is_accepted(gate: Gate, case: Case) -> None:
    answer = gate.post(case.body())

    assert answer.status_code == 200
