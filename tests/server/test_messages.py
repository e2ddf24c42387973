"""Messages that a business sends, through the whole gate, to a real upstream."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.outgoing.upstreams.raw_upstream import OK, Answering, Server
from tests.outgoing.upstreams.raw_upstream import serving as listening
from tests.running_server import ACCOUNT_ID, NUMBER, PHONE_NUMBER_ID, RunningServer, running_server
from tests.server.test_webhooks import KEY, block

from wablock.access import AccessToken, Scope, digest
from wablock.block_list.ports import BusinessNumber
from wablock.gate.ports import Upstream
from wablock.settings import GateSettings
from wablock.wiring import routes_of

ANNA, BEN = "16505551234", "16505550101"
TO_BEN = {"messaging_product": "whatsapp", "to": BEN, "type": "text", "text": {"body": "Grüße 👋"}}
TO_ANNA = TO_BEN | {"to": ANNA}
MESSAGES = f"/v25.0/{PHONE_NUMBER_ID}/messages"
OTHERS_NUMBER = BusinessNumber("106540352242999", "another account")
READER = AccessToken(digest("reads"), ACCOUNT_ID, "reader", frozenset([Scope.READ, Scope.WRITE]), None, 0)
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\nx-fb-trace-id: abc\r\ncontent-length: 4\r\n\r\nnone"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY, numbers=[NUMBER, OTHERS_NUMBER], tokens=[READER]) as running:
        yield running


@pytest.fixture
def open_server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server that forwards every path of a number."""
    with running_server(tmp_path, key=KEY, gate=GateSettings(pass_through=True)) as running:
        yield running


def serving(always: bytes = OK, *, then: Answering | None = None) -> AbstractAsyncContextManager[Server]:
    return listening(always, then=then, callers_hang_up=False)  # the gate keeps its connections


async def use(server: RunningServer, upstream: Server, **more: Any) -> None:
    chosen = Upstream(PHONE_NUMBER_ID, f"http://127.0.0.1:{upstream.port}", "metas-token", may_be_inside=True, **more)
    assert await routes_of(server.wired.store, KEY).upstreams.set(ACCOUNT_ID, chosen)


async def send(server: RunningServer, path: str = MESSAGES, method: str = "POST", **arguments: Any) -> httpx2.Response:
    arguments = {"json": TO_BEN} if not arguments and method == "POST" else arguments
    arguments.setdefault("headers", {"authorization": f"Bearer {server.token}"})
    async with httpx2.AsyncClient() as client:
        return await client.request(method, server.url + path, **arguments)


async def blocked(server: RunningServer, user: str) -> None:
    await asyncio.to_thread(block, server, user)


async def test_a_message_goes_up_with_the_upstreams_token_and_its_bytes(server: RunningServer) -> None:
    async with serving() as upstream:
        await use(server, upstream)

        answer = await send(server)

    [received] = upstream.received
    assert (answer.status_code, answer.text) == (200, "ok")
    assert received.line == f"POST {MESSAGES} HTTP/1.1"
    assert received.headers["authorization"] == "Bearer metas-token"
    assert received.body == answer.request.content
    assert server.token not in str(received)


async def test_an_answers_status_body_and_allowed_headers_come_back(server: RunningServer) -> None:
    async with serving(NOT_FOUND) as upstream:
        await use(server, upstream)

        answer = await send(server)

    assert (answer.status_code, answer.text) == (404, "none")
    assert answer.headers["x-fb-trace-id"] == "abc"
    assert answer.headers["content-type"] == "text/plain"


async def test_an_answer_has_one_date(server: RunningServer) -> None:
    dated = b"HTTP/1.1 200 OK\r\ndate: Tue, 24 Nov 2026 08:24:47 GMT\r\ncontent-length: 0\r\n\r\n"
    async with serving(dated) as upstream:
        await use(server, upstream)

        answer = await send(server)

    assert len(answer.headers.get_list("date")) == 1


