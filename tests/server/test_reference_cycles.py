"""No request leaves a reference cycle behind: the server collects cycles seldom, and a cycle would keep the body."""

import asyncio
import gc
from pathlib import Path
from typing import Final

import pytest
from tests.calling import status_of
from tests.running_server import ACCOUNT_ID, NUMBER, PHONE_NUMBER_ID, TOKEN
from tests.server.test_webhooks import KEY
from tests.strangers import PostedBody

from wablock.access import ALL_SCOPES, AccessToken, digest
from wablock.settings import ServerSettings
from wablock.wiring import build, system_clock

REQUESTS: Final = 20
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data; boundary=x"
WEBHOOK: Final = "/webhooks/whatsapp"


async def cycles_left(folder: Path, path: str, request: PostedBody, **headers: str) -> int:
    """Objects in reference cycles after some requests, all on the event loop of the store."""
    wired = build(f"sqlite:///{folder / 'wablock.db'}", ServerSettings(key=KEY))
    async with wired.running():
        await wired.store.add_number(NUMBER, system_clock())
        await wired.store.add_token(AccessToken(digest(TOKEN), ACCOUNT_ID, "test", ALL_SCOPES, None, system_clock()))
        await status_of(wired.application, path, request, **headers)  # this request creates what is created once
        gc.collect()
        gc.disable()
        try:
            for _ in range(REQUESTS):
                await status_of(wired.application, path, request, **headers)
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
def test_a_block_request_leaves_no_cycle(tmp_path: Path, token: str, kind: str, body: bytes) -> None:
    bearer = f"Bearer {TOKEN}" if token == "good" else "Bearer no-token"
    left = asyncio.run(
        cycles_left(tmp_path, f"/v25.0/{PHONE_NUMBER_ID}/block_users", PostedBody(kind, body), authorization=bearer)
    )

    assert left < REQUESTS


@pytest.mark.parametrize("path", ["/v1/tokens", "/v1/downstreams", "/nowhere", "/v25.0/x/messages"])
def test_a_refused_request_leaves_no_cycle(tmp_path: Path, path: str) -> None:
    request = PostedBody(JSON, b'{"label":7}')
    left = asyncio.run(cycles_left(tmp_path, path, request, authorization=f"Bearer {TOKEN}"))

    assert left < REQUESTS


@pytest.mark.parametrize("signature", ["", "sha256=0", f"sha256={'0' * 64}"])
def test_a_refused_webhook_leaves_no_cycle(tmp_path: Path, signature: str) -> None:
    left = asyncio.run(cycles_left(tmp_path, WEBHOOK, PostedBody(JSON, b'{"entry":[]}'), x_hub_signature_256=signature))

    assert left < REQUESTS
