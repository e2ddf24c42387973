"""Unsigned webhooks without a secret to check: they are read outside of the event loop, and only up to a limit."""

import asyncio
from typing import Any, Final

import pytest
from tests.asgi import status_of, statuses_of
from tests.loop_steps import measuring_steps
from tests.strangers import PostedBody, webhooks

from wablock.middleware import GateMiddleware

CLOSED_PORT: Final = "http://127.0.0.1:9"  # the port of `discard`, which is closed
LONGEST: Final = 0.02  # seconds of CPU time in which the app answers nothing else


async def app(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("app_secret", [None, "an app secret"])
def test_nothing_blocks_the_apps_event_loop(app_secret: str | None) -> None:
    gate = GateMiddleware(app, url=CLOSED_PORT, token="a-token", app_secret=app_secret)
    sending = (
        status_of(gate, "/webhook", PostedBody("application/json", body), x_hub_signature_256="sha256=" + "0" * 64)
        for body in webhooks(100, ["102290129340398"])
    )

    with measuring_steps() as longest:
        assert asyncio.run(statuses_of(sending)) <= {204, 400, 503}

    assert longest.seconds < LONGEST


def test_too_many_values_are_refused() -> None:
    gate = GateMiddleware(app, url=CLOSED_PORT, token="a-token")
    wide = PostedBody("application/json", b'{"entry":[' + b"1," * 50_000 + b"1]}")

    assert asyncio.run(status_of(gate, "/webhook", wide)) == 400