async def test_a_message_to_a_blocked_user_is_refused_and_not_sent(server: RunningServer) -> None:
    await blocked(server, ANNA)
    async with serving() as upstream:
        await use(server, upstream)

        answer = await send(server, json=TO_ANNA)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (400, 130403, "OAuthException")
    assert error["error_data"]["details"].startswith("Unable to deliver the message.")
    assert upstream.received == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"json": TO_BEN | {"to": "+1 (650) 555-1234"}},
        {"data": {"messaging_product": "whatsapp", "to": ANNA}},
        {"params": {"to": ANNA}},
        {"json": TO_BEN, "params": {"to": ANNA}},
        {"files": {"to": (None, ANNA)}},
    ],
)
async def test_a_blocked_user_is_recognised_however_it_is_written(
    server: RunningServer, arguments: dict[str, Any]
) -> None:
    await blocked(server, ANNA)
    async with serving() as upstream:
        await use(server, upstream)

        answer = await send(server, **arguments)

    assert answer.json()["error"]["code"] == 130403
    assert upstream.received == []


async def test_an_unblocked_user_can_be_written_to_again(server: RunningServer) -> None:
    await blocked(server, ANNA)
    async with serving() as upstream:
        await use(server, upstream)
        body = {"messaging_product": "whatsapp", "block_users": [{"user": ANNA}]}
        await send(server, server.block_users, "DELETE", json=body)

        answer = await send(server, json=TO_ANNA)

    assert answer.status_code == 200


async def test_a_request_with_two_readings_is_refused_and_not_sent(server: RunningServer) -> None:
    async with serving() as upstream:
        await use(server, upstream)

        answer = await send(server, content=f'{{"to":"{BEN}","to":"{ANNA}"}}'.encode())

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert upstream.received == []


async def test_a_message_without_a_recipient_goes_up(server: RunningServer) -> None:
    async with serving() as upstream:
        await use(server, upstream)

        answer = await send(server, json={"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.1"})

    assert answer.status_code == 200


async def test_a_token_in_the_parameters_is_not_forwarded(server: RunningServer) -> None:
    async with serving() as upstream:
        await use(server, upstream)

        answer = await send(server, params={"access_token": server.token, "a": "b"}, json=TO_BEN, headers={})

    [received] = upstream.received
    assert answer.status_code == 200
    assert received.line == f"POST {MESSAGES}?a=b HTTP/1.1"
    assert server.token not in str(received)


async def test_a_token_without_the_scope_send_is_refused(server: RunningServer) -> None:
    async with serving() as upstream:
        await use(server, upstream)

        answer = await send(server, json=TO_BEN, headers={"authorization": "Bearer reads"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, 10)
    assert upstream.received == []


async def test_a_message_without_a_token_is_refused(server: RunningServer) -> None:
    answer = await send(server, json=TO_BEN, headers={})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 104)


async def test_another_accounts_number_does_not_exist(server: RunningServer) -> None:
    answer = await send(server, f"/v25.0/{OTHERS_NUMBER.phone_number_id}/messages")

    assert answer.json()["error"]["error_subcode"] == 33


async def test_the_error_of_a_number_without_an_upstream_shows_how_to_set_one(server: RunningServer) -> None:
    answer = await send(server)

    error = answer.json()["error"]
    assert (answer.status_code, error["error_subcode"]) == (400, 33)
    assert "wablock upstream set" in error["error_data"]["details"]


async def test_an_upstream_that_is_not_there_is_a_bad_gateway(server: RunningServer) -> None:
    async with serving() as upstream:
        await use(server, upstream)

    answer = await send(server)

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, 131000)


