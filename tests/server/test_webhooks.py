"""Webhooks through the whole gate, to a real receiver."""

import asyncio
import hashlib
import hmac
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.receiver import Receiver, receiving
from tests.running_server import ACCOUNT_ID, PHONE_NUMBER_ID, RunningServer, running_server

from wablock.block_list.ports import BusinessNumber
from wablock.gate.routes.downstreams import NewDownstream
from wablock.settings import GateSettings, KeySettings, LimitSettings
from wablock.wiring import routes_of

SECRET = "an app secret"
KEY = KeySettings(secret_key="MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
ANNA, BEN = "16505551234", "16505550101"
OTHER_NUMBER = "106540352242923"
ANNAS_ID = "US.13491208655302741918"


def message(wa_id: str | None, message_id: str = "wamid.1", **more: Any) -> dict[str, Any]:
    sender = {} if wa_id is None else {"from": wa_id}
    return sender | {"id": message_id, "timestamp": "1749416383", "type": "text", "text": {"body": "Grüße 👋"}} | more


def webhook(*messages: dict[str, Any], field: str = "messages", number: str = PHONE_NUMBER_ID, **value: Any) -> bytes:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": number}
    members: dict[str, Any] = {"messaging_product": "whatsapp", "metadata": metadata}
    if messages:
        contacts = [{"profile": {"name": "A"}, "wa_id": it["from"]} for it in messages if "from" in it]
        members |= ({"contacts": contacts} if contacts else {}) | {"messages": list(messages)}
    change = {"value": members | value, "field": field}
    return msgspec.json.encode(
        {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT_ID, "changes": [change]}]}
    )


def signed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture
def gate(tmp_path: Path, receiver: Receiver) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY) as running:
        set_up(running, receiver.url)
        yield running


def set_up(server: RunningServer, url: str, **more: Any) -> None:
    async def work() -> None:
        routes = routes_of(server.wired.store, KEY)
        await routes.accounts.set(ACCOUNT_ID, SECRET, "a verify token")
        added = await routes.downstreams.add(
            ACCOUNT_ID, PHONE_NUMBER_ID, NewDownstream(url=url, may_be_inside=True, **more)
        )
        assert added

    asyncio.run(work())


def add_number(server: RunningServer, phone_number_id: str, url: str) -> None:
    """Add a number of the same account, with its receiver."""

    async def work() -> None:
        store = server.wired.store
        assert await store.add_number(BusinessNumber(phone_number_id, ACCOUNT_ID), 1)
        downstream = NewDownstream(url=url, may_be_inside=True)
        assert await routes_of(store, KEY).downstreams.add(ACCOUNT_ID, phone_number_id, downstream)

    asyncio.run(work())


def post(server: RunningServer, body: bytes, signature: str | None = None) -> httpx2.Response:
    headers = {"content-type": "application/json", "x-hub-signature-256": signature or signed(body)}
    return httpx2.post(server.url + "/webhooks/whatsapp", content=body, headers=headers)


def block(server: RunningServer, user: str) -> None:
    item = {"user_id": user} if "." in user else {"user": "+" + user}
    answer = httpx2.post(
        server.url + server.block_users,
        json={"messaging_product": "whatsapp", "block_users": [item]},
        headers={"authorization": f"Bearer {server.token}"},
    )
    assert answer.status_code == 200


def test_the_handshake_gives_the_challenge_back(gate: RunningServer) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "a verify token"}

    answer = httpx2.get(gate.url + "/webhooks/whatsapp", params=query)

    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("token", ["another", ""])
def test_a_wrong_verify_token_is_refused(gate: RunningServer, token: str) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": token}

    assert httpx2.get(gate.url + "/webhooks/whatsapp", params=query).status_code == 403


def test_a_message_of_a_free_user_arrives_with_its_bytes_and_its_signature(
    gate: RunningServer, receiver: Receiver
) -> None:
    body = webhook(message(ANNA)).replace(b":", b" :")

    answer = post(gate, body)

    assert answer.status_code == 200
    (delivery,) = receiver.deliveries
    assert delivery.body == body
    assert delivery.headers["x-hub-signature-256"] == signed(body)


