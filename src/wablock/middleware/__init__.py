"""ASGI middleware, for bots in whose own process a block is to hold."""

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
from wablock.middleware.block_checks import BlockChecks, CannotAsk
from wablock.middleware.cutting import cut, senders
from wablock.middleware.exchange import (
    NOT_ASKED,
    TAKEN,
    TOO_LARGE,
    UNREADABLE,
    ReceivedWebhook,
    Reply,
    SenderWentAway,
    read,
    replayed,
)

__all__ = ["GateMiddleware"]

_log = logging.getLogger("wablock.middleware")

# Read beside the event loop, but by C code that keeps it waiting for as long as one body takes.
_MOST_UNPROVEN: Final = 50_000


class GateMiddleware:
    """Takes out of webhooks what blocked users sent, before `app` sees them; everything else reaches it as it came.

    With `app_secret`, what is left of a webhook is signed anew, so that an app that checks signatures accepts it, and
    one that is not well signed is left alone: to refuse it is the app's part. Without it, strangers' webhooks are read
    as well, so one of more than 50,000 values gets 400; Meta's 1,000 updates have fewer. Where nothing is left, the
    sender gets 200, and the app is not called.
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
        """`url`: where wablock is. `token`: one of its tokens, with the scope `read`. `paths`: those to which webhooks
        are posted. `timeout`: seconds in which wablock has to answer.

        Where it does not, a webhook is answered 503, so that it comes again; with `pass_unchecked` it goes on to the
        app, with the header `x-wablock-unchecked: true`. Raises `ValueError` for what cannot be used.
        """
        if app_secret == "":
            raise ValueError("app_secret must not be empty; None is for an app that checks no signatures")
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
        elif scope["type"] == "http" and scope["method"] == "POST" and self._takes_webhooks(scope):
            await self._receive(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _receive(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            sent = await read(scope, receive)
        except SenderWentAway:
            return
        left = TOO_LARGE if sent is None else await self._left(sent)
        if isinstance(left, Reply):
            await left.send(send)
        else:
            if left.headers != scope["headers"]:
                scope = {**scope, "headers": left.headers}
            await self._app(scope, replayed(left.body, receive), send)

    async def _left(self, sent: ReceivedWebhook) -> ReceivedWebhook | Reply:
        """What the app is to get of it, or the answer where it is to get nothing."""
        try:
            if not await off_the_loop(sent.body, partial(self._may_be_signed, sent)):
                return sent
            payload = await off_the_loop(sent.body, partial(Payload.parse, sent.body, self._most_values))
            asked = await off_the_loop(sent.body, partial(senders, payload))
            blocked = await self._checks.blocked(asked) if asked else {}
            body = await off_the_loop(sent.body, partial(cut, payload, blocked))
        except UnreadableBody:
            return UNREADABLE
        except CannotAsk as trouble:
            _log.warning("a webhook was not checked: %s", trouble)
            return sent.marked() if self._pass_unchecked else NOT_ASKED
        if body is None:
            return TAKEN
        return sent if body is payload.raw else self._changed(sent, body)

    def _may_be_signed(self, sent: ReceivedWebhook) -> bool:
        """Without a secret nobody can know."""
        return self._app_secret is None or is_signed(self._app_secret, sent.body, sent.signature)

    def _changed(self, sent: ReceivedWebhook, body: bytes) -> ReceivedWebhook:
        if self._app_secret is not None:
            return sent.with_body(body, sign(self._app_secret, body))
        if sent.signature is not None and not self._has_warned:
            self._has_warned = True
            _log.warning("a signed webhook was cut, and not signed anew: an app that checks it needs app_secret here")
        return sent.with_body(body, None)

    def _takes_webhooks(self, scope: AsgiScope) -> bool:
        """Whether one of the paths is asked for, with or without the prefix under which the app is mounted."""
        path: str = scope["path"]
        return _plain(path) in self._paths or _plain(path.removeprefix(scope.get("root_path", ""))) in self._paths

    def _closing(self, send: Send) -> Send:
        async def send_closed(message: AsgiMessage) -> None:
            if message["type"].startswith("lifespan.shutdown."):  # the server may end as soon as it hears it
                await self._checks.close()
            await send(message)

        return send_closed


def _checked_paths(paths: Sequence[str]) -> frozenset[str]:
    if not paths or not all(path.startswith("/") for path in paths):
        raise ValueError("paths must be one path or several, each beginning with /")
    return frozenset(map(_plain, paths))


def _plain(path: str) -> str:
    return path.rstrip("/") or "/"