async def test_an_upstream_that_is_too_slow_is_a_gateway_timeout(server: RunningServer) -> None:
    async def waiting(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(then=waiting) as upstream:
        await use(server, upstream, timeout=0.2)

        answer = await send(server)

    assert (answer.status_code, answer.json()["error"]["code"]) == (504, 131000)


async def test_an_answer_that_breaks_off_does_not_look_whole(server: RunningServer) -> None:
    async def breaking_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await writer.drain()

    async with serving(then=breaking_off) as upstream:
        await use(server, upstream)

        with pytest.raises(httpx2.RemoteProtocolError):
            await send(server)


async def test_the_first_piece_of_an_answer_arrives_before_the_last_is_sent(server: RunningServer) -> None:
    seen_first = asyncio.Event()

    async def answering(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await seen_first.wait()
        writer.write(b"0\r\n\r\n")

    async with serving(then=answering) as upstream, httpx2.AsyncClient() as client:
        await use(server, upstream)
        headers = {"authorization": f"Bearer {server.token}"}
        async with client.stream("POST", server.url + MESSAGES, json=TO_BEN, headers=headers) as answer:
            pieces = answer.aiter_bytes()
            assert await anext(pieces) == b"first"
            seen_first.set()
            assert [piece async for piece in pieces] == []


async def test_a_redirect_is_not_followed(server: RunningServer) -> None:
    redirect = b"HTTP/1.1 307 X\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"
    async with serving(redirect) as upstream:
        await use(server, upstream)

        answer = await send(server)

    assert answer.status_code == 307


@pytest.mark.parametrize("path", ["", "/media", "/calls", "/Messages"])
async def test_other_paths_are_not_forwarded_by_default(server: RunningServer, path: str) -> None:
    async with serving() as upstream:
        await use(server, upstream)

        answer = await send(server, f"/v25.0/{PHONE_NUMBER_ID}{path}")

    assert answer.status_code == 400
    assert upstream.received == []


async def test_messages_cannot_be_read_by_default(server: RunningServer) -> None:
    answer = await send(server, method="GET", params={"method": "post", "to": BEN})

    assert answer.status_code == 400


@pytest.mark.parametrize("method,path", [("GET", ""), ("POST", "/media"), ("DELETE", "/a/b"), ("GET", "/messages")])
async def test_other_paths_are_forwarded_if_the_setting_is_on(
    open_server: RunningServer, method: str, path: str
) -> None:
    async with serving() as upstream:
        await use(open_server, upstream)

        answer = await send(open_server, f"/v25.0/{PHONE_NUMBER_ID}{path}", method, params={"fields": "id"})

    assert answer.text == "ok"
    assert upstream.received[0].line == f"{method} /v25.0/{PHONE_NUMBER_ID}{path}?fields=id HTTP/1.1"


@pytest.mark.parametrize("edge", ["calls", "marketing_messages", "messages", "Messages", "something/new"])
async def test_no_path_leads_to_a_blocked_user(open_server: RunningServer, edge: str) -> None:
    await blocked(open_server, ANNA)
    async with serving() as upstream:
        await use(open_server, upstream)

        answers = [
            await send(open_server, f"/v25.0/{PHONE_NUMBER_ID}/{edge}", method, params=params, json=TO_ANNA)
            for method, params in (("POST", {}), ("GET", {"method": "post"}), ("PUT", {}))
        ]

    assert [answer.json()["error"]["code"] for answer in answers] == [130403] * 3
    assert upstream.received == []


@pytest.mark.parametrize("edge", ["block_users", "Block_Users", "block_users/", "block_users/1", "BLOCK_USERS"])
async def test_the_block_list_is_never_the_upstreams(open_server: RunningServer, edge: str) -> None:
    async with serving() as upstream:
        await use(open_server, upstream)

        await send(open_server, f"/v25.0/{PHONE_NUMBER_ID}/{edge}", "GET")

    assert upstream.received == []


@pytest.mark.parametrize(
    "edge", ["../106540352242999/messages", "%2e%2e/1", "a//b", "./messages", "messages%2fa", "mess%61ges"]
)
async def test_a_path_with_two_readings_is_not_forwarded(open_server: RunningServer, edge: str) -> None:
    async with serving() as upstream:
        await use(open_server, upstream)
        reader, writer = await asyncio.open_connection(open_server.host, open_server.port)
        head = f"GET /v25.0/{PHONE_NUMBER_ID}/{edge} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {open_server.token}"
        writer.write(f"{head}\r\nconnection: close\r\n\r\n".encode())

        answer = await reader.read()

        writer.close()
    assert answer.startswith(b"HTTP/1.1 400")
    assert upstream.received == []


async def test_sent_messages_are_counted(server: RunningServer) -> None:
    await blocked(server, ANNA)
    async with serving() as upstream:
        await use(server, upstream)
        await send(server)
        await send(server, json=TO_ANNA)

        counted = (await send(server, "/metrics", "GET")).text

    assert 'wablock_sent_total{result="passed_on"} 1.0' in counted
    assert 'wablock_sent_total{result="blocked"} 1.0' in counted
