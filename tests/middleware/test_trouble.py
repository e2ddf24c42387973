"""While wablock is unreachable no webhook is lost, and no item of a possibly blocked user passes."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx2
import pytest
from tests.gate.webhook.payloads import ANNA, NOT_FROM_USERS, OUR_OTHER, change, delivery, encoded, message
from tests.middleware.bot import Bot, block, running_bot
from tests.outgoing.downstreams.loopback import Loopback, Reader, Writer, answering, serving
from tests.running_server import RunningServer

CLOSED_PORT = "http://127.0.0.1:9"  # the port of `discard`, which is closed
TOKEN = "a-token"
WEBHOOK = encoded(delivery(change(messages=[message()])))
FREE = b'{"users":[{"input":"16505551234","wa_id":"16505551234","blocked":false}]}'
TOKEN_REFUSED = b'{"error":{"message":"Invalid OAuth access token","type":"OAuthException","code":190}}'
RATE_LIMIT = b'{"error":{"message":"(#130429) Rate limit hit","type":"OAuthException","code":130429}}'


def http(status: str, body: bytes, *headers: bytes) -> bytes:
    head = b"\r\n".join([f"HTTP/1.1 {status}".encode(), b"content-length: %d" % len(body), *headers])
    return head + b"\r\n\r\n" + body


def url_of(loopback: Loopback) -> str:
    return f"http://127.0.0.1:{loopback.port}"


def once(answer: bytes) -> Callable[[Loopback, Reader, Writer], Awaitable[None]]:
    """Give this answer, and close the connection."""

    async def conversation(wablock: Loopback, reader: Reader, writer: Writer) -> None:
        await wablock.read(reader)
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    return conversation


async def posted(bot: Bot, body: bytes = WEBHOOK) -> httpx2.Response:
    return await asyncio.to_thread(bot.post, body)


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "wablock.middleware"]


def test_a_webhook_that_cannot_be_checked_must_be_sent_again(caplog: pytest.LogCaptureFixture) -> None:
    with running_bot(CLOSED_PORT, TOKEN) as bot:
        answer = bot.post(WEBHOOK)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert bot.deliveries == []
    assert logged(caplog) == ["a webhook was not checked: No answer: All connection attempts failed"]


def test_an_unchecked_webhook_passes_marked_if_the_setting_is_on() -> None:
    with running_bot(CLOSED_PORT, TOKEN, pass_unchecked=True) as bot:
        answer = bot.post(WEBHOOK)

    assert answer.text == "the bot has it"
    (arrival,) = bot.deliveries
    assert (arrival.body, arrival.headers["x-wablock-unchecked"]) == (WEBHOOK, "true")


def test_a_webhook_that_no_user_sent_needs_no_check() -> None:
    with running_bot(CLOSED_PORT, TOKEN) as bot:
        answer = bot.post(encoded(delivery(NOT_FROM_USERS["delivered"])))

    assert answer.text == "the bot has it"


@pytest.mark.parametrize(
    "answer",
    [
        http("500 Internal Server Error", b""),
        http("200 OK", b"<html>"),
        http("200 OK", b'{"users":[{"input":"\xff","blocked":false}]}'),
        http("200 OK", b'{"users":[]}'),
        http("204 No Content", b""),
        http("401 Unauthorized", TOKEN_REFUSED),
        http("400 Bad Request", RATE_LIMIT),
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
    ],
)
async def test_an_answer_without_the_checked_users_counts_as_none(answer: bytes) -> None:
    async with serving(once(answer)) as wablock:
        with running_bot(url_of(wablock), TOKEN) as bot:
            assert (await posted(bot)).status_code == 503
            assert bot.deliveries == []


async def test_the_log_shows_wablocks_error_and_no_token(caplog: pytest.LogCaptureFixture) -> None:
    async with answering(http("401 Unauthorized", TOKEN_REFUSED)) as wablock:
        with running_bot(url_of(wablock), TOKEN) as bot:
            await posted(bot)

    assert logged(caplog) == ["a webhook was not checked: it answered 401: Invalid OAuth access token"]


async def test_a_redirect_is_not_followed() -> None:
    async with answering(http("200 OK", FREE)) as other:
        moved = once(http("307 Temporary Redirect", b"", f"location: {url_of(other)}".encode()))
        async with serving(moved) as wablock:
            with running_bot(url_of(wablock), TOKEN) as bot:
                answer = await posted(bot)

    assert answer.status_code == 503
    assert other.connections == 0


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, CLOSED_PORT)
    async with answering(http("200 OK", FREE)) as wablock:
        with running_bot(url_of(wablock), TOKEN) as bot:
            await posted(bot)

    assert bot.message_ids() == ["wamid.1"]


async def test_a_silent_wablock_times_out() -> None:
    async def keep_silent(wablock: Loopback, reader: Reader, _: Writer) -> None:
        await wablock.read(reader)
        await reader.read()

    async with serving(keep_silent) as wablock:
        with running_bot(url_of(wablock), TOKEN, timeout=0.2) as bot:
            assert (await posted(bot)).status_code == 503
            await wablock.ended.acquire()  # the connection is not kept open for a late answer


async def test_the_check_of_one_number_fails_without_waiting_for_the_others() -> None:
    hung_up = asyncio.Event()

    async def fail_for_one(wablock: Loopback, reader: Reader, writer: Writer) -> None:
        request = await wablock.read(reader)
        if OUR_OTHER.encode() in request:
            writer.write(http("500 Internal Server Error", b""))
        else:
            await reader.read()
            hung_up.set()

    both = encoded(delivery(change(messages=[message()]), change(number=OUR_OTHER, messages=[message()])))
    async with serving(fail_for_one) as wablock:
        with running_bot(url_of(wablock), TOKEN, timeout=60) as bot:
            assert (await posted(bot, both)).status_code == 503
            await hung_up.wait()


async def test_connections_are_kept_for_the_next_webhook() -> None:
    async with answering(http("200 OK", FREE)) as wablock:
        with running_bot(url_of(wablock), TOKEN) as bot:
            for _ in range(3):
                assert (await posted(bot)).status_code == 200

            assert wablock.connections == 1


async def test_a_connection_that_wablock_closed_meanwhile_is_replaced() -> None:
    async with serving(once(http("200 OK", FREE))) as wablock:
        with running_bot(url_of(wablock), TOKEN) as bot:
            for _ in range(2):
                assert (await posted(bot)).status_code == 200
                await wablock.ended.acquire()

    assert wablock.connections == 2


def test_webhooks_of_an_unknown_number_pass_and_are_logged_once(
    server: RunningServer, bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    block(server, ANNA)
    body = encoded(delivery(change(number="106540352242999", messages=[message()])))

    bot.post(body)
    bot.post(body)

    assert [arrival.body for arrival in bot.deliveries] == [body] * 2
    assert logged(caplog) == [
        "wablock does not know number 106540352242999, or the token does not cover it: no user is blocked"
    ]


@pytest.mark.parametrize("number", ["1/../2", "..", "", "1?x", "\N{FULLWIDTH DIGIT ONE}", "1" * 33])
async def test_an_invalid_number_id_is_put_into_no_path(number: str) -> None:
    async with answering(http("200 OK", FREE)) as wablock:
        with running_bot(url_of(wablock), TOKEN) as bot:
            answer = await posted(bot, encoded(delivery(change(number=number, messages=[message()]))))

    assert answer.status_code == 400
    assert wablock.connections == 0
