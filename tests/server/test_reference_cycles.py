"""The server collects reference cycles seldom: so no request may leave one behind, which would keep its body."""

import asyncio
import gc
from collections.abc import Iterator
from typing import Final

import pytest
from tests.calling import status_of
from tests.running_server import RunningServer, running_server
from tests.server.test_webhooks import KEY
from tests.strangers import Sent

REQUESTS: Final = 20
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data; boundary=x"
WEBHOOK: Final = "/webhooks/whatsapp"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server"), key=KEY) as running:
        yield running


async def cycles_left(server: RunningServer, path: str, sent: Sent, **headers: str) -> int:
    """Objects in reference cycles after some requests."""
    application = server.wired.application
    await status_of(application, path, sent, **headers)  # what is made once
    gc.collect()
    gc.disable()
    try:
        for _ in range(REQUESTS):
            await status_of(application, path, sent, **headers)
        return gc.collect()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "kind, body",
    [
        (JSON, b'{"messaging_product":"whatsapp","block_users":[{"user":"+16505550101"}]}'),
        (JSON, b'{"messaging_product":"whatsapp","block_users":[{"user":"1"}]}'),
        (JSON, b'{"messaging_product":"whatsapp","block_users":[{"user":"+16505550101","Reason":"x"}]}'),
        (JSON, b'{"messaging_product":"whatsapp","block_users":3}'),
        (JSON, b'{"messaging_product":"whatsapp","block_users":[{"user":3}]}'),
        (JSON, b'{"block_users":'),
        (JSON, b'{"block_users":"\xff"}'),
        (FORM, b"messaging_product=whatsapp&block_users[0][user]=%2B16505550101"),
        (FORM, b"messaging_product=whatsapp&block_users=["),
        (MULTIPART, b"--x\r\nnothing"),
        (MULTIPART, b'--x\r\nContent-Disposition: form-data; name="messaging_product"\r\n\r\nwhatsapp\r\n--x--\r\n'),
        ("text/plain", b"x"),
    ],
)
@pytest.mark.parametrize("token", ["good", "bad"])
def test_a_block_request_leaves_no_cycle(server: RunningServer, token: str, kind: str, body: bytes) -> None:
    bearer = f"Bearer {server.token}" if token == "good" else "Bearer no-token"
    left = asyncio.run(cycles_left(server, server.block_users, Sent(kind, body), authorization=bearer))

    assert left < REQUESTS


@pytest.mark.parametrize("path", ["/v1/tokens", "/v1/downstreams", "/nowhere", "/v25.0/x/messages"])
def test_a_refused_request_leaves_no_cycle(server: RunningServer, path: str) -> None:
    sent = Sent(JSON, b'{"label":7}')
    left = asyncio.run(cycles_left(server, path, sent, authorization=f"Bearer {server.token}"))

    assert left < REQUESTS


@pytest.mark.parametrize("signature", ["", "sha256=0", f"sha256={'0' * 64}"])
def test_a_refused_webhook_leaves_no_cycle(server: RunningServer, signature: str) -> None:
    left = asyncio.run(cycles_left(server, WEBHOOK, Sent(JSON, b'{"entry":[]}'), x_hub_signature_256=signature))

    assert left < REQUESTS
