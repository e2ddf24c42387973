"""The gate's behaviour in `docs/fidelity.md`, as a sender of webhooks sees it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import apsw
import httpx2
import msgspec
import pytest
from tests.block_list.stopped_clock import StoppedClock
from tests.conformance.caller import calling
from tests.conformance.test_server_failures import break_database
from tests.receiver import Receiver
from tests.running_server import ACCOUNT_ID, NUMBER, PHONE_NUMBER_ID, RunningServer, running_server
from tests.server.test_webhooks import ANNA, BEN, KEY, SECRET, block, message, post, set_up, signed, webhook
from tests.waiting import wait_until

from wablock.block_list.ports import BusinessNumber, Rules
from wablock.settings import GateSettings
from wablock.wiring import routes_of

ANOTHER = BusinessNumber("106540352242999", "102290129340999")
STRANGERS_NUMBER = "106540352242111"
STRANGERS_ENTRY = "102290129340111"


@pytest.fixture
def gate(tmp_path: Path, receiver: Receiver) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY, numbers=[NUMBER, ANOTHER]) as running:
        set_up(running, receiver.url)
        yield running


def forget_who_is_blocked(folder: Path) -> None:
    """Drop the block lists of a running server, and nothing else."""
    connection = apsw.Connection(str(folder / "wablock.db"))
    connection.execute("DROP TABLE blocked_user")
    connection.close()


@pytest.mark.parametrize(
    "query",
    [
        {"hub.challenge": "1", "hub.verify_token": "a verify token"},
        {"hub.mode": "unsubscribe", "hub.challenge": "1", "hub.verify_token": "a verify token"},
        {"hub.mode": "subscribe", "hub.verify_token": "a verify token"},
    ],
)
def test_an_invalid_handshake_gets_100(gate: RunningServer, query: dict[str, str]) -> None:
    answer = httpx2.get(gate.url + "/webhooks/whatsapp", params=query)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


def test_two_signatures_are_refused(gate: RunningServer, receiver: Receiver) -> None:
    body = webhook(message(ANNA))

    answer = httpx2.post(
        gate.url + "/webhooks/whatsapp", content=body, headers=[("x-hub-signature-256", signed(body))] * 2
    )

    assert (answer.status_code, receiver.deliveries) == (401, [])


def test_a_webhook_about_two_accounts_needs_the_signature_of_both(gate: RunningServer, receiver: Receiver) -> None:
    asyncio.run(routes_of(gate.wired.store, KEY).accounts.set(ANOTHER.account_id, "another secret", None))
    numbers = (PHONE_NUMBER_ID, ANOTHER.phone_number_id)
    mine, theirs = (msgspec.json.decode(webhook(message(ANNA), number=number)) for number in numbers)
    body = msgspec.json.encode(mine | {"entry": mine["entry"] + theirs["entry"]})

    answers = [post(gate, body, signed(body, secret)).status_code for secret in (SECRET, "another secret")]

    assert answers == [401, 401]
    assert receiver.deliveries == []


def test_an_unknown_accounts_webhook_is_checked_with_the_only_app_secret(gate: RunningServer) -> None:
    body = webhook(message(ANNA), number=STRANGERS_NUMBER).replace(ACCOUNT_ID.encode(), STRANGERS_ENTRY.encode())

    answers = [post(gate, body, signed(body, secret)).status_code for secret in (SECRET, "another secret")]

    assert answers == [502, 401]


def test_an_unknown_accounts_webhook_is_refused_if_two_accounts_have_app_secrets(gate: RunningServer) -> None:
    asyncio.run(routes_of(gate.wired.store, KEY).accounts.set(ANOTHER.account_id, "another secret", None))
    body = webhook(message(ANNA), number=STRANGERS_NUMBER).replace(ACCOUNT_ID.encode(), STRANGERS_ENTRY.encode())

    answers = [post(gate, body, signed(body, secret)).status_code for secret in (SECRET, "another secret")]

    assert answers == [401, 401]


def test_too_many_numbers_are_refused(gate: RunningServer) -> None:
    numbers = [str(106540352000000 + place) for place in range(1_001)]
    changes = [{"value": {"metadata": {"phone_number_id": number}}, "field": "messages"} for number in numbers]
    body = msgspec.json.encode({"entry": [{"id": ACCOUNT_ID, "changes": changes}]})

    answer = post(gate, body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


@pytest.mark.parametrize(
    "body",
    [
        b'{"object":"whatsapp_business_account","entry":[]}',
        b'{"object":"whatsapp_business_account","entry":[{"id":"%s","changes":[]}]}' % ACCOUNT_ID.encode(),
        b'{"object":"whatsapp_business_account","entry":[{"id":"%s","changes":[]}]}' % STRANGERS_ENTRY.encode(),
    ],
)
def test_a_webhook_without_changes_goes_to_the_receivers_of_the_account_that_signs_it(
    gate: RunningServer, receiver: Receiver, body: bytes
) -> None:
    asyncio.run(routes_of(gate.wired.store, KEY).accounts.set(ANOTHER.account_id, "another secret", None))

    answers = [post(gate, body, signed(body, secret)).status_code for secret in ("a wrong secret", SECRET)]

    assert answers == [401, 200]
    assert [delivery.body for delivery in receiver.deliveries] == [body]


@pytest.mark.parametrize("size,status", [(3 * 1_000_000, 200), (4 * 1_048_576, 413)])
def test_a_webhook_may_have_three_megabytes(gate: RunningServer, size: int, status: int) -> None:
    body = webhook(message(ANNA, text={"body": "x" * size}))

    assert post(gate, body).status_code == status


@pytest.mark.parametrize("field", ["messages", "standby", "history", "Messages", "a_field_to_come"])
def test_a_blocked_users_message_is_removed_in_any_field(gate: RunningServer, receiver: Receiver, field: str) -> None:
    block(gate, ANNA)

    answer = post(gate, webhook(message(ANNA), field=field))

    assert (answer.status_code, receiver.deliveries) == (200, [])


def test_a_repeated_name_on_the_path_to_a_sender_is_refused_and_named(gate: RunningServer, receiver: Receiver) -> None:
    body = webhook(message(ANNA)).replace(b'"from":', b'"From":"1","from":')

    answer = post(gate, body)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], receiver.deliveries) == (400, 100, [])
    assert '"from" occurs twice' in error["message"]


@pytest.mark.parametrize("number", [b"null", b"106540352242922", b'"1","phone_number_id":"106540352242922"'])
def test_a_message_to_an_unreadable_number_reaches_none_of_the_accounts_receivers(
    gate: RunningServer, receiver: Receiver, number: bytes
) -> None:
    body = webhook(message(ANNA)).replace(b'"phone_number_id":"106540352242922"', b'"phone_number_id":' + number)

    answer = post(gate, body)

    assert (answer.status_code, receiver.deliveries) == (502, [])
    assert "phone_number_id cannot be read" in answer.json()["error"]["error_data"]["details"]


def test_a_message_opens_the_window_of_its_sender(tmp_path: Path, receiver: Receiver) -> None:
    with running_server(tmp_path, key=KEY, rules=Rules.META, clock=StoppedClock()) as gate, calling(gate) as caller:
        set_up(gate, receiver.url)
        before = caller.block("+" + ANNA).json()["block_users"]

        post(gate, webhook(message(ANNA)))

        assert list(before) == ["failed_users"]
        # The time of the message is written after the answer.
        wait_until(lambda: list(caller.block("+" + ANNA).json()["block_users"]) == ["added_users"], "no block works")


def test_a_webhook_must_be_sent_again_while_the_block_list_is_unreachable(
    gate: RunningServer, receiver: Receiver, tmp_path: Path
) -> None:
    forget_who_is_blocked(tmp_path)

    answer = post(gate, webhook(message(ANNA)))

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["is_transient"]) == (503, 2, True)
    assert int(answer.headers["retry-after"]) >= 1
    assert receiver.deliveries == []


def test_a_marked_webhook_may_be_forwarded_while_the_block_list_is_unreachable(
    tmp_path: Path, receiver: Receiver
) -> None:
    body = webhook(message(ANNA))
    with running_server(tmp_path, key=KEY, gate=GateSettings(pass_unchecked=True)) as gate:
        set_up(gate, receiver.url)
        post(gate, body)
        forget_who_is_blocked(tmp_path)

        post(gate, body)

    marks = [delivery.headers.get("x-wablock-unchecked") for delivery in receiver.deliveries]
    assert marks == [None, "true"]
    assert receiver.deliveries[1].body == body


@pytest.mark.parametrize("settings", [GateSettings(), GateSettings(pass_unchecked=True)])
def test_without_a_database_a_webhook_must_be_sent_again(
    tmp_path: Path, receiver: Receiver, settings: GateSettings
) -> None:
    with running_server(tmp_path, key=KEY, gate=settings) as gate:
        set_up(gate, receiver.url)
        break_database(tmp_path)

        answer = post(gate, webhook(message(ANNA)))

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, 2)
    assert receiver.deliveries == []


def test_a_webhook_that_a_receiver_refused_gets_a_retry_after(gate: RunningServer, receiver: Receiver) -> None:
    receiver.status = 500

    answer = post(gate, webhook(message(ANNA)))

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["is_transient"]) == (502, 2, True)
    assert int(answer.headers["retry-after"]) >= 1


def test_a_webhook_for_a_number_without_a_receiver_may_be_accepted(tmp_path: Path) -> None:
    with running_server(tmp_path, key=KEY, gate=GateSettings(refuse_unrouted=False)) as gate:
        asyncio.run(routes_of(gate.wired.store, KEY).accounts.set(ACCOUNT_ID, SECRET, None))

        assert post(gate, webhook(message(ANNA))).status_code == 200


def test_a_webhook_of_blocked_users_only_is_accepted_without_a_receiver(tmp_path: Path) -> None:
    with running_server(tmp_path, key=KEY) as gate:
        asyncio.run(routes_of(gate.wired.store, KEY).accounts.set(ACCOUNT_ID, SECRET, None))
        block(gate, ANNA)

        answers = [post(gate, webhook(message(sender))).status_code for sender in (ANNA, BEN)]

    assert answers == [200, 502]


def test_a_changed_number_leaves_the_old_one_blocked(gate: RunningServer, receiver: Receiver) -> None:
    block(gate, ANNA)
    moved = {"type": "system", "system": {"type": "user_changed_number", "wa_id": BEN, "body": "A moved"}}

    post(gate, webhook(message(ANNA, "wamid.1", **moved)))
    answers = [post(gate, webhook(message(sender, "wamid.2"))).status_code for sender in (ANNA, BEN)]

    assert answers == [200, 200]
    assert receiver.deliveries == []


def test_drops_and_checks_need_the_scope_read_and_routes_the_scope_manage(gate: RunningServer) -> None:
    place = f"{gate.url}/v1/numbers/{PHONE_NUMBER_ID}"
    with calling(gate) as caller:
        made = caller.send("POST", {"label": "writes", "scopes": ["write", "send"]}, path="/v1/tokens").json()
    headers = {"authorization": f"Bearer {made['token']}"}

    answers = [
        httpx2.get(f"{place}/{what}", headers=headers) for what in ("drops", "check/1650", "downstreams", "upstream")
    ]

    assert [answer.json()["error"]["code"] for answer in answers] == [10] * 4
