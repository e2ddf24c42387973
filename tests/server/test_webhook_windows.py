"""The webhooks that open the 24 hours in which a user may be blocked under `meta` rules."""

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.receiver import receiving
from tests.running_server import RunningServer, running_server
from tests.server.test_webhooks import KEY, post, set_up, webhook
from tests.waiting import wait_until

from wablock.block_list.ports import Rules

USER, CONTROL = "16505550101", "16505550199"
DAY = 86_400


@pytest.fixture
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with receiving() as receiver, running_server(tmp_path_factory.mktemp("gate"), key=KEY, rules=Rules.META) as server:
        set_up(server, receiver.url)
        yield server


def may_be_blocked(server: RunningServer, wa_id: str) -> bool:
    answer = httpx2.post(
        server.url + server.block_users,
        json={"messaging_product": "whatsapp", "block_users": [{"user": f"+{wa_id}"}]},
        headers={"authorization": f"Bearer {server.token}"},
    )
    return "added_users" in answer.json()["block_users"]


def wait_until_noted(server: RunningServer, wa_id: str) -> None:
    """The server records the times after it has answered the webhook, together and in order."""
    wait_until(lambda: may_be_blocked(server, wa_id), "the user's message is not noted")


def text_message(seconds_ago: int = 0, **more: Any) -> dict[str, Any]:
    at = str(int(time.time()) - seconds_ago)
    return {"from": USER, "id": "wamid.1", "timestamp": at, "type": "text", "text": {"body": "Hi"}} | more


def thread(message: dict[str, Any]) -> list[Any]:
    return [{"metadata": {"phase": 0}, "threads": [{"id": USER, "messages": [message]}]}]


CALL = {"event": "connect", "direction": "USER_INITIATED", "to": "15550783881"}
SYSTEM = {"type": "user_changed_number", "body": "User A changed", "wa_id": "16505550102"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(webhook(text_message()), id="a message"),
        pytest.param(webhook(field="standby", standby={"messages": [text_message()]}), id="a message to Meta's agent"),
        pytest.param(webhook(field="calls", calls=[text_message() | CALL]), id="a call"),
        pytest.param(
            webhook(field="history", history=thread(text_message(60))), id="a message of the last day's history"
        ),
    ],
)
def test_a_user_who_wrote_or_called_lately_may_be_blocked(gate: RunningServer, body: bytes) -> None:
    post(gate, body)

    wait_until_noted(gate, USER)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(webhook(field="history", history=thread(text_message(2 * DAY))), id="an older message"),
        pytest.param(webhook(text_message(type="system", system=SYSTEM)), id="a system message"),
        pytest.param(webhook(statuses=[{"id": "wamid.2", "status": "read", "recipient_id": USER}]), id="a status"),
        pytest.param(
            webhook(field="calls", calls=[text_message() | CALL | {"direction": "BUSINESS_INITIATED"}]), id="called"
        ),
        pytest.param(
            webhook(field="smb_message_echoes", message_echoes=[text_message() | {"from": "15550783881", "to": USER}]),
            id="echo",
        ),
    ],
)
def test_a_user_who_did_not_write_lately_cannot_be_blocked(gate: RunningServer, body: bytes) -> None:
    post(gate, body)
    post(gate, webhook(text_message() | {"from": CONTROL}))
    wait_until_noted(gate, CONTROL)

    assert not may_be_blocked(gate, USER)
