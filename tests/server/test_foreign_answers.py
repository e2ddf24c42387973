"""An upstream's answer is data, and no upstream gets a caller's token: over HTTP, with a real upstream."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.running_server import PHONE_NUMBER_ID, TOKEN, RunningServer, running_server
from tests.server.test_messages import MESSAGES, TO_BEN, send, serving, use
from tests.server.test_webhooks import KEY

from wablock.settings import GateSettings

ESCAPED: Final = "".join(f"\\u{ord(character):04x}" for character in TOKEN)
PAGE: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nset-cookie: a=b\r\nstrict-transport-security: max-age=9\r\n"
    b'clear-site-data: "*"\r\nlocation: https://other.invalid/\r\nrefresh: 0\r\nlink: </a>; rel=preload\r\n'
    b"service-worker-allowed: /\r\ncache-control: public, max-age=9999\r\naccess-control-allow-credentials: true\r\n"
    b"content-security-policy: default-src *\r\nx-fb-trace-id: abc\r\ncontent-length: 4\r\n\r\n<b/>"
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY, gate=GateSettings(pass_through=True)) as running:
        yield running


@pytest.mark.parametrize("edge", ["messages", "media"])
async def test_an_upstreams_page_comes_back_as_data(server: RunningServer, edge: str) -> None:
    async with serving(PAGE) as upstream:
        await use(server, upstream)

        answer = await send(server, f"/v25.0/{PHONE_NUMBER_ID}/{edge}")

    assert dict(answer.headers) | {"date": "now"} == {
        "access-control-allow-origin": "*",
        "access-control-expose-headers": answer.headers["access-control-expose-headers"],
        "cache-control": "private, no-store",
        "content-length": "4",
        "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "content-type": "text/plain",
        "cross-origin-opener-policy": "same-origin",
        "date": "now",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-fb-trace-id": "abc",
    }


@pytest.mark.parametrize("path", [MESSAGES, "/docs/reference.js", "/healthz", f"/v25.0/{PHONE_NUMBER_ID}/sw"])
async def test_the_script_of_a_service_worker_is_refused(server: RunningServer, path: str) -> None:
    async with serving() as upstream:
        await use(server, upstream)

        headers = {"authorization": f"Bearer {TOKEN}", "service-worker": "script"}
        answer = await send(server, path, "GET", headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, 10)
    assert upstream.received == []


@pytest.mark.parametrize(
    "header",
    [
        {"origin": "https://page.test"},
        {"origin": "null"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-dest": "document"},
        {"sec-fetch-user": "?1"},
        {"upgrade-insecure-requests": "1"},
    ],
)
async def test_a_browsers_token_in_the_parameters_is_not_taken(server: RunningServer, header: dict[str, str]) -> None:
    async with serving() as upstream:
        await use(server, upstream)

        answers = [
            await send(server, params={"access_token": TOKEN}, json=TO_BEN, headers=header),
            await send(server, data=TO_BEN | {"access_token": TOKEN, "text": "{}"}, headers=header),
        ]

    assert [answer.json()["error"]["code"] for answer in answers] == [104, 104]
    assert upstream.received == []


async def test_a_browsers_token_in_the_header_is_taken(server: RunningServer) -> None:
    async with serving() as upstream:
        await use(server, upstream)

        headers = {"authorization": f"Bearer {TOKEN}", "origin": "https://page.test", "sec-fetch-site": "cross-site"}
        answer = await send(server, json=TO_BEN, headers=headers)

    assert answer.status_code == 200


async def test_nodes_fetch_is_no_browser(server: RunningServer) -> None:
    async with serving() as upstream:
        await use(server, upstream)

        headers = {"sec-fetch-mode": "cors", "user-agent": "node"}  # as undici sends them
        answer = await send(server, params={"access_token": TOKEN}, json=TO_BEN, headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "arguments",
    [
        {"json": TO_BEN | {"text": {"body": TOKEN}}},
        {"json": TO_BEN | {"text": {"body": f"my token is {TOKEN}."}}},
        {"json": TO_BEN | {"a": [[{"b": [TOKEN]}]]}},
        {"json": TO_BEN | {"a": {TOKEN: 1}}},
        {"content": f'{{"to":"16505550101","a":"{ESCAPED}"}}'.encode()},
        {"content": f'{{"to":"16505550101","{ESCAPED}":1}}'.encode()},
        {"data": {"to": "16505550101", "text": json.dumps({"body": TOKEN})}},
        {"data": {"to": "16505550101", "key": TOKEN}},
        {"content": f"to=16505550101&a=%{ord(TOKEN[0]):x}{TOKEN[1:]}", "type": "application/x-www-form-urlencoded"},
        {"files": {"to": (None, "16505550101"), "key": (None, TOKEN)}},
        {"files": {"file": ("a.txt", f"see {TOKEN}")}},
        {"json": TO_BEN, "params": {"key": TOKEN}},
        {"json": TO_BEN | {"a": b64encode(f"user:{TOKEN}".encode()).decode()}},
    ],
)
async def test_a_request_with_the_callers_token_in_it_is_refused(
    server: RunningServer, arguments: dict[str, Any]
) -> None:
    content_type = {"content-type": arguments["type"]} if "type" in arguments else {}
    arguments = {name: value for name, value in arguments.items() if name != "type"}
    async with serving() as upstream:
        await use(server, upstream)

        answer = await send(server, headers={"authorization": f"Bearer {TOKEN}"} | content_type, **arguments)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert TOKEN not in answer.text
    assert upstream.received == []


async def test_a_path_with_the_callers_token_is_refused(server: RunningServer) -> None:
    async with serving() as upstream:
        await use(server, upstream)

        answer = await send(server, f"/v25.0/{PHONE_NUMBER_ID}/{TOKEN}")

    assert answer.status_code == 400
    assert upstream.received == []


@pytest.mark.parametrize(
    "value",
    [TOKEN, f"Bearer {TOKEN}", f"a; key={TOKEN}", TOKEN.replace("-", "%2d"), b64encode(f"a:{TOKEN}".encode()).decode()],
)
@pytest.mark.parametrize("name", ["x-api-key", "x-authorization", "user-agent", "accept-language"])
async def test_a_header_with_the_callers_token_does_not_go_up(server: RunningServer, name: str, value: str) -> None:
    async with serving() as upstream:
        await use(server, upstream)

        answer = await send(server, json=TO_BEN, headers={"authorization": f"Bearer {TOKEN}", name: value})

    assert answer.status_code == 200
    assert value not in str(upstream.received[0])


async def test_a_message_about_a_token_in_general_goes_up(server: RunningServer) -> None:
    async with serving() as upstream:
        await use(server, upstream)

        body = TO_BEN | {"text": {"body": "Bearer wablock_xyz 👋 \\u0041 100%"}}
        answer = await send(server, json=body, headers={"authorization": f"Bearer {TOKEN}", "x-api-key": "another"})

    assert answer.status_code == 200
    assert upstream.received[0].headers["x-api-key"] == "another"


@pytest.mark.parametrize("path", ["/docs", "/docs/wablock", "/docs/reference.js", "/openapi.json"])
async def test_no_other_page_can_control_the_reference(server: RunningServer, path: str) -> None:
    answer = await send(server, path, "GET")

    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/docs.md", "/nothing", "/v1/tokens", MESSAGES])
async def test_no_answer_may_be_taken_for_another_media_type(server: RunningServer, path: str) -> None:
    assert (await send(server, path, "GET")).headers["x-content-type-options"] == "nosniff"
