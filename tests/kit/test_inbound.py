"""A user's message: the 24 hours begin before the answer, and the webhook goes to the downstream."""

import pytest
from tests.kit.caller import block, dev
from tests.receiver import Receiver
from tests.server.test_webhooks import signed

from wablock.kit.fixture import Wablock

USER, WA_ID, USER_ID = "+16505550101", "16505550101", "US.13491208655302741918"


@pytest.fixture
def routed(wablock: Wablock, receiver: Receiver) -> Wablock:
    wablock.downstream(f"http://127.0.0.1:{receiver.port}/webhook")
    return wablock


def test_the_downstream_gets_metas_webhook_signed(routed: Wablock, receiver: Receiver) -> None:
    result = routed.inbound(USER, "Is it still there?")

    [delivery] = receiver.deliveries
    value = delivery.json()["entry"][0]["changes"][0]["value"]
    assert result.delivered
    assert not result.dropped
    assert value["metadata"]["phone_number_id"] == routed.phone_number_id
    assert value["contacts"][0]["wa_id"] == WA_ID
    assert value["messages"][0]["from"] == WA_ID
    assert value["messages"][0]["id"] == result.message_id
    assert value["messages"][0]["text"] == {"body": "Is it still there?"}
    assert delivery.headers["x-hub-signature-256"] == signed(delivery.body, routed.app_secret)


def test_a_blocked_users_message_is_dropped(routed: Wablock, receiver: Receiver) -> None:
    routed.block(USER)

    result = routed.inbound(USER)

    assert (result.dropped, result.delivered, result.status) == (True, False, 200)
    assert receiver.deliveries == []


def test_a_test_sets_the_time_that_a_downstream_has_to_answer(wablock: Wablock, receiver: Receiver) -> None:
    receiver.delay = 0.5

    wablock.downstream(receiver.url, timeout=0.1)
    impatient = wablock.inbound(USER)
    wablock.downstream(receiver.url, timeout=10)
    patient = wablock.inbound(USER)

    assert (impatient.status, patient.status) == (502, 200)


def test_a_message_may_be_of_any_type(routed: Wablock, receiver: Receiver) -> None:
    routed.inbound(USER, message={"type": "sticker", "sticker": {"id": "1"}})

    message = receiver.deliveries[0].json()["entry"][0]["changes"][0]["value"]["messages"][0]
    assert (message["type"], message["sticker"]) == ("sticker", {"id": "1"})


def test_a_user_may_write_by_user_id_alone(routed: Wablock, receiver: Receiver) -> None:
    routed.inbound(USER_ID)

    value = receiver.deliveries[0].json()["entry"][0]["changes"][0]["value"]
    assert value["messages"][0]["from_user_id"] == USER_ID
    assert "from" not in value["messages"][0]


def test_a_user_who_wrote_with_both_ids_is_one_user_afterwards(wablock: Wablock) -> None:
    wablock.inbound(USER, user_id=USER_ID)

    wablock.block(USER)

    assert wablock.is_blocked(USER_ID)


def test_a_failing_receiver_is_reported(routed: Wablock, receiver: Receiver) -> None:
    receiver.status = 500

    result = routed.inbound(USER)

    assert (result.delivered, result.status) == (False, 502)
    assert "500" in result.answer["error"]["error_data"]["details"]


@pytest.mark.wablock(rules="meta")
def test_without_a_downstream_the_24_hours_begin_too(wablock: Wablock) -> None:
    result = wablock.inbound(USER)

    assert (result.status, result.delivered) == (200, False)
    assert "error" not in block(wablock, USER).json()


@pytest.mark.wablock(rules="meta")
def test_a_user_id_alone_can_be_blocked_after_it_wrote(wablock: Wablock) -> None:
    wablock.inbound(USER_ID)

    with wablock.client() as client:
        assert client.block(USER_ID)[0].user_id == USER_ID


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"from": "12x"},
        {"from": 1},
        {"from": USER, "phone_number_id": "../1"},
        {"from": USER, "nosuch": 1},
        {"from": USER, "message": "hi"},
    ],
)
def test_an_invalid_message_is_refused(wablock: Wablock, body: dict[str, object]) -> None:
    answer = dev(wablock, "POST", "inbound", body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


def test_a_downstream_with_an_invalid_address_is_refused(wablock: Wablock) -> None:
    assert dev(wablock, "PUT", "downstream", {"url": "ftp://host"}).status_code == 400
