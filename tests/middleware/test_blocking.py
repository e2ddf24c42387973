"""Items of blocked users do not reach the bot, and all others do."""

import httpx2
import pytest
from tests.gate.webhook.payloads import (
    ANNA,
    ANNAS_ID,
    BEN,
    NOT_FROM_USERS,
    OUR_OTHER,
    OURS,
    call,
    change,
    contact,
    delivery,
    encoded,
    message,
)
from tests.middleware.bot import Bot, block, running_bot, signed, unblock
from tests.running_server import RunningServer

MIXED = encoded(delivery(change(contacts=[contact(), contact(BEN)], messages=[message(), message(BEN, 2)])))


def test_a_message_of_a_free_user_arrives_with_its_bytes_and_its_signature(bot: Bot) -> None:
    body = MIXED.replace(b":", b" :")

    answer = bot.post(body)

    assert (answer.status_code, answer.text) == (200, "the bot has it")
    (arrival,) = bot.deliveries
    assert (arrival.body, arrival.headers["x-hub-signature-256"]) == (body, signed(body))
    assert arrival.headers["content-length"] == str(len(body))


def test_a_blocked_users_message_is_removed_and_the_rest_is_signed_again(server: RunningServer, bot: Bot) -> None:
    block(server, ANNA)

    answer = bot.post(MIXED)

    assert answer.text == "the bot has it"
    (arrival,) = bot.deliveries
    value = arrival.json()["entry"][0]["changes"][0]["value"]
    assert (value["contacts"], value["messages"]) == ([contact(BEN)], [message(BEN, 2)])
    assert arrival.headers["x-hub-signature-256"] == signed(arrival.body)
    assert arrival.headers["content-length"] == str(len(arrival.body))


def test_an_older_signature_is_not_forwarded_with_another_body(server: RunningServer, bot: Bot) -> None:
    block(server, ANNA)

    bot.post(MIXED, **{"x-hub-signature": "sha1=" + "0" * 40})

    assert "x-hub-signature" not in bot.deliveries[0].headers


def test_a_body_in_chunks_gets_a_length_when_something_is_removed(server: RunningServer, bot: Bot) -> None:
    block(server, ANNA)

    httpx2.post(
        bot.url + "/webhook",
        content=iter([MIXED[:100], MIXED[100:]]),
        headers={"x-hub-signature-256": signed(MIXED)},
    )

    assert bot.message_ids() == ["wamid.2"]
    assert "transfer-encoding" not in bot.deliveries[0].headers


def test_a_webhook_with_only_a_blocked_users_message_is_answered_without_the_bot(
    server: RunningServer, bot: Bot
) -> None:
    block(server, ANNA)

    answer = bot.post(encoded(delivery(change(contacts=[contact()], messages=[message()]))))

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert bot.deliveries == []


def test_a_blocked_users_call_is_removed(server: RunningServer, bot: Bot) -> None:
    block(server, ANNA)

    bot.post(encoded(delivery(change("calls", calls=[call(), call(BEN)]))))

    assert bot.deliveries[0].json()["entry"][0]["changes"][0]["value"]["calls"] == [call(BEN)]


def test_a_block_applies_to_the_next_webhook_and_ends_with_the_unblock(server: RunningServer, bot: Bot) -> None:
    bodies = [encoded(delivery(change(messages=[message(number=number)]))) for number in (1, 2, 3)]

    bot.post(bodies[0])
    block(server, ANNA)
    bot.post(bodies[1])
    unblock(server, ANNA)
    bot.post(bodies[2])

    assert bot.message_ids() == ["wamid.1", "wamid.3"]


@pytest.mark.parametrize("blocked_by", [ANNA, ANNAS_ID])
def test_a_sender_with_two_ids_is_blocked_by_either(server: RunningServer, bot: Bot, blocked_by: str) -> None:
    block(server, blocked_by)

    bot.post(encoded(delivery(change(messages=[message() | {"from_user_id": ANNAS_ID}]))))

    assert bot.deliveries == []


@pytest.mark.parametrize("blocked_by", [ANNA, ANNAS_ID])
@pytest.mark.parametrize("sent_by", [{"from": ANNA}, {"from_user_id": ANNAS_ID}])
def test_a_sender_is_blocked_by_the_other_id_that_its_contact_shows(
    server: RunningServer, bot: Bot, blocked_by: str, sent_by: dict[str, str]
) -> None:
    block(server, blocked_by)

    bot.post(encoded(delivery(change(contacts=[contact(ANNA, ANNAS_ID)], messages=[message(None) | sent_by]))))

    assert bot.deliveries == []


def test_a_message_is_blocked_by_another_spelling_of_its_senders_number(server: RunningServer, bot: Bot) -> None:
    block(server, "551187654321")

    bot.post(encoded(delivery(change(messages=[message("5511987654321")]))))

    assert bot.deliveries == []


def test_each_number_of_a_delivery_has_its_own_list(server: RunningServer, bot: Bot) -> None:
    block(server, ANNA, OURS)
    block(server, BEN, OUR_OTHER)
    messages = [message(ANNA, 1), message(BEN, 2)]

    bot.post(encoded(delivery(change(messages=messages), change(number=OUR_OTHER, messages=messages))))

    changes = bot.deliveries[0].json()["entry"][0]["changes"]
    assert [it["value"]["messages"] for it in changes] == [[message(BEN, 2)], [message(ANNA, 1)]]


