"""The gate learns a number's own number and its country from a webhook that its account signed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.receiver import Receiver
from tests.running_server import ACCOUNT_ID, PHONE_NUMBER_ID, RunningServer, running_server
from tests.server.test_messages import TO_BEN, send, serving, use
from tests.server.test_webhooks import KEY, block, message, post, set_up, signed, webhook
from tests.storage.meters import CountingMeter

from wablock.block_list.ports import BusinessNumber
from wablock.storage import open_store

BARE = BusinessNumber(PHONE_NUMBER_ID, ACCOUNT_ID)
BEN = "16505550101"
TO_BEN_AT_HOME = TO_BEN | {"to": "(650) 555-0101"}


def displaying(number: Any, count: int = 1) -> bytes:
    """A webhook from a user who is not blocked, which displays `number`."""
    body: dict[str, Any] = msgspec.json.decode(webhook(message("16505550177")))
    [entry] = body["entry"]
    entry["changes"][0]["value"]["metadata"]["display_phone_number"] = number
    entry["changes"] *= count
    return msgspec.json.encode(body)


def known(tmp_path: Path) -> BusinessNumber | None:
    """The number as a server that starts now finds it, without the time when it was added."""

    async def find() -> BusinessNumber | None:
        store = open_store(f"sqlite:///{tmp_path / 'wablock.db'}", CountingMeter())
        try:
            number = await store.find_number(PHONE_NUMBER_ID)
            return number and msgspec.structs.replace(number, created_at=None)
        finally:
            await store.close()

    return asyncio.run(find())


@pytest.fixture
def gate(tmp_path: Path, receiver: Receiver) -> Iterator[RunningServer]:
    """A gate whose operator has set only the number's id."""
    with running_server(tmp_path, key=KEY, numbers=[BARE]) as running:
        set_up(running, receiver.url)
        yield running


@pytest.mark.parametrize("displayed", ["15550783881", "+1 555-078-3881", "+15550783881", 15550783881])
def test_a_webhook_shows_the_number_and_its_country_for_good(
    gate: RunningServer, tmp_path: Path, displayed: Any
) -> None:
    answer = post(gate, displaying(displayed))

    assert answer.status_code == 200
    assert known(tmp_path) == BusinessNumber(PHONE_NUMBER_ID, ACCOUNT_ID, "15550783881", "US")


async def test_the_next_send_reads_national_numbers_by_the_learned_country(gate: RunningServer) -> None:
    await asyncio.to_thread(block, gate, BEN)
    async with serving() as upstream:
        await use(gate, upstream)
        await send(gate, json=TO_BEN)  # from now on the server remembers the number, without a country

        await asyncio.to_thread(post, gate, displaying("+1 555-078-3881"))
        answer = await send(gate, json=TO_BEN_AT_HOME)

    assert answer.json()["error"]["code"] == 130403
    assert upstream.received == []


def test_the_learned_number_is_the_businesses_own_and_cannot_be_blocked(gate: RunningServer) -> None:
    post(gate, displaying("16505551111"))

    answer = httpx2.post(
        gate.url + gate.block_users,
        json={"messaging_product": "whatsapp", "block_users": [{"user": "+1 650 555 1111"}]},
        headers={"authorization": f"Bearer {gate.token}"},
    )

    assert answer.json()["block_users"]["failed_users"][0]["errors"][0]["code"] == 131021


def test_a_webhook_that_is_not_signed_teaches_nothing(gate: RunningServer, tmp_path: Path) -> None:
    body = displaying("15550783881")

    answers = [post(gate, body, signed(body, "another secret")), post(gate, body, "sha256=" + "0" * 64)]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert known(tmp_path) == BARE


@pytest.mark.parametrize("displayed", [None, "", "hello", 5, [], {"a": 1}, "12", "016505551111", "x" * 1_000])
def test_an_invalid_display_number_is_ignored_and_the_webhook_is_forwarded(
    gate: RunningServer, receiver: Receiver, tmp_path: Path, displayed: Any
) -> None:
    body = displaying(displayed)

    answer = post(gate, body)

    assert answer.status_code == 200
    assert [delivery.body for delivery in receiver.deliveries] == [body]
    assert known(tmp_path) == BARE


def test_a_webhook_whose_display_number_is_not_utf8_is_refused(
    gate: RunningServer, receiver: Receiver, tmp_path: Path
) -> None:
    body = displaying("15550783881").replace(b"15550783881", b"\xff\xfe")

    answer = post(gate, body)

    assert answer.status_code == 400
    assert receiver.deliveries == []
    assert known(tmp_path) == BARE


@pytest.mark.parametrize("before", [("16505550100", "CA"), ("16505550100", None), (None, "CA")])
def test_a_display_number_that_the_operator_set_stays(
    tmp_path: Path, receiver: Receiver, before: tuple[str | None, str | None]
) -> None:
    wa_id, country = before
    with running_server(tmp_path, key=KEY, numbers=[BusinessNumber(PHONE_NUMBER_ID, ACCOUNT_ID, *before)]) as gate:
        set_up(gate, receiver.url)
        post(gate, displaying("15550783881"))

    expected = BusinessNumber(PHONE_NUMBER_ID, ACCOUNT_ID, wa_id or "15550783881", country or "US")
    assert known(tmp_path) == expected


def test_the_first_of_many_webhooks_teaches(gate: RunningServer, tmp_path: Path) -> None:
    post(gate, displaying("15550783881", count=50))
    post(gate, displaying("16505551111"))

    assert known(tmp_path) == BusinessNumber(PHONE_NUMBER_ID, ACCOUNT_ID, "15550783881", "US")


def test_an_unknown_number_is_not_created(gate: RunningServer, tmp_path: Path) -> None:
    body = displaying("16505551111").replace(PHONE_NUMBER_ID.encode(), b"123456123")

    post(gate, body)

    assert known(tmp_path) == BARE