def test_a_webhook_with_only_a_blocked_users_message_is_dropped(gate: RunningServer, receiver: Receiver) -> None:
    block(gate, ANNA)

    answer = post(gate, webhook(message(ANNA)))

    assert answer.status_code == 200
    assert receiver.deliveries == []


@pytest.mark.parametrize(
    "sender",
    [
        "+16505551234",
        "1 650 555 1234",
        " 16505551234",
        16505551234,
        "16505551234@s.whatsapp.net",
        "16505551234:3@s.whatsapp.net",
        "16505551234@c.us",
        "whatsapp:+16505551234",
        "+1 (650) 555-1234",
        "\u200e16505551234",
    ],
)
def test_a_blocked_user_is_known_in_whatever_spelling_a_webhook_shows(
    gate: RunningServer, receiver: Receiver, sender: Any
) -> None:
    block(gate, ANNA)

    post(gate, webhook(message(sender, "wamid.1"), message(BEN, "wamid.2")))

    assert receiver.message_ids() == ["wamid.2"]
    assert [
        contact["wa_id"] for contact in receiver.deliveries[0].json()["entry"][0]["changes"][0]["value"]["contacts"]
    ] == [BEN]


@pytest.mark.parametrize(
    "blocked, sender",
    [
        ("5215512345678", "525512345678"),
        ("551187654321", "5511987654321"),
        ("54111555550101", "5491155550101"),
        ("54111555550101", "541155550101"),
        ("22507123456", "2250707123456"),
        ("2250544123456", "22544123456"),
        ("22997123456", "2290197123456"),
        ("2290197123456", "+229 97 12 34 56"),
    ],
)
def test_a_blocked_user_is_known_by_the_other_spelling_of_a_country(
    gate: RunningServer, receiver: Receiver, blocked: str, sender: str
) -> None:
    block(gate, blocked)

    post(gate, webhook(message(sender, "wamid.1"), message(BEN, "wamid.2")))

    assert receiver.message_ids() == ["wamid.2"]


def test_a_blocked_users_message_is_removed_and_the_rest_is_signed_again(
    gate: RunningServer, receiver: Receiver
) -> None:
    block(gate, ANNA)

    post(gate, webhook(message(ANNA, "wamid.1"), message(BEN, "wamid.2"), message(ANNA, "wamid.3")))

    (delivery,) = receiver.deliveries
    assert receiver.message_ids() == ["wamid.2"]
    assert delivery.json()["entry"][0]["changes"][0]["value"]["contacts"] == [{"profile": {"name": "A"}, "wa_id": BEN}]
    assert delivery.headers["x-hub-signature-256"] == signed(delivery.body)


def test_a_receiver_with_a_secret_of_its_own_gets_its_signature(tmp_path: Path, receiver: Receiver) -> None:
    body = webhook(message(ANNA))
    with running_server(tmp_path, key=KEY) as gate:
        set_up(gate, receiver.url, secret="its own", headers={"X-Tenant": "7"})
        post(gate, body)

    (delivery,) = receiver.deliveries
    assert delivery.headers["x-hub-signature-256"] == signed(body, "its own")
    assert delivery.headers["x-tenant"] == "7"


def test_a_blocked_users_call_is_removed(gate: RunningServer, receiver: Receiver) -> None:
    block(gate, ANNA)
    call = {"id": "wacid.1", "from": ANNA, "to": "15550783881", "event": "connect", "direction": "USER_INITIATED"}

    post(gate, webhook(field="calls", calls=[call, call | {"from": BEN}]))

    value = receiver.deliveries[0].json()["entry"][0]["changes"][0]["value"]
    assert value["calls"] == [call | {"from": BEN}]


