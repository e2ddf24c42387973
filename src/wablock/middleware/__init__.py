"""ASGI middleware that applies the block list inside a bot's own process."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from wablock.gate.large_bodies import off_the_loop
from wablock.gate.value_count import MOST
from wablock.gate.webhook.body import Payload
from wablock.gate.webhook.raw_json import UnreadableBody
from wablock.gate.webhook.signature import is_signed, sign
from wablock.middleware.asgi import ASGIApp, AsgiMessage, AsgiScope, Receive, Send
from wablock.middleware.block_checks import BlockChecks, CheckFailed
from wablock.middleware.cutting import cut, senders
from wablock.middleware.exchange import (
    ACCEPTED,
    NOT_CHECKED,
    TOO_LARGE,
    UNREADABLE,
    ReceivedWebhook,
    Reply,
    SenderDisconnected,
    read,
    replayed,
)

__all__ = ["GateMiddleware"]

_log = logging.getLogger("wablock.middleware")

# The most values in a body that may be unsigned. Parsing blocks the event loop even if it runs in a thread, because
# the parser's C code holds the GIL.
_MOST_UNPROVEN: Final = 50_000


class GateMiddleware:
    """Removes from webhooks what blocked users sent, before `app` receives them. Everything else passes unchanged.

    With `app_secret`, the middleware signs a changed webhook again, so that an app that checks signatures accepts it.
    It passes a webhook with a wrong signature unchanged: the app must refuse it. Without `app_secret`, the middleware
    also reads webhooks that Meta did not sign. So it answers 400 to a webhook of more than 50,000 values; Meta's 1,000
    updates have fewer. If nothing is left of a webhook, the sender gets 200, and the app is not called.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        url: str,
        token: str,
        app_secret: str | None = None,
        paths: Sequence[str] = ("/webhook",),
        pass_unchecked: bool = False,
        timeout: float = 5.0,
    ) -> None:
        """`url`: wablock's address. `token`: a wablock token with the scope `read`. `paths`: the paths that receive
        webhooks. `timeout`: seconds in which wablock must respond.

        If it does not respond in time, the sender gets 503, so that it sends the webhook again. With `pass_unchecked`,
        the app gets the webhook instead, with the header `x-wablock-unchecked: true`. Raises `ValueError` for an
        invalid argument.
        """
        if app_secret == "":
            raise ValueError("app_secret must not be empty; use None if the app does not check signatures")
        self._app = app
        self._checks = BlockChecks(url, token, timeout)
        self._app_secret = app_secret
        self._most_values = _MOST_UNPROVEN if app_secret is None else MOST
        self._paths = _checked_paths([paths] if isinstance(paths, str) else paths)
        self._pass_unchecked = pass_unchecked
        self._has_warned = False

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._closing(send))
        elif scope["type"] == "http" and scope["method"] == "POST" and self._receives_webhooks(scope):
            await self._receive(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _receive(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            webhook = await read(scope, receive)
        except SenderDisconnected:
            return
        result = TOO_LARGE if webhook is None else await self._filtered(webhook)
        if isinstance(result, Reply):
            await result.send(send)
        else:
            if result.headers != scope["headers"]:
                scope = {**scope, "headers": result.headers}
            await self._app(scope, replayed(result.body, receive), send)

    async def _filtered(self, webhook: ReceivedWebhook) -> ReceivedWebhook | Reply:
        """The webhook for the app, or the reply to the sender if the app must not be called."""
        try:
            if not await off_the_loop(webhook.body, partial(self._may_be_signed, webhook)):
                return webhook
            payload = await off_the_loop(webhook.body, partial(Payload.parse, webhook.body, self._most_values))
            users = await off_the_loop(webhook.body, partial(senders, payload))
            blocked = await self._checks.blocked(users) if users else {}
            body = await off_the_loop(webhook.body, partial(cut, payload, blocked))
        except UnreadableBody:
            return UNREADABLE
        except CheckFailed as error:
            _log.warning("a webhook was not checked: %s", error)
            return webhook.marked() if self._pass_unchecked else NOT_CHECKED
        if body is None:
            return ACCEPTED
        return webhook if body is payload.raw else self._changed(webhook, body)

    def _may_be_signed(self, webhook: ReceivedWebhook) -> bool:
        """True also without a secret, because then no signature can be checked."""
        return self._app_secret is None or is_signed(self._app_secret, webhook.body, webhook.signature)

    def _changed(self, webhook: ReceivedWebhook, body: bytes) -> ReceivedWebhook:
        if self._app_secret is not None:
            return webhook.with_body(body, sign(self._app_secret, body))
        if webhook.signature is not None and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "a signed webhook was changed, so its signature is wrong now: pass app_secret to sign it again"
            )
        return webhook.with_body(body, None)

    def _receives_webhooks(self, scope: AsgiScope) -> bool:
        """Whether the request is for one of the paths, with or without the prefix under which the app is mounted."""
        path: str = scope["path"]
        return _plain(path) in self._paths or _plain(path.removeprefix(scope.get("root_path", ""))) in self._paths

    def _closing(self, send: Send) -> Send:
        async def send_closed(message: AsgiMessage) -> None:
            if message["type"].startswith("lifespan.shutdown."):  # the server may exit as soon as it gets this message
                await self._checks.close()
            await send(message)

        return send_closed


def _checked_paths(paths: Sequence[str]) -> frozenset[str]:
    if not paths or not all(path.startswith("/") for path in paths):
        raise ValueError("paths must be one or more paths, each beginning with /")
    return frozenset(map(_plain, paths))


def _plain(path: str) -> str:
    return path.rstrip("/") or "/"
