"""The *Test* button of Meta's dashboard: its answer shows whether secret and receivers are right."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.receiver import Receiver, receiving
from tests.running_server import ACCOUNT_ID, NUMBER, PHONE_NUMBER_ID, RunningServer, running_server
from tests.server.test_webhooks import KEY, SECRET, post, set_up, signed
from tests.server.turned_clock import TurnedClock

from wablock.block_list.ports import BusinessNumber
from wablock.gate.routes.downstreams import NewDownstream
from wablock.wiring import routes_of

SAMPLE_NUMBER = "123456123"
OTHER_ACCOUNT, OTHER_NUMBER = "102290129340399", "106540352242923"
METADATA = {"display_phone_number": "16505551111", "phone_number_id": SAMPLE_NUMBER}


def sample(value: dict[str, Any], field: str = "messages", **entry: Any) -> bytes:
    """The body that the button sends, for any field."""
    members = {"id": "0", "changes": [{"field": field, "value": value}]} | entry
    return msgspec.json.encode({"object": "whatsapp_business_account", "entry": [members]})


MESSAGE = sample(
    {
        "messaging_product": "whatsapp",
        "metadata": METADATA,
        "contacts": [{"profile": {"name": "test user name"}, "wa_id": "16505550199"}],
        "messages": [
            {
                "from": "16505550199",
                "id": "ABGGFlA5Fpa",
                "timestamp": "1504902988",
                "type": "text",
                "text": {"body": "a sample"},
            }
        ],
    }
)
SAMPLES = [
    pytest.param(MESSAGE, id="messages"),
    pytest.param(
        sample(
            {
                "messaging_product": "whatsapp",
                "metadata": METADATA,
                "history": [{"metadata": {"phase": 1, "chunk_order": 1, "progress": 55}, "threads": []}],
            },
            "history",
        ),
        id="history",
    ),
    pytest.param(
        sample(
            {
                "event": "APPROVED",
                "message_template_id": 12345678,
                "message_template_name": "my_message_template",
                "message_template_language": "pt-BR",
                "reason": None,
            },
            "message_template_status_update",
            time=1504902988,
        ),
        id="message_template_status_update",
    ),
    pytest.param(
        sample({"phone_number": "16505551111", "event": "VERIFIED_ACCOUNT"}, "account_update"), id="account_update"
    ),
    pytest.param(
        sample(
            {"display_phone_number": "16505551111", "event": "FLAGGED", "current_limit": "TIER_10K"},
            "phone_number_quality_update",
        ),
        id="phone_number_quality_update",
    ),
    pytest.param(sample({"decision": "APPROVED"}, "account_review_update"), id="account_review_update"),
]


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[RunningServer]:
    numbers = (NUMBER, BusinessNumber(OTHER_NUMBER, OTHER_ACCOUNT))
    with running_server(tmp_path, key=KEY, numbers=numbers) as running:
        yield running


def set_secret(gate: RunningServer, account_id: str, secret: str) -> None:
    asyncio.run(routes_of(gate.wired.store, KEY).accounts.set(account_id, secret, None))


def set_up_other(gate: RunningServer, url: str, secret: str) -> None:
    async def work() -> None:
        routes = routes_of(gate.wired.store, KEY)
        await routes.accounts.set(OTHER_ACCOUNT, secret, None)
        await routes.downstreams.add(OTHER_ACCOUNT, OTHER_NUMBER, NewDownstream(url=url, may_be_inside=True))

    asyncio.run(work())


def details(answer: httpx2.Response) -> str:
    text: str = answer.json()["error"]["error_data"]["details"]
    return text


@pytest.mark.parametrize("body", SAMPLES)
def test_the_test_passes_where_secret_and_receiver_are_right(
    gate: RunningServer, receiver: Receiver, body: bytes
) -> None:
    set_up(gate, receiver.url)

    answer = post(gate, body)

    assert (answer.status_code, answer.content) == (200, b'{"success":true}')


def test_a_receiver_gets_a_webhook_of_its_number_without_messages(gate: RunningServer, receiver: Receiver) -> None:
    set_up(gate, receiver.url)

    post(gate, MESSAGE)

    [delivery] = receiver.deliveries
    assert delivery.headers["x-hub-signature-256"] == signed(delivery.body)
    assert delivery.json() == {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": ACCOUNT_ID,
                "changes": [
                    {
                        "value": {
                            "messaging_product": "whatsapp",
                            "metadata": {"display_phone_number": NUMBER.wa_id, "phone_number_id": PHONE_NUMBER_ID},
                        },
                        "field": "messages",
                    }
                ],
            }
        ],
    }


def test_a_receiver_with_its_own_secret_and_headers_is_tried_with_them(gate: RunningServer, receiver: Receiver) -> None:
    set_up(gate, receiver.url, secret="its own", headers={"X-Tenant": "7"})

    assert post(gate, MESSAGE).status_code == 200

    [delivery] = receiver.deliveries
    assert delivery.headers["x-hub-signature-256"] == signed(delivery.body, "its own")
    assert delivery.headers["x-tenant"] == "7"


@pytest.mark.parametrize("body", SAMPLES)
def test_a_wrong_secret_is_401_and_no_receiver_is_tried(gate: RunningServer, receiver: Receiver, body: bytes) -> None:
    set_up(gate, receiver.url)

    answer = post(gate, body, signed(body, "another secret"))

    assert answer.status_code == 401
    assert "wablock account set" in details(answer)
    assert receiver.deliveries == []


def test_no_secret_at_all_is_401(gate: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    assert post(gate, MESSAGE).status_code == 401
    assert "its account has no app secret here; set it with: wablock account set" in caplog.text


@pytest.mark.parametrize("body", SAMPLES)
def test_an_account_without_a_receiver_is_502_with_the_command(gate: RunningServer, body: bytes) -> None:
    set_secret(gate, ACCOUNT_ID, SECRET)

    answer = post(gate, body)

    assert answer.status_code == 502
    assert details(answer) == (
        f"The app secret is right, but account {ACCOUNT_ID} has no downstream. Add one with: wablock downstream add"
    )


def test_a_receiver_that_refuses_is_502_and_named(gate: RunningServer, receiver: Receiver) -> None:
    receiver.status = 403
    with receiving() as right:
        set_up(gate, receiver.url)
        set_up(gate, right.url)

        answer = post(gate, MESSAGE)

    refused, _ = asyncio.run(routes_of(gate.wired.store, KEY).downstreams.infos(PHONE_NUMBER_ID))
    assert answer.status_code == 502
    assert details(answer) == (
        "The app secret is right, but 1 of 2 receivers did not accept a webhook: "
        f"downstream {refused.downstream_id}, it answered 403"
    )


def test_a_receiver_that_is_not_there_is_502(gate: RunningServer) -> None:
    set_up(gate, "http://127.0.0.1:1/hook")

    answer = post(gate, MESSAGE)

    assert answer.status_code == 502
    assert "it cannot be reached: Connection refused" in details(answer)


def test_a_best_effort_receiver_may_fail_while_another_one_answers(tmp_path: Path, receiver: Receiver) -> None:
    clock = TurnedClock()
    with running_server(tmp_path, key=KEY, monotonic=clock) as gate:
        set_up(gate, "http://127.0.0.1:1/hook", required=False)

        alone = post(gate, MESSAGE)
        set_up(gate, receiver.url)
        clock.turn(0.6)  # the gate looks for new receivers
        with_another = post(gate, MESSAGE)

    assert (alone.status_code, with_another.status_code) == (502, 200)


def test_the_account_whose_secret_signs_is_tried_alone(gate: RunningServer, receiver: Receiver) -> None:
    with receiving() as others:
        set_up(gate, receiver.url)
        set_up_other(gate, others.url, "the other's secret")

        assert post(gate, MESSAGE).status_code == 200
        assert (len(receiver.deliveries), len(others.deliveries)) == (1, 0)
        assert post(gate, MESSAGE, signed(MESSAGE, "the other's secret")).status_code == 200
        assert (len(receiver.deliveries), len(others.deliveries)) == (1, 1)


def test_all_accounts_of_one_app_are_tried(gate: RunningServer, receiver: Receiver) -> None:
    with receiving() as others:
        set_up(gate, receiver.url)
        set_up_other(gate, others.url, SECRET)

        assert post(gate, MESSAGE).status_code == 200

        assert (len(receiver.deliveries), len(others.deliveries)) == (1, 1)


def test_the_log_says_what_was_tried(gate: RunningServer, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    set_up(gate, receiver.url)

    with caplog.at_level(logging.INFO, "wablock.gate"):
        post(gate, MESSAGE)

    assert [record.getMessage() for record in caplog.records if record.name == "wablock.gate"] == [
        "the dashboard's test passed: the app secret is right, and 1 of 1 receivers accepted an empty webhook"
    ]


def test_it_is_counted(gate: RunningServer, receiver: Receiver) -> None:
    set_up(gate, receiver.url)

    post(gate, MESSAGE)

    assert 'wablock_webhooks_total{result="tested"} 1.0' in httpx2.get(gate.url + "/metrics").text


def test_a_number_that_is_registered_under_the_samples_id_gets_its_webhooks(tmp_path: Path, receiver: Receiver) -> None:
    with running_server(tmp_path, key=KEY, numbers=(NUMBER, BusinessNumber(SAMPLE_NUMBER, ACCOUNT_ID))) as gate:

        async def work() -> None:
            routes = routes_of(gate.wired.store, KEY)
            await routes.accounts.set(ACCOUNT_ID, SECRET, None)
            new = NewDownstream(url=receiver.url, may_be_inside=True)
            await routes.downstreams.add(ACCOUNT_ID, SAMPLE_NUMBER, new)

        asyncio.run(work())

        assert post(gate, MESSAGE).status_code == 200

    assert [delivery.body for delivery in receiver.deliveries] == [MESSAGE]


def test_an_account_that_is_registered_as_0_gets_its_webhooks(gate: RunningServer, receiver: Receiver) -> None:
    set_up(gate, receiver.url)
    set_secret(gate, "0", SECRET)
    body = sample({"event": "VERIFIED_ACCOUNT"}, "account_update")

    assert post(gate, body).status_code == 502  # this account has no downstream
    assert receiver.deliveries == []


def test_a_sample_beside_a_real_message_is_no_test(gate: RunningServer, receiver: Receiver) -> None:
    set_up(gate, receiver.url)
    mixed = msgspec.json.decode(MESSAGE)
    real = msgspec.json.decode(MESSAGE.replace(SAMPLE_NUMBER.encode(), PHONE_NUMBER_ID.encode()))
    mixed["entry"] += real["entry"]

    answer = post(gate, msgspec.json.encode(mixed))

    assert answer.status_code == 502
    assert f"{SAMPLE_NUMBER} has no downstream" in details(answer)
    assert receiver.deliveries == []


def test_another_unknown_number_is_refused(gate: RunningServer, receiver: Receiver) -> None:
    set_up(gate, receiver.url)

    answer = post(gate, MESSAGE.replace(SAMPLE_NUMBER.encode(), b"123456124").replace(b'"id":"0"', b'"id":"1"'))

    assert answer.status_code == 502
    assert receiver.deliveries == []


def test_a_development_server_that_knows_every_number_takes_the_sample_for_a_test(
    tmp_path: Path, receiver: Receiver
) -> None:
    with running_server(tmp_path, key=KEY, account_of_new_numbers=ACCOUNT_ID) as gate:
        set_up(gate, receiver.url)

        assert post(gate, MESSAGE).status_code == 200

    assert len(receiver.deliveries) == 1
    assert receiver.message_ids() == []


def test_a_receiver_that_a_token_of_one_number_set_is_tried(gate: RunningServer, receiver: Receiver) -> None:
    set_secret(gate, ACCOUNT_ID, SECRET)
    new = NewDownstream(url=receiver.url, may_be_inside=False, account_events=False)

    async def add() -> None:
        routes = routes_of(gate.wired.store, KEY)
        assert await routes.downstreams.add(ACCOUNT_ID, PHONE_NUMBER_ID, new)

    asyncio.run(add())

    assert "no public address" in details(post(gate, MESSAGE))  # the receiver on loopback was tried, too
