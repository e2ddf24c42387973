"""Copies of one message that come at the same time reach a receiver once, where `deduplicate_for` is set."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from tests.receiver import Receiver, receiving
from tests.running_server import RunningServer, running_server
from tests.server.test_webhooks import ANNA, KEY, message, set_up, signed, webhook
from tests.waiting import wait_until

from wablock.settings import GateSettings


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY, gate=GateSettings(deduplicate_for=60)) as running:
        yield running


class Senders:
    """Threads that post webhooks, over connections that are kept open."""

    def __init__(self, url: str, http: httpx2.Client, pool: ThreadPoolExecutor) -> None:
        self._url = url + "/webhooks/whatsapp"
        self._http = http
        self._pool = pool

    def send(self, *ids: str) -> int:
        """The response's status for a webhook of these messages."""
        body = webhook(*(message(ANNA, it) for it in ids))
        return self._http.post(self._url, content=body, headers={"x-hub-signature-256": signed(body)}).status_code

    def begin(self, *ids: str) -> Future[int]:
        return self._pool.submit(self.send, *ids)

    def begin_until_taken(self, *ids: str) -> Future[int]:
        """Send it again until it gets 200, as Meta does."""
        return self._pool.submit(self._until_taken, ids)

    def _until_taken(self, ids: tuple[str, ...]) -> int:
        return next(attempt for attempt in range(60) if self.send(*ids) == 200)


@pytest.fixture
def senders(gate: RunningServer) -> Iterator[Senders]:
    limits = httpx2.Limits(max_connections=16)
    with httpx2.Client(limits=limits, timeout=30) as http, ThreadPoolExecutor(16) as pool:
        yield Senders(gate.url, http, pool)


def arrived(receiver: Receiver, count: int) -> None:
    """Return when this many deliveries have reached the receiver, which may not have answered yet."""
    wait_until(lambda: len(receiver.deliveries) >= count, "no delivery reaches the receiver")


def statuses(answers: list[Future[int]]) -> list[int]:
    return [answer.result(30) for answer in answers]


def test_copies_that_come_at_once_are_sent_once(gate: RunningServer, receiver: Receiver, senders: Senders) -> None:
    set_up(gate, receiver.url)
    receiver.delay = 0.3

    answers = [senders.begin("wamid.1") for _ in range(16)]

    assert statuses(answers) == [200] * 16
    assert receiver.message_ids() == ["wamid.1"]


def test_new_messages_beside_a_copy_are_sent(gate: RunningServer, receiver: Receiver, senders: Senders) -> None:
    set_up(gate, receiver.url)
    receiver.delay = 0.3

    first = senders.begin("wamid.1")
    arrived(receiver, 1)
    second = senders.begin("wamid.2", "wamid.1", "wamid.3")

    assert statuses([first, second]) == [200, 200]
    assert receiver.message_ids() == ["wamid.1", "wamid.2", "wamid.3"]


def test_a_copy_is_sent_when_the_first_one_fails(gate: RunningServer, receiver: Receiver, senders: Senders) -> None:
    set_up(gate, receiver.url)
    receiver.delay, receiver.statuses = 0.3, [500]

    first = senders.begin("wamid.1")
    arrived(receiver, 1)
    second = senders.begin("wamid.1")

    assert statuses([first, second]) == [502, 200]
    assert receiver.taken_message_ids() == ["wamid.1"]


def test_a_copy_is_sent_when_the_first_one_times_out(gate: RunningServer, receiver: Receiver, senders: Senders) -> None:
    set_up(gate, receiver.url, timeout=0.5)
    receiver.delay = 1.0

    first = senders.begin("wamid.1")
    arrived(receiver, 1)
    receiver.delay = 0.0
    second = senders.begin("wamid.1")

    assert statuses([first, second]) == [502, 200]


def test_a_copy_that_waits_too_long_must_be_sent_again(
    gate: RunningServer, receiver: Receiver, senders: Senders
) -> None:
    set_up(gate, receiver.url, timeout=0.5)
    receiver.delay = 1.0

    began = time.monotonic()
    answers = statuses([senders.begin("wamid.1") for _ in range(16)])

    assert answers == [502] * 16
    assert time.monotonic() - began < 16 / 2 * 0.5  # not one timeout after the other
    receiver.delay = 0.0
    assert senders.send("wamid.1") == 200


def test_one_receivers_copy_does_not_wait_for_anothers(
    gate: RunningServer, receiver: Receiver, senders: Senders
) -> None:
    with receiving() as slow:
        set_up(gate, receiver.url)
        set_up(gate, slow.url)
        slow.delay = 0.5

        first = senders.begin("wamid.1", "wamid.2")
        arrived(slow, 1)
        second = senders.begin("wamid.2", "wamid.1")

        assert statuses([first, second]) == [200, 200]
        assert (receiver.message_ids(), slow.message_ids()) == (["wamid.1", "wamid.2"],) * 2


def test_overlapping_webhooks_bring_each_message_once_while_receivers_fail(
    gate: RunningServer, receiver: Receiver, senders: Senders
) -> None:
    chance = random.Random(12)
    with receiving() as other:
        receivers = receiver, other
        for each in receivers:
            set_up(gate, each.url)
            each.statuses = [chance.choice((200, 200, 500)) for _ in range(500)]
            each.delay = 0.01

        for turn in range(12):
            messages = [f"wamid.{turn}.{it}" for it in range(6)]
            webhooks = [chance.sample(messages, chance.randint(1, 6)) for _ in range(16)]
            for answer in [senders.begin_until_taken(*ids) for ids in webhooks]:
                answer.result(60)

            expected = sorted({it for ids in webhooks for it in ids})
            for each in receivers:
                assert sorted(each.taken_message_ids()) == expected
                each.taken.clear()