@pytest.mark.parametrize(
    "body",
    [
        webhook(statuses=[{"id": "wamid.9", "status": "read", "recipient_id": ANNA}]),
        webhook(field="smb_message_echoes", message_echoes=[{"from": "15550783881", "to": ANNA, "id": "wamid.8"}]),
        webhook(field="something_new", news=[{"from": ANNA}]),
        webhook(errors=[{"code": 130429}]),
    ],
)
def test_items_that_a_blocked_user_did_not_send_pass_untouched(
    gate: RunningServer, receiver: Receiver, body: bytes
) -> None:
    block(gate, ANNA)

    post(gate, body)

    assert [delivery.body for delivery in receiver.deliveries] == [body]


@pytest.mark.parametrize(
    "signature", ["", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, signed(webhook(message(BEN)))]
)
def test_a_wrong_signature_is_refused_and_nothing_forwarded(
    gate: RunningServer, receiver: Receiver, signature: str
) -> None:
    answer = post(gate, webhook(message(ANNA)), signature or "none")

    assert answer.status_code == 401
    assert receiver.deliveries == []


def test_a_body_that_was_encoded_again_has_another_signature(gate: RunningServer) -> None:
    body = webhook(message(ANNA))

    answer = post(gate, body.replace("ü".encode(), rb"\u00fc"), signed(body))

    assert answer.status_code == 401


def test_one_account_cannot_sign_for_another(gate: RunningServer, receiver: Receiver) -> None:
    body = webhook(message(ANNA))

    assert post(gate, body, signed(body, "another account's")).status_code == 401
    assert receiver.deliveries == []


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_the_receiver_refused_must_be_sent_again(
    gate: RunningServer, receiver: Receiver, status: int
) -> None:
    receiver.status = status

    failed = post(gate, webhook(message(ANNA)))
    receiver.status = 200
    again = post(gate, webhook(message(ANNA)))

    assert (failed.status_code, again.status_code) == (502, 200)
    assert receiver.message_ids() == ["wamid.1", "wamid.1"]


def test_a_best_effort_receiver_delays_nothing(tmp_path: Path, receiver: Receiver) -> None:
    receiver.status = 500
    with running_server(tmp_path, key=KEY) as gate:
        set_up(gate, receiver.url, required=False)

        assert post(gate, webhook(message(ANNA))).status_code == 200


def test_a_message_with_a_user_id_alone_is_dropped_once_the_link_was_seen(
    gate: RunningServer, receiver: Receiver
) -> None:
    block(gate, ANNA)
    by_id = message(None, "wamid.2", from_user_id=ANNAS_ID)
    before = webhook(by_id)
    link = webhook(contacts=[{"wa_id": ANNA, "user_id": ANNAS_ID}], statuses=[{"id": "wamid.0", "recipient_id": ANNA}])

    post(gate, before)
    post(gate, link)
    post(gate, before)

    assert [delivery.body for delivery in receiver.deliveries] == [before, link]


def test_a_block_follows_a_changed_number(gate: RunningServer, receiver: Receiver) -> None:
    block(gate, ANNA)
    moved = {"type": "system", "system": {"type": "user_changed_number", "wa_id": BEN, "body": "A moved"}}

    post(gate, webhook(message(ANNA, "wamid.1", **moved)))
    post(gate, webhook(message(BEN, "wamid.2")))

    assert receiver.deliveries == []


def test_a_block_follows_a_new_user_id(gate: RunningServer, receiver: Receiver) -> None:
    block(gate, ANNAS_ID)
    update: dict[str, Any] = {"user_id_update": [{"user_id": {"previous": ANNAS_ID, "current": "US.999"}}]}

    post(gate, webhook(field="user_id_update", **update))
    post(gate, webhook(message(None, from_user_id="US.999")))

    assert len(receiver.deliveries) == 1


def test_a_webhook_for_a_number_without_a_receiver_is_refused(tmp_path: Path) -> None:
    with running_server(tmp_path, key=KEY) as gate, receiving() as receiver:
        set_up(gate, receiver.url)
        body = webhook(message(ANNA), number="106540352242999")

        answer = post(gate, body)

    assert answer.status_code == 502
    assert "wablock downstream add" in answer.json()["error"]["error_data"]["details"]


