"""Webhooks of an account with several WhatsApp Business Accounts: whose secret must have signed them."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.receiver import Receiver, receiving
from tests.running_server import ACCOUNT_ID, PHONE_NUMBER_ID, RunningServer, running_server
from tests.server.test_dashboard_test import MESSAGE as SAMPLE
from tests.server.test_webhooks import KEY, block, post, signed
from tests.server.webhook_samples import change_with, item, written
from tests.waiting import wait_until

from wablock.block_list.ports import BusinessNumber
from wablock.business_numbers import NumberChanges
from wablock.gate.routes.downstreams import NewDownstream
from wablock.wiring import routes_of

SHOP, HOTEL, BARE, UNKNOWN = "102290129340500", "102290129340501", "102290129340502", "102290129340999"
RIVAL, RIVALS_WABA = "rival", "102290129340600"
HOTELS_NUMBER, RIVALS_NUMBER = "106540352242923", "106540352242924"
SECRETS: Final = {
    "default": "the account's own secret",
    SHOP: "the shop's secret",
    HOTEL: "the hotel's secret",
    RIVAL: "the rival's own secret",
    RIVALS_WABA: "the secret of the rival's business account",
}
NUMBERS: Final = (
    BusinessNumber(PHONE_NUMBER_ID, ACCOUNT_ID, "15550783881", "US"),
    BusinessNumber(HOTELS_NUMBER, ACCOUNT_ID, "15550783882", "US", waba_id=HOTEL),
    BusinessNumber(RIVALS_NUMBER, RIVAL, "15550783883", "US"),
)
ACCOUNT_EVENT: Final = {
    "value": {"event": "APPROVED", "message_template_id": 12345678},
    "field": "message_template_status_update",
}


def body_of(*entries: tuple[str, str], padding: int = 0) -> bytes:
    """A webhook of Meta, with a message for each entry: its business account, and the number that got the message."""
    text = item("text") | ({"text": {"body": "x" * padding}} if padding else {})
    data: list[dict[str, Any]] = [
        {"id": waba_id, "changes": [change_with(text | {"id": f"wamid.{place}"}, number)]}
        for place, (waba_id, number) in enumerate(entries)
    ]
    return written({"object": "whatsapp_business_account", "entry": data})


@pytest.fixture
def gate(tmp_path: Path, receiver: Receiver) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY, numbers=NUMBERS) as running:
        asyncio.run(_set_up(running, receiver.url))
        yield running


async def _set_up(server: RunningServer, url: str) -> None:
    routes = routes_of(server.wired.store, KEY)
    await routes.accounts.set(ACCOUNT_ID, SECRETS["default"], "the account's verify token")
    await routes.accounts.set(RIVAL, SECRETS[RIVAL], None)
    for account_id, waba_id in ((ACCOUNT_ID, SHOP), (ACCOUNT_ID, HOTEL), (ACCOUNT_ID, BARE), (RIVAL, RIVALS_WABA)):
        verify_token = "the hotel's verify token" if waba_id == HOTEL else None
        assert await routes.accounts.set_business_account(account_id, waba_id, SECRETS.get(waba_id), verify_token)
    for number in NUMBERS:
        new = NewDownstream(url=url, may_be_inside=True, account_events=True)
        assert await routes.downstreams.add(number.account_id, number.phone_number_id, new)


_MATRIX: Final = {
    "the WABA's own secret": (((SHOP, PHONE_NUMBER_ID),), SHOP, 200),
    "the account's secret for a WABA with its own": (((SHOP, PHONE_NUMBER_ID),), "default", 401),
    "another WABA's secret": (((SHOP, PHONE_NUMBER_ID),), HOTEL, 401),
    "the account's secret for a WABA without one": (((BARE, PHONE_NUMBER_ID),), "default", 200),
    "another WABA's secret for a WABA without one": (((BARE, PHONE_NUMBER_ID),), SHOP, 401),
    "the account's secret for an unknown WABA": (((UNKNOWN, PHONE_NUMBER_ID),), "default", 200),
    "a WABA's secret for an unknown WABA": (((UNKNOWN, PHONE_NUMBER_ID),), SHOP, 401),
    "the account's secret for its own id": (((ACCOUNT_ID, PHONE_NUMBER_ID),), "default", 200),
    "the secret of the number's WABA": (((HOTEL, HOTELS_NUMBER),), HOTEL, 200),
    "the secret of the number's WABA for an unknown one": (((UNKNOWN, HOTELS_NUMBER),), HOTEL, 200),
    "another WABA's secret for a number with a WABA": (((SHOP, HOTELS_NUMBER),), SHOP, 401),
    "the number's WABA's secret for another WABA": (((SHOP, HOTELS_NUMBER),), HOTEL, 401),
    "another account's WABA, signed by it": (((RIVALS_WABA, PHONE_NUMBER_ID),), RIVALS_WABA, 401),
    "another account's WABA, signed by its account": (((RIVALS_WABA, PHONE_NUMBER_ID),), RIVAL, 401),
    "another account's number, signed by this WABA": (((SHOP, RIVALS_NUMBER),), SHOP, 401),
    "another account's number under its own WABA": (((RIVALS_WABA, RIVALS_NUMBER),), SHOP, 401),
    "the rival's webhook": (((RIVALS_WABA, RIVALS_NUMBER),), RIVALS_WABA, 200),
    "two WABAs of one app": (((BARE, PHONE_NUMBER_ID), (UNKNOWN, PHONE_NUMBER_ID)), "default", 200),
    "two WABAs of two apps": (((SHOP, PHONE_NUMBER_ID), (HOTEL, HOTELS_NUMBER)), SHOP, 401),
    "two WABAs of two accounts": (((SHOP, PHONE_NUMBER_ID), (RIVALS_WABA, RIVALS_NUMBER)), SHOP, 401),
    "a number that is not registered": (((SHOP, "999"),), HOTEL, 401),
}


@pytest.mark.parametrize("padding", [0, 20_000], ids=["short", "long"])
@pytest.mark.parametrize("entries, secret, status", _MATRIX.values(), ids=_MATRIX)
def test_a_webhook_is_accepted_only_with_the_secret_of_the_business_account_that_it_names(
    gate: RunningServer,
    receiver: Receiver,
    entries: tuple[tuple[str, str], ...],
    secret: str,
    status: int,
    padding: int,
) -> None:
    body = body_of(*entries, padding=padding)

    answer = post(gate, body, signed(body, SECRETS[secret]))

    assert answer.status_code == status
    assert [delivery.body for delivery in receiver.deliveries] == ([body] if status == 200 else [])


def test_numbers_of_two_business_accounts_know_the_same_users(gate: RunningServer, receiver: Receiver) -> None:
    both = item("text", user_id="US.13491208655302741918")
    only_id = item("text", wa_id=None, user_id="US.13491208655302741918")
    block(gate, "16505551234")
    linking = written(_webhook(HOTEL, change_with(both, HOTELS_NUMBER)))
    hidden = written(_webhook(SHOP, change_with(only_id)))

    statuses = [
        post(gate, it, signed(it, SECRETS[waba])).status_code for it, waba in ((linking, HOTEL), (hidden, SHOP))
    ]

    assert statuses == [200, 200]
    assert [delivery.body for delivery in receiver.deliveries] == [linking]  # the first number's list has the user


def test_what_remains_of_a_webhook_is_signed_with_the_secret_that_signed_it(
    gate: RunningServer, receiver: Receiver
) -> None:
    block(gate, "16505551234")
    changes = [change_with(item("text")), change_with(item("text", wa_id="16505550101"))]
    body = written(_webhook(SHOP, *changes))

    assert post(gate, body, signed(body, SECRETS[SHOP])).status_code == 200

    (delivery,) = receiver.deliveries
    assert b"16505551234" not in delivery.body
    assert delivery.headers["x-hub-signature-256"] == signed(delivery.body, SECRETS[SHOP])


def test_an_event_about_a_business_account_reaches_its_accounts_receivers(
    gate: RunningServer, receiver: Receiver
) -> None:
    body = written(_webhook(SHOP, ACCOUNT_EVENT))

    answers = [post(gate, body, signed(body, SECRETS[it])).status_code for it in (SHOP, HOTEL, "default", RIVAL)]

    assert answers == [200, 401, 401, 401]
    assert [delivery.body for delivery in receiver.deliveries] == [body]


def test_a_webhook_without_ids_may_be_signed_by_any_business_account(gate: RunningServer) -> None:
    body = b'{"object":"whatsapp_business_account","entry":[]}'

    assert post(gate, body, signed(body, SECRETS[SHOP])).status_code == 200


@pytest.fixture
def hotels_receiver(gate: RunningServer) -> Iterator[Receiver]:
    """A receiver of the hotel's number alone."""
    with receiving() as receiver:
        asyncio.run(_add_receiver(gate, HOTELS_NUMBER, receiver.url))
        yield receiver


