"""The middleware as an ASGI application: it does not change other requests."""

import asyncio
import gc
from collections.abc import Iterable
from typing import Any

import pytest
from tests.gate.webhook.payloads import change, delivery, encoded, message
from tests.outgoing.downstreams.loopback import Loopback, answering
from tests.running_server import RunningServer

from wablock.middleware import GateMiddleware
from wablock.middleware.asgi import ASGIApp, AsgiMessage, AsgiScope, Receive, Send

WEBHOOK = encoded(delivery(change(messages=[message()])))
FREE = b'{"users":[{"input":"16505551234","blocked":false}]}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(FREE), FREE)
REQUEST: AsgiMessage = {"type": "http.request", "body": WEBHOOK, "more_body": False}
DISCONNECT: AsgiMessage = {"type": "http.disconnect"}


class Called:
    """An app that notes what it is called with, and receives `times` messages; it also starts and stops."""

    def __init__(self, times: int = 1) -> None:
        self.scopes: list[AsgiScope] = []
        self.received: list[AsgiMessage] = []
        self._times = times

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.scopes.append(scope)
        for _ in range(self._times):
            self.received.append(await receive())
        await send({"type": "answered"})


class Server:
    """Says `messages` one after another, and notes what is `sent`."""

    def __init__(self, *messages: AsgiMessage) -> None:
        self.messages: list[AsgiMessage] = []
        self._messages = iter(messages)

    async def receive(self) -> AsgiMessage:
        return next(self._messages)

    async def send(self, message: AsgiMessage) -> None:
        self.messages.append(message)


def scope(
    path: str = "/webhook", method: str = "POST", headers: Iterable[tuple[bytes, bytes]] = (), **more: Any
) -> Any:
    return {"type": "http", "method": method, "path": path, "headers": list(headers)} | more


def gate(app: ASGIApp, wablock: Loopback | None = None, **options: Any) -> GateMiddleware:
    return GateMiddleware(app, url=f"http://127.0.0.1:{wablock.port if wablock else 9}", token="a-token", **options)


async def stop(middleware: GateMiddleware) -> Server:
    server = Server({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    await middleware({"type": "lifespan"}, server.receive, server.send)
    return server


@pytest.mark.parametrize(
    "other",
    [
        scope(method="GET"),
        scope(method="PUT"),
        scope("/other"),
        scope("/webhook/flows"),
        scope("/"),
        {"type": "websocket", "path": "/webhook", "headers": []},
    ],
)
async def test_a_request_that_is_not_a_webhook_passes_unchanged(other: AsgiScope) -> None:
    app, server = Called(), Server(REQUEST)

    await gate(app)(other, server.receive, server.send)

    assert app.scopes[0] is other
    assert app.received[0] is REQUEST
    assert server.messages == [{"type": "answered"}]


@pytest.mark.parametrize(
    "request_scope",
    [
        scope("/webhook"),
        scope("/webhook/"),
        scope("/two"),
        scope("/mounted/webhook", root_path="/mounted"),
    ],
)
async def test_a_path_matches_with_a_slash_and_a_prefix_too(request_scope: AsgiScope) -> None:
    app, server = Called(), Server(REQUEST)

    await gate(app, paths=["/webhook", "/two/"])(request_scope, server.receive, server.send)

    assert server.messages[0]["status"] == 503


async def test_one_path_may_be_a_text() -> None:
    server = Server(REQUEST)

    await gate(Called(), paths="/")(scope("/"), server.receive, server.send)

    assert server.messages[0]["status"] == 503


async def test_after_the_body_the_app_receives_the_servers_messages() -> None:
    app, server = Called(times=2), Server(REQUEST, DISCONNECT)
    async with answering(ANSWER) as wablock:
        middleware = gate(app, wablock)
        await middleware(scope(), server.receive, server.send)
        await stop(middleware)

    assert app.received == [REQUEST, DISCONNECT]


async def test_the_app_receives_a_body_in_pieces_as_one() -> None:
    pieces = [{"type": "http.request", "body": piece, "more_body": True} for piece in (WEBHOOK[:9], WEBHOOK[9:])]
    app, server = Called(), Server(*pieces, {"type": "http.request"})
    async with answering(ANSWER) as wablock:
        middleware = gate(app, wablock)
        await middleware(scope(), server.receive, server.send)
        await stop(middleware)

    assert app.received == [REQUEST]


async def test_a_client_that_disconnects_in_its_body_is_not_answered() -> None:
    app, server = Called(), Server({"type": "http.request", "body": b"{", "more_body": True}, DISCONNECT)

    await gate(app)(scope(), server.receive, server.send)

    assert (app.scopes, server.messages) == ([], [])


async def test_headers_are_changed_for_the_app_alone() -> None:
    marked = scope(headers=[(b"x-wablock-unchecked", b"true"), (b"host", b"bot")])
    app, server = Called(), Server({"type": "http.request", "body": b"{}"})

    await gate(app)(marked, server.receive, server.send)

    assert app.scopes[0]["headers"] == [(b"host", b"bot")]
    assert len(marked["headers"]) == 2


async def test_a_scope_that_needs_no_change_is_not_copied() -> None:
    request_scope = scope(headers=[(b"host", b"bot")])
    app, server = Called(), Server({"type": "http.request", "body": b"{}"})

    await gate(app)(request_scope, server.receive, server.send)

    assert app.scopes[0] is request_scope


async def test_at_the_shutdown_connections_are_closed() -> None:
    server = Server(REQUEST)
    async with answering(ANSWER) as wablock:
        middleware = gate(Called(), wablock)
        await middleware(scope(), server.receive, server.send)

        stopped = await stop(middleware)

        await wablock.ended.acquire()
    assert [it["type"] for it in stopped.messages] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_an_app_without_lifespan_raises_its_error_and_serves() -> None:
    async def app(request_scope: AsgiScope, _: Receive, send: Send) -> None:
        assert request_scope["type"] == "http"
        await send({"type": "answered"})

    server = Server({"type": "http.request", "body": b"{}"})
    middleware = gate(app)

    with pytest.raises(AssertionError):
        await stop(middleware)
    await middleware(scope(), server.receive, server.send)

    assert server.messages == [{"type": "answered"}]


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_connections_of_a_closed_event_loop_are_not_used(server: RunningServer) -> None:
    app = Called()

    _serve_in_two_loops(GateMiddleware(app, url=server.url, token=server.token))
    gc.collect()  # the resources of a closed loop cannot be closed

    assert len(app.scopes) == 2


def _serve_in_two_loops(middleware: GateMiddleware) -> None:
    async def one_webhook() -> None:
        server = Server(REQUEST)
        await middleware(scope(), server.receive, server.send)

    asyncio.run(one_webhook())
    asyncio.run(one_webhook())


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "wablock.example"},
        {"url": "http://user:word@wablock.example"},
        {"url": "http://wablock.example/?x"},
        {"token": ""},
        {"token": "two words"},
        {"app_secret": ""},
        {"paths": ()},
        {"paths": ("webhook",)},
        {"paths": ""},
        {"timeout": 0},
    ],
)
def test_an_invalid_setting_is_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        GateMiddleware(Called(), **({"url": "http://wablock.example", "token": "a-token"} | wrong))