def test_a_link_that_moves_back_is_learned_again(gate: RunningServer, receiver: Receiver) -> None:
    for wa_id in (ANNA, BEN, ANNA):
        post(gate, webhook(contacts=[{"wa_id": wa_id, "user_id": ANNAS_ID}], statuses=[{"id": "wamid.0"}]))
    block(gate, ANNA)
    receiver.deliveries.clear()

    post(gate, webhook(message(None, from_user_id=ANNAS_ID)))

    assert receiver.deliveries == []


def test_a_delivered_message_is_not_sent_twice_with_deduplication(tmp_path: Path, receiver: Receiver) -> None:
    with running_server(tmp_path, key=KEY, gate=GateSettings(deduplicate_for=60)) as gate:
        set_up(gate, receiver.url)

        answers = [post(gate, webhook(message(ANNA, it))) for it in ("wamid.1", "wamid.1", "wamid.2")]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert receiver.message_ids() == ["wamid.1", "wamid.2"]


def test_a_receiver_that_two_numbers_share_gets_a_delivered_message_once(tmp_path: Path, receiver: Receiver) -> None:
    def of_both(first: bytes, second: bytes) -> bytes:
        bodies = [msgspec.json.decode(it) for it in (first, second)]
        return msgspec.json.encode(bodies[0] | {"entry": [entry for body in bodies for entry in body["entry"]]})

    with running_server(tmp_path, key=KEY, gate=GateSettings(deduplicate_for=60)) as gate:
        set_up(gate, receiver.url)
        add_number(gate, OTHER_NUMBER, receiver.url)
        again, new = webhook(message(ANNA)), webhook(message(ANNA, "wamid.2"), number=OTHER_NUMBER)

        answers = [post(gate, body) for body in (again, of_both(new, again))]

    assert [answer.status_code for answer in answers] == [200] * 2
    assert receiver.message_ids() == ["wamid.1", "wamid.2"]


def test_a_signature_in_capitals_arrives_as_meta_writes_it(gate: RunningServer, receiver: Receiver) -> None:
    body = webhook(message(ANNA))

    answer = post(gate, body, "sha256=" + signed(body).removeprefix("sha256=").upper())

    assert answer.status_code == 200
    assert receiver.deliveries[0].headers["x-hub-signature-256"] == signed(body)


def test_the_response_to_a_webhook_beyond_its_accounts_share_says_that_others_wait(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.delay = 0.5
    with running_server(tmp_path, key=KEY, limits=LimitSettings(max_connections=3)) as gate:
        set_up(gate, receiver.url)
        bodies = [webhook(message(ANNA, f"wamid.{number}")) for number in range(3)]
        with ThreadPoolExecutor(3) as senders:
            answers = list(senders.map(partial(post, gate), bodies))
        metrics = httpx2.get(gate.url + "/metrics").text

    details = [it.json()["error"]["error_data"]["details"] for it in answers if it.status_code == 503]
    assert details
    assert all("wait for its servers" in it for it in details)
    assert f'wablock_webhooks_total{{result="waiting"}} {len(details)}' in metrics
    assert 'result="unchecked"' not in metrics


def test_no_secret_can_be_read_in_the_database(gate: RunningServer, tmp_path: Path) -> None:
    post(gate, webhook(message(ANNA)))

    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert SECRET.encode() not in files
    assert b"a verify token" not in files


def test_drops_can_be_seen_masked_and_without_a_body(gate: RunningServer) -> None:
    block(gate, ANNA)
    post(gate, webhook(message(ANNA)))

    answer = httpx2.get(
        f"{gate.url}/v1/numbers/{PHONE_NUMBER_ID}/drops", headers={"authorization": f"Bearer {gate.token}"}
    )

    (drop,) = answer.json()["data"]
    assert (drop["sender"], drop["type"]) == ("165…34", "text")
    assert "Grüße" not in answer.text


def test_an_unreadable_secret_is_a_server_error(tmp_path: Path, receiver: Receiver) -> None:
    another = KeySettings(secret_key="OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2NTQzMjEwOTg=")
    with running_server(tmp_path, key=another) as gate:
        set_up(gate, receiver.url)  # sealed with the usual key

        assert post(gate, webhook(message(ANNA))).status_code == 503
