"""`wablock dev` as a gate between Meta and a bot, in both directions."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.cli.command import Server, run, started, without_warning
from tests.receiver import Receiver, receiving
from tests.server.test_webhooks import message, signed, webhook

from wablock.settings import DEV_APP_SECRET, DEV_PHONE_NUMBER_ID, DEV_TOKEN, DEV_VERIFY_TOKEN

ANNA, BEN = "16505551234", "16505550101"
HEADERS = {"authorization": f"Bearer {DEV_TOKEN}"}


@pytest.fixture
def bot() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def meta() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def gate(bot: Receiver, meta: Receiver) -> Iterator[Server]:
    with started(
        "dev", "--port", "0", "--downstream", bot.url, "--upstream", f"http://127.0.0.1:{meta.port}"
    ) as server:
        yield server


def deliver(gate: Server, sender: str) -> httpx2.Response:
    body = webhook(message(sender))
    headers = {"x-hub-signature-256": signed(body, DEV_APP_SECRET)}
    return httpx2.post(gate.url + "/webhooks/whatsapp", content=body, headers=headers)


def send(gate: Server, to: str) -> httpx2.Response:
    body = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "hi"}}
    return httpx2.post(f"{gate.url}/v25.0/{DEV_PHONE_NUMBER_ID}/messages", json=body, headers=HEADERS)


def block(gate: Server, user: str) -> None:
    body = {"messaging_product": "whatsapp", "block_users": [{"user": user}]}
    answer = httpx2.post(f"{gate.url}/v25.0/{DEV_PHONE_NUMBER_ID}/block_users", json=body, headers=HEADERS)
    assert answer.status_code == 200


def test_a_blocked_user_is_silent_in_both_directions(gate: Server, bot: Receiver, meta: Receiver) -> None:
    block(gate, ANNA)

    answers = [deliver(gate, sender).status_code for sender in (ANNA, BEN)]
    statuses = [send(gate, to).status_code for to in (ANNA, BEN)]

    assert (answers, statuses) == ([200, 200], [400, 200])
    assert [it.json()["entry"][0]["changes"][0]["value"]["messages"][0]["from"] for it in bot.deliveries] == [BEN]
    assert [it.json()["to"] for it in meta.deliveries] == [BEN]
    assert meta.deliveries[0].path == f"/v25.0/{DEV_PHONE_NUMBER_ID}/messages"


def test_dev_prints_where_webhooks_arrive_and_go(gate: Server, bot: Receiver) -> None:
    assert re.search(
        rf"Webhooks +{re.escape(gate.url)}/webhooks/whatsapp, signed with {DEV_APP_SECRET}\n", gate.announced
    )
    assert re.search(rf"Forwarded to +{re.escape(bot.url)}\n", gate.announced)


def test_the_handshake_knows_the_verify_token(gate: Server) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": DEV_VERIFY_TOKEN}

    assert httpx2.get(gate.url + "/webhooks/whatsapp", params=query).text == "1158201444"


def test_the_public_app_secret_is_not_used_beyond_loopback() -> None:
    with started("dev", "--port", "0", "--host", "0.0.0.0", "--token", "my-own") as server:
        assert DEV_APP_SECRET not in server.announced


def test_a_second_start_replaces_the_downstream_of_the_first(tmp_path: Path, bot: Receiver) -> None:
    kept = ("--data", str(tmp_path / "dev.db"), "--secret-key-file", str(tmp_path / "secret.key"))
    with started("dev", "--port", "0", "--downstream", "http://127.0.0.1:1/", *kept):
        pass

    with started("dev", "--port", "0", "--downstream", bot.url, *kept) as again:
        answer = deliver(again, BEN)

    assert answer.status_code == 200
    assert len(bot.deliveries) == 1


def test_a_slow_bot_has_the_configured_time_to_answer(bot: Receiver) -> None:
    bot.delay = 0.5

    with started("dev", "--port", "0", "--downstream", bot.url, "--downstream-timeout", "0.1") as impatient:
        refused = deliver(impatient, BEN)
    with started("dev", "--port", "0", "--downstream", bot.url, "--downstream-timeout", "10") as patient:
        taken = deliver(patient, BEN)

    assert (refused.status_code, taken.status_code) == (502, 200)
    assert "did not answer within 0.1 s" in refused.json()["error"]["error_data"]["details"]


@pytest.mark.parametrize(
    "arguments,error",
    [
        (("--downstream", "my-bot"), "--downstream 'my-bot' cannot be used: "),
        (("--upstream", "ftp://127.0.0.1"), "--upstream 'ftp://127.0.0.1' cannot be used: "),
        (("--upstream-token", "two words"), "--upstream-token must be printable ASCII"),
    ],
)
def test_invalid_options_are_refused_in_one_line(arguments: tuple[str, ...], error: str) -> None:
    refused = run("dev", "--port", "0", *arguments)

    assert refused.returncode == 2
    assert without_warning(refused.stderr).startswith(f"wablock: {error}")