async def _add_receiver(server: RunningServer, phone_number_id: str, url: str) -> None:
    new = NewDownstream(url=url, may_be_inside=True, account_events=True)
    assert await routes_of(server.wired.store, KEY).downstreams.add(ACCOUNT_ID, phone_number_id, new)


@pytest.mark.parametrize(
    "body",
    [
        written({"object": "whatsapp_business_account", "entry": [{"id": SHOP, "changes": [ACCOUNT_EVENT]}]}),
        written({"object": "whatsapp_business_account", "entry": [{"id": SHOP, "changes": []}]}),
        b'{"object":"whatsapp_business_account","entry":[]}',
        SAMPLE,
    ],
    ids=["an event", "an entry without changes", "no entry", "the dashboard's test"],
)
def test_a_webhook_without_a_number_reaches_no_receiver_of_another_app(
    gate: RunningServer, receiver: Receiver, hotels_receiver: Receiver, body: bytes
) -> None:
    answer = post(gate, body, signed(body, SECRETS[SHOP]))

    assert answer.status_code == 200
    assert len(receiver.deliveries) == 1
    assert hotels_receiver.deliveries == []


def test_an_event_reaches_the_receivers_of_its_business_accounts_numbers(
    gate: RunningServer, receiver: Receiver, hotels_receiver: Receiver
) -> None:
    body = written(_webhook(HOTEL, ACCOUNT_EVENT))

    assert post(gate, body, signed(body, SECRETS[HOTEL])).status_code == 200

    assert [delivery.body for delivery in (*receiver.deliveries, *hotels_receiver.deliveries)] == [body, body]


