"""Who asks: a request's token, and its body, in an order that tells strangers nothing."""

import msgspec
from starlette.requests import Request
from starlette.types import Receive, Scope

from wablock.access import Access, AccessToken
from wablock.server import request
from wablock.server.credentials import header_token
from wablock.server.limits import RateLimits
from wablock.server.request import Headers


class Caller(msgspec.Struct, frozen=True):
    """A request as it was read; `token` None where its header has none."""

    sent: Headers
    token: AccessToken | None
    body: bytes


class Callers:
    """Reads requests, up to `largest_body` bytes."""

    def __init__(self, access: Access, rates: RateLimits, largest_body: int) -> None:
        self._access = access
        self._rates = rates
        self._largest_body = largest_body

    async def token(self, text: str | None) -> AccessToken:
        """The good token that `text` is, counted against its rate."""
        token = await self._access.token(text)
        self._rates.token(token.digest)
        return token

    async def read(self, scope: Scope, receive: Receive) -> Caller:
        """The request; raises what is wrong with the header's token before anything else is looked at."""
        sent = request.headers(scope)
        text = header_token(sent)
        token = None if text is None else await self.token(text)
        body = await request.body(receive, sent, self._largest_body)
        if token is not None and body:  # a body may take its time, and the token may be revoked meanwhile
            token = await self._access.token(text)
        return Caller(sent, token, body)

    async def read_with_token(self, scope: Scope, receive: Receive) -> tuple[AccessToken, bytes]:
        """The same where a token in the header is required: without one the body is not read."""
        sent = request.headers(scope)
        text = header_token(sent)
        token = await self.token(text)
        body = await request.body(receive, sent, self._largest_body)
        return (await self._access.token(text) if body else token), body

    # -- for Starlette's routes

    async def authorize(self, asked: Request) -> AccessToken:
        return await self.token(header_token(request.headers(asked.scope)))

    async def body(self, asked: Request) -> bytes:
        """To be called after `authorize`."""
        sent = request.headers(asked.scope)
        body = await request.body(asked.receive, sent, self._largest_body)
        await self._access.token(header_token(sent))  # see `read`
        return body