def test_many_senders_are_checked_in_several_requests(server: RunningServer, bot: Bot) -> None:
    senders = [f"US.{number}" for number in range(10_000, 11_500)]
    for sender in (senders[0], senders[1_200]):
        block(server, sender)

    bot.post(encoded(delivery(change(messages=[message(None) | {"from_user_id": it} for it in senders]))))

    messages = bot.deliveries[0].json()["entry"][0]["changes"][0]["value"]["messages"]
    assert [it["from_user_id"] for it in messages] == [*senders[1:1_200], *senders[1_201:]]


@pytest.mark.parametrize("kind", NOT_FROM_USERS)
def test_items_that_a_blocked_user_did_not_send_pass_untouched(server: RunningServer, bot: Bot, kind: str) -> None:
    block(server, ANNA)
    body = encoded(delivery(NOT_FROM_USERS[kind]))

    bot.post(body)

    assert [arrival.body for arrival in bot.deliveries] == [body]


def test_a_bot_without_an_app_secret_gets_the_rest_too(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    block(server, ANNA)
    with running_bot(server.url, server.token, app_secret=None, checks=False) as bot:
        bot.post(MIXED)
        bot.post(MIXED)

    assert bot.message_ids() == ["wamid.2", "wamid.2"]
    assert bot.deliveries[0].headers["x-hub-signature-256"] == signed(MIXED)
    assert [record.message for record in caplog.records if record.name == "wablock.middleware"] == [
        "a signed webhook was changed, so its signature is wrong now: pass app_secret to sign it again"
    ]


@pytest.mark.parametrize("signature", ["none", "sha256=" + "0" * 64, signed(MIXED, "another secret"), signed(b"{}")])
def test_a_forged_webhook_is_neither_cut_nor_signed(server: RunningServer, signature: str) -> None:
    block(server, ANNA)
    with running_bot(server.url, server.token, checks=False) as bot:
        bot.post(MIXED, signature)

    (arrival,) = bot.deliveries
    assert (arrival.body, arrival.headers["x-hub-signature-256"]) == (MIXED, signature)


def test_two_signatures_count_as_none(server: RunningServer) -> None:
    block(server, ANNA)
    signatures = [("x-hub-signature-256", signed(MIXED)), ("x-hub-signature-256", "sha256=" + "0" * 64)]
    with running_bot(server.url, server.token, checks=False) as bot:
        httpx2.post(bot.url + "/webhook", content=MIXED, headers=signatures)

    assert [arrival.body for arrival in bot.deliveries] == [MIXED]


def test_the_bot_refuses_a_forged_webhook_itself(server: RunningServer, bot: Bot) -> None:
    block(server, ANNA)

    answer = bot.post(MIXED, signed(MIXED, "another secret"))

    assert (answer.status_code, answer.text) == (401, "not signed")


def test_a_caller_cannot_set_the_mark_of_an_unchecked_webhook(bot: Bot) -> None:
    bot.post(MIXED, **{"X-Wablock-Unchecked": "true"})

    assert "x-wablock-unchecked" not in bot.deliveries[0].headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"no JSON",
        MIXED.replace(ANNA.encode(), b"\xff"),
        MIXED.decode().encode("utf-8-sig"),
        MIXED.decode().encode("utf-16"),
    ],
)
def test_an_unreadable_webhook_is_refused(bot: Bot, body: bytes) -> None:
    assert bot.post(body).status_code == 400
    assert bot.deliveries == []


def test_a_webhook_that_cannot_be_cut_is_refused(server: RunningServer, bot: Bot) -> None:
    block(server, ANNA)

    assert bot.post(MIXED.replace(b'"messaging_product"', b'"\xff": 1, "messaging_product"')).status_code == 400
    assert bot.deliveries == []


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_larger_than_any_of_metas_is_refused(bot: Bot, *, in_chunks: bool) -> None:
    body = b" " * (3 * 1_048_576 + 65_537)

    answer = httpx2.post(bot.url + "/webhook", content=iter([body]) if in_chunks else body)

    assert answer.status_code == 413
    assert bot.deliveries == []


def test_a_body_as_large_as_metas_largest_passes(bot: Bot) -> None:
    body = MIXED + b" " * (3 * 1_048_576 - len(MIXED))

    bot.post(body)

    assert [arrival.body for arrival in bot.deliveries] == [body]


PARENT = "US.ENT.90817263540000000001"


def test_a_user_is_known_by_ids_that_the_webhook_links_in_several_steps(server: RunningServer, bot: Bot) -> None:
    block(server, ANNA)
    by_parent = {"from_parent_user_id": PARENT, "id": "wamid.7", "timestamp": "1749416383", "type": "text"}
    linked = [contact(ANNA, ANNAS_ID), {"user_id": ANNAS_ID, "parent_user_id": PARENT}]

    bot.post(encoded(delivery(change(contacts=linked), change(messages=[by_parent, message(BEN, 2)]))))

    assert [it["id"] for it in bot.deliveries[0].json()["entry"][0]["changes"][1]["value"]["messages"]] == ["wamid.2"]


def test_a_blocked_user_who_changes_the_number_is_blocked_in_the_same_webhook(server: RunningServer, bot: Bot) -> None:
    block(server, ANNA)
    changed = message(ANNA, type="system", system={"type": "user_changed_number", "wa_id": BEN})

    bot.post(encoded(delivery(change(messages=[changed, message(BEN, 2)]))))

    assert bot.deliveries == []


@pytest.mark.parametrize("number", ["", None, 106540352242922, "../check"])
def test_messages_to_an_unreadable_number_are_refused(
    server: RunningServer, bot: Bot, number: str | int | None
) -> None:
    block(server, ANNA)
    unreadable = change(messages=[message()])
    unreadable["value"]["metadata"]["phone_number_id"] = number

    answer = bot.post(encoded(delivery(unreadable)))

    assert answer.status_code == 400
    assert bot.deliveries == []