def test_an_event_of_a_business_account_without_receivers_is_refused(gate: RunningServer) -> None:
    body = written(_webhook(SHOP, ACCOUNT_EVENT))
    asyncio.run(gate.wired.store.change_number(NUMBERS[0], NumberChanges(waba_id=BARE)))

    def is_refused() -> bool:
        return post(gate, body, signed(body, SECRETS[SHOP])).status_code == 502

    wait_until(is_refused, "the number keeps the events of all business accounts")


@pytest.mark.parametrize("secret", [SHOP, HOTEL, "default"])
def test_the_dashboards_test_passes_with_each_secret_of_the_account(
    gate: RunningServer, receiver: Receiver, secret: str
) -> None:
    answer = post(gate, SAMPLE, signed(SAMPLE, SECRETS[secret]))

    assert answer.status_code == 200
    (delivery,) = receiver.deliveries
    assert delivery.headers["x-hub-signature-256"] == signed(delivery.body, SECRETS[secret])


@pytest.mark.parametrize("token", ["the hotel's verify token", "the account's verify token"])
def test_the_handshake_accepts_the_verify_tokens_of_accounts_and_business_accounts(
    gate: RunningServer, token: str
) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": token}

    assert httpx2.get(gate.url + "/webhooks/whatsapp", params=query).status_code == 200


def test_a_number_that_names_its_business_account_takes_its_webhooks_only(gate: RunningServer) -> None:
    body = body_of((SHOP, HOTELS_NUMBER))
    before = post(gate, body, signed(body, SECRETS[SHOP])).status_code

    asyncio.run(gate.wired.store.change_number(NUMBERS[1], NumberChanges(waba_id=SHOP)))

    def is_taken() -> bool:
        return post(gate, body, signed(body, SECRETS[SHOP])).status_code == 200

    wait_until(is_taken, "the number keeps its former business account")
    assert before == 401


def _webhook(waba_id: str, *changes: dict[str, Any]) -> dict[str, Any]:
    return {"object": "whatsapp_business_account", "entry": [{"id": waba_id, "changes": list(changes)}]}


def test_the_log_says_that_a_webhook_names_another_business_account_than_its_number_has(
    gate: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    body = body_of((SHOP, HOTELS_NUMBER))

    with caplog.at_level(logging.WARNING, "wablock.gate"):
        post(gate, body, signed(body, SECRETS[SHOP]))

    assert "it names another business account than its number has: see wablock number list" in caplog.text


def test_the_log_says_that_a_business_account_has_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    body = body_of((UNKNOWN, PHONE_NUMBER_ID))
    with running_server(tmp_path, key=KEY, numbers=NUMBERS) as server:
        accounts = routes_of(server.wired.store, KEY).accounts
        asyncio.run(accounts.set_business_account(ACCOUNT_ID, SHOP, SECRETS[SHOP], None))

        with caplog.at_level(logging.WARNING, "wablock.gate"):
            answer = post(server, body, signed(body, SECRETS[SHOP]))

    assert answer.status_code == 401
    assert "its business account has no app secret here; set it with: wablock business-account set" in caplog.text


@pytest.mark.usefixtures("gate")
def test_secrets_of_business_accounts_are_not_in_the_database(tmp_path: Path) -> None:
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.name.startswith("wablock.db"))

    assert SHOP.encode() in stored
    assert SECRETS[SHOP].encode() not in stored
