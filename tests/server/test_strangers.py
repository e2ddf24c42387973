"""A stranger's request costs almost nothing: its body is parsed only after its signature or token is verified."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import pytest
from tests.asgi import statuses_of
from tests.calling import status_of
from tests.loop_steps import measuring_steps
from tests.running_server import ACCOUNT_ID, PHONE_NUMBER_ID, RunningServer, running_server
from tests.server.raw_http import Connection
from tests.server.test_webhooks import KEY
from tests.strangers import PostedBody, requests, webhooks

from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.signature import sign
from wablock.server import parameters
from wablock.server.endpoints import messages
from wablock.settings import LimitSettings
from wablock.wiring import routes_of

WEBHOOK: Final = "/webhooks/whatsapp"
ACCOUNTS: Final = [ACCOUNT_ID, *(str(202290129340000 + place) for place in range(99))]
EDGES: Final = ["block_users", "messages"]
LONGEST: Final = 0.02  # seconds of CPU time in which the server answers nothing else
PATIENT: Final = LimitSettings(body_timeout=30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a hundred accounts, each with its app secret."""
    with running_server(tmp_path_factory.mktemp("server"), key=KEY, limits=PATIENT) as running:
        asyncio.run(set_secrets(running))
        yield running


async def set_secrets(server: RunningServer) -> None:
    routes = routes_of(server.wired.store, KEY)
    for account in ACCOUNTS:
        await routes.accounts.set(account, f"secret of {account}", None)


def no_work(*_: object, **__: object) -> Any:
    raise AssertionError("a stranger's request is read")


def test_a_thousand_webhooks_are_refused_unread(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Payload, "parse", no_work)
    sending = (
        status_of(
            server.wired.application,
            WEBHOOK,
            PostedBody("application/json", body),
            x_hub_signature_256="sha256=" + "0" * 64,
        )
        for body in webhooks(1_000, ACCOUNTS)
    )
    with measuring_steps() as longest:
        assert asyncio.run(statuses_of(sending)) == {401}
    assert longest.seconds < LONGEST


@pytest.mark.parametrize("edge", EDGES)
def test_requests_without_a_token_are_refused_unread(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, edge: str
) -> None:
    monkeypatch.setattr(parameters, "read", no_work)
    monkeypatch.setattr(messages, "access_token", no_work)
    path = f"/v25.0/{PHONE_NUMBER_ID}/{edge}"
    sending = (status_of(server.wired.application, path, request) for request in requests(300))
    with measuring_steps() as longest:
        assert asyncio.run(statuses_of(sending)) <= {400, 401}  # no token, or an unknown one
    assert longest.seconds < LONGEST


def test_a_malformed_signature_is_refused_before_the_body_comes(server: RunningServer) -> None:
    head = (
        f"POST {WEBHOOK} HTTP/1.1\r\nHost: wablock\r\nX-Hub-Signature-256: sha256=0\r\nContent-Length: 3000000\r\n\r\n"
    )
    with Connection(server) as connection:
        connection.send(head.encode())
        assert connection.answer().status == 401


PART: Final = '--x\r\nContent-Disposition: form-data; name="access_token"\r\n'


@pytest.mark.parametrize(
    "content_type, body",
    [
        ("application/json", '{{"messaging_product":"whatsapp","access_token":"{0}","block_users":[{{"user":"1"}}]}}'),
        ("application/json", '{{"a":"access_token","access_token" : "{0}"}}'),
        ("application/x-www-form-urlencoded", "messaging_product=whatsapp&access_token={0}"),
        ("application/x-www-form-urlencoded", "x=access_token&access_token={0}&y=1"),
        ("multipart/form-data; boundary=x", PART + "\r\n{0}\r\n--x--"),
        ("multipart/form-data; boundary=x", PART + "Content-Type: text/plain\r\n\r\n{0}\r\n--x--"),
    ],
)
def test_a_token_is_found_wherever_parameters_stand(server: RunningServer, content_type: str, body: str) -> None:
    good = PostedBody(content_type, body.format(server.token).encode())
    wrong = PostedBody(content_type, body.format("unknown-token").encode())

    async def statuses() -> list[int]:
        return [await status_of(server.wired.application, server.block_users, request) for request in (good, wrong)]

    assert asyncio.run(statuses()) in ([400, 401], [200, 401])


@pytest.mark.parametrize(
    "content_type, body",
    [
        ("application/x-www-form-urlencoded", "access%5Ftoken={0}"),
        ("application/json", '{{"access\\u005ftoken":"{0}"}}'),
    ],
)
def test_a_token_under_an_escaped_name_is_ignored(server: RunningServer, content_type: str, body: str) -> None:
    request = PostedBody(content_type, body.format(server.token).encode())
    escaped = asyncio.run(status_of(server.wired.application, server.block_users, request))
    without = asyncio.run(status_of(server.wired.application, server.block_users, PostedBody(content_type, b"{}")))
    assert escaped == without


def test_the_account_of_an_unsorted_large_webhook_is_found(server: RunningServer) -> None:
    body = b'{"entry":[{"changes":[{"value":{"x":"%s"}}],"id":"%s"}]}' % (b"x" * 1_000_000, ACCOUNTS[42].encode())
    request = PostedBody("application/json", body)
    signature = sign(f"secret of {ACCOUNTS[42]}", body)

    assert (
        asyncio.run(status_of(server.wired.application, WEBHOOK, request, x_hub_signature_256=signature)) == 502
    )  # it has no receiver
