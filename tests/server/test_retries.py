"""If one receiver fails, Meta sends the webhook again: the receivers that took it get no second copy."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.receiver import Receiver, receiving
from tests.running_server import RunningServer, running_server
from tests.server.test_webhooks import ANNA, BEN, KEY, block, message, post, set_up, signed, webhook


@pytest.fixture
def healthy() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def failing() -> Iterator[Receiver]:
    with receiving() as running:
        running.status = 500
        yield running


@pytest.fixture
def bare_gate(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY) as running:
        yield running


@pytest.fixture
def gate(bare_gate: RunningServer, healthy: Receiver, failing: Receiver) -> RunningServer:
    set_up(bare_gate, healthy.url)
    set_up(bare_gate, failing.url)
    return bare_gate


def test_only_the_receiver_that_failed_gets_the_retry(
    gate: RunningServer, healthy: Receiver, failing: Receiver
) -> None:
    body = webhook(message(ANNA))

    attempts = [post(gate, body).status_code for _ in range(3)]
    failing.status = 200
    attempts.append(post(gate, body).status_code)

    assert attempts == [502, 502, 502, 200]
    assert [delivery.body for delivery in healthy.deliveries] == [body]
    assert [delivery.body for delivery in failing.deliveries] == [body] * 4


def test_the_same_webhook_is_delivered_again_after_all_receivers_have_accepted_it(
    gate: RunningServer, healthy: Receiver, failing: Receiver
) -> None:
    body = webhook(message(ANNA))
    post(gate, body)
    failing.status = 200
    post(gate, body)

    assert post(gate, body).status_code == 200

    assert [delivery.body for delivery in healthy.deliveries] == [body] * 2
    assert [delivery.body for delivery in failing.taken] == [body] * 2


def test_another_webhook_of_the_same_message_is_no_retry(gate: RunningServer, healthy: Receiver) -> None:
    first, second = webhook(message(ANNA)), webhook(message(ANNA, text={"body": "edited"}))

    post(gate, first)
    post(gate, second)

    assert [delivery.body for delivery in healthy.deliveries] == [first, second]


def test_a_signature_in_capital_digits_is_the_same_retry(gate: RunningServer, healthy: Receiver) -> None:
    body = webhook(message(ANNA))

    post(gate, body)
    post(gate, body, "sha256=" + signed(body).removeprefix("sha256=").upper())

    assert len(healthy.deliveries) == 1


def test_a_sender_that_no_longer_waits_causes_no_second_copy(
    gate: RunningServer, healthy: Receiver, failing: Receiver
) -> None:
    body = webhook(message(ANNA))
    failing.status, failing.delay = 200, 1.0
    headers = {"x-hub-signature-256": signed(body)}

    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(gate.url + "/webhooks/whatsapp", content=body, headers=headers, timeout=0.4)
    retried = post(gate, body)

    assert retried.status_code == 200
    assert [delivery.body for delivery in healthy.deliveries] == [body]


def test_a_user_who_is_blocked_in_between_is_removed_from_the_retry(
    gate: RunningServer, healthy: Receiver, failing: Receiver
) -> None:
    body = webhook(message(ANNA, "wamid.1"), message(BEN, "wamid.2"))
    post(gate, body)
    block(gate, ANNA)
    failing.status = 200

    assert post(gate, body).status_code == 200

    assert healthy.message_ids() == ["wamid.1", "wamid.2"]
    assert failing.taken_message_ids() == ["wamid.2"]


def test_a_best_effort_receiver_that_took_it_does_not_get_the_retry(
    bare_gate: RunningServer, healthy: Receiver, failing: Receiver
) -> None:
    body = webhook(message(ANNA))
    healthy.delay = 0.3  # still busy when the sender tries again
    set_up(bare_gate, healthy.url, required=False)
    set_up(bare_gate, failing.url)

    post(bare_gate, body)
    failing.status = 200
    post(bare_gate, body)

    assert [delivery.body for delivery in failing.taken] == [body]
    assert [delivery.body for delivery in healthy.deliveries] == [body]


def test_a_best_effort_receiver_that_failed_gets_the_retry(bare_gate: RunningServer, failing: Receiver) -> None:
    with receiving() as best_effort:
        best_effort.statuses = [500]
        failing.delay = 0.3  # the other one has answered by then
        set_up(bare_gate, best_effort.url, required=False)
        set_up(bare_gate, failing.url)

        for _ in range(3):
            post(bare_gate, webhook(message(ANNA)))

        assert len(best_effort.deliveries) == 2
        assert len(best_effort.taken) == 1
