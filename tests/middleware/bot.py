"""A bot with the middleware, as a Starlette application under uvicorn, and requests of WhatsApp and its owner."""

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from tests.receiver import Delivery
from tests.running_server import RunningServer

from wablock.middleware import GateMiddleware
from wablock.server.serve import bind

SECRET: Final = "an app secret"

_STARTS_WITHIN = 20  # seconds


class Bot:
    """`deliveries` are the webhooks that it got. Where it `checks` signatures, it refuses what is not well signed."""

    def __init__(self, *, checks: bool) -> None:
        self.url = ""
        self.deliveries: list[Delivery] = []
        self._checks = checks

    def post(self, body: bytes, signature: str | None = None, **headers: str) -> httpx2.Response:
        """Post a webhook with a valid signature, or with `signature`."""
        all_headers = {"content-type": "application/json", "x-hub-signature-256": signature or signed(body)} | headers
        return httpx2.post(self.url + "/webhook", content=body, headers=all_headers, trust_env=False)

    def message_ids(self) -> list[str]:
        return [
            message["id"]
            for delivery in self.deliveries
            for entry in delivery.json()["entry"]
            for change in entry["changes"]
            for message in change["value"].get("messages", [])
        ]

    async def receive(self, request: Request) -> Response:
        delivery = Delivery(request.url.path, dict(request.headers), await request.body())
        if self._checks and delivery.headers.get("x-hub-signature-256") != signed(delivery.body):
            return PlainTextResponse("not signed", 401)
        self.deliveries.append(delivery)
        return PlainTextResponse("the bot has it")


@contextmanager
def running_bot(
    url: str, token: str, *, app_secret: str | None = SECRET, checks: bool = True, **options: Any
) -> Iterator[Bot]:
    """Run a bot that uses the wablock at `url` until the block ends."""
    bot = Bot(checks=checks)
    app = Starlette(routes=[Route("/webhook", bot.receive, methods=["POST"])])
    app.add_middleware(GateMiddleware, url=url, token=token, app_secret=app_secret, **options)
    with bind("127.0.0.1", 0) as bound:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="running bot")
        thread.start()
        try:
            bot.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
            yield bot
        finally:
            server.should_exit = True
            thread.join(_STARTS_WITHIN)
            assert not thread.is_alive(), "the bot does not stop"


def signed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def block(server: RunningServer, user: str, phone_number_id: str | None = None) -> None:
    _change(server, "POST", user, phone_number_id)


def unblock(server: RunningServer, user: str) -> None:
    _change(server, "DELETE", user)


def _change(server: RunningServer, method: str, user: str, phone_number_id: str | None = None) -> None:
    item = {"user_id": user} if "." in user else {"user": "+" + user}
    answer = httpx2.request(
        method,
        f"{server.url}/v25.0/{phone_number_id or server.phone_number_id}/block_users",
        json={"messaging_product": "whatsapp", "block_users": [item]},
        headers={"authorization": f"Bearer {server.token}"},
    )
    assert answer.status_code == 200, answer.text
