"""Each of Meta's documented webhooks, through a running server, is dropped or reaches a receiver byte for byte."""

import json
from collections.abc import Iterator

import httpx2
import pytest
from tests.receiver import Receiver, receiving
from tests.running_server import RunningServer, running_server
from tests.server.test_webhooks import KEY, post, set_up, signed
from tests.server.webhook_pieces import changes_in, items_in
from tests.server.webhook_samples import (
    CHANGES,
    ITEMS,
    NEW_NUMBER,
    NUMBER,
    SENT_IN_OTHER_FIELDS,
    USER,
    USERS_ID,
    Json,
    change,
    change_with,
    item,
    webhook,
    written,
)

BLOCKED, BLOCKED_ID = "16505550101", "US.20000000000000000001"
ANOTHER = "16505550178"

# If a user hides the number, only the user_id is known.
each_id = pytest.mark.parametrize("by_id", [False, True], ids=["by number", "by user_id"])
each_kind = pytest.mark.parametrize("kind", ITEMS)


@pytest.fixture(scope="module")
def running_receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def receiver(running_receiver: Receiver) -> Receiver:
    running_receiver.deliveries.clear()
    return running_receiver


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, running_receiver: Receiver) -> Iterator[RunningServer]:
    """A gate that has blocked one user, by both ids."""
    with running_server(tmp_path_factory.mktemp("gate"), key=KEY) as running:
        set_up(running, running_receiver.url)
        user = {"user": f"+{BLOCKED}", "user_id": BLOCKED_ID}
        answer = httpx2.post(
            running.url + running.block_users,
            json={"messaging_product": "whatsapp", "block_users": [user]},
            headers={"authorization": f"Bearer {running.token}"},
        )
        assert answer.json()["block_users"]["added_users"], answer.text
        yield running


def free(kind: str, *, by_id: bool = False) -> Json:
    """An item of a free user, whose new number is not the blocked user's new number."""
    it = item(kind, None, USERS_ID) if by_id else item(kind, USER)
    return json.loads(json.dumps(it).replace(NEW_NUMBER, ANOTHER))  # type: ignore[no-any-return]


def blocked(kind: str, *, by_id: bool = False) -> Json:
    return item(kind, None, BLOCKED_ID) if by_id else item(kind, BLOCKED)


def raw(it: Json) -> bytes:
    """The bytes of a message or a call within a webhook."""
    return items_in(written(webhook(change_with(it))))[0]


def about_the_blocked_user(*changes: Json) -> bytes:
    body = written(webhook(*changes))
    return body.replace(USER.encode(), BLOCKED.encode()).replace(USERS_ID.encode(), BLOCKED_ID.encode())


@each_id
@each_kind
def test_a_free_users_webhook_arrives_byte_for_byte(
    gate: RunningServer, receiver: Receiver, kind: str, *, by_id: bool
) -> None:
    body = written(webhook(change_with(free(kind, by_id=by_id))))

    answer = post(gate, body)

    assert answer.status_code == 200
    (delivery,) = receiver.deliveries
    assert delivery.body == body
    assert delivery.headers["x-hub-signature-256"] == signed(body)


@each_id
@each_kind
def test_a_blocked_users_webhook_is_dropped(gate: RunningServer, receiver: Receiver, kind: str, *, by_id: bool) -> None:
    answer = post(gate, written(webhook(change_with(blocked(kind, by_id=by_id)))))

    assert answer.status_code == 200
    assert receiver.deliveries == []


@each_id
@each_kind
def test_a_blocked_users_items_are_removed_between_those_of_a_free_user(
    gate: RunningServer, receiver: Receiver, kind: str, *, by_id: bool
) -> None:
    array = "calls" if "calls" in change_with(item(kind))["value"] else "messages"
    theirs, others = blocked(kind, by_id=by_id), [free(kind), free(kind) | {"id": "wamid.2"}]
    members = {array: [others[0], theirs, others[1], theirs]}

    post(gate, written(webhook(change("messages", NUMBER, **members))))

    (delivery,) = receiver.deliveries
    assert items_in(delivery.body) == [raw(it) for it in others]
    assert delivery.headers["x-hub-signature-256"] == signed(delivery.body)


@pytest.mark.parametrize("kind", SENT_IN_OTHER_FIELDS)
def test_a_blocked_users_webhook_is_dropped_in_other_fields_too(
    gate: RunningServer, receiver: Receiver, kind: str
) -> None:
    whole = webhook(SENT_IN_OTHER_FIELDS[kind])

    answers = [post(gate, written(whole)), post(gate, about_the_blocked_user(SENT_IN_OTHER_FIELDS[kind]))]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [delivery.body for delivery in receiver.deliveries] == [written(whole)]


@pytest.mark.parametrize("kind", CHANGES)
def test_a_webhook_that_no_user_sent_arrives_byte_for_byte(gate: RunningServer, receiver: Receiver, kind: str) -> None:
    body = about_the_blocked_user(CHANGES[kind])

    answer = post(gate, body)

    assert answer.status_code == 200
    (delivery,) = receiver.deliveries
    assert delivery.body == body
    assert delivery.headers["x-hub-signature-256"] == signed(body)


@pytest.mark.parametrize("kind", CHANGES)
def test_items_that_no_user_sent_keep_their_bytes_beside_a_removed_message(
    gate: RunningServer, receiver: Receiver, kind: str
) -> None:
    body = about_the_blocked_user(change_with(blocked("text")), CHANGES[kind], change_with(blocked("call")))

    post(gate, body)

    (delivery,) = receiver.deliveries
    assert changes_in(delivery.body) == changes_in(body)[1:2]
    assert delivery.headers["x-hub-signature-256"] == signed(delivery.body)
