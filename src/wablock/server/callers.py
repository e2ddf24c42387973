"""Who asks: a request's token, and its body, in an order that tells strangers nothing."""

from itertools import chain, islice
from typing import Final

import msgspec

from wablock.access import Access, AccessToken, Scope
from wablock.block_list.ports import BusinessNumber
from wablock.contract.errors import InvalidAccessToken, MissingAccessToken
from wablock.server.credentials import header_token, tokens_in
from wablock.server.limits import RateLimits
from wablock.server.request import NO_BODY, Request

_MOST_TRIED: Final = 4  # tokens of one request


class Caller(msgspec.Struct, frozen=True):
    """A request as it was read; `token` None where its header has none."""

    token: AccessToken | None
    body: bytes
    token_text: str | None = None
    """The token itself, where the header has it."""


class Callers:
    """Reads requests, up to `largest_body` bytes. `token_in_parameters`: whether a token may be one of them."""

    def __init__(
        self, access: Access, rates: RateLimits, largest_body: int, *, token_in_parameters: bool = False
    ) -> None:
        self._access = access
        self._rates = rates
        self._largest_body = largest_body
        self._token_in_parameters = token_in_parameters

    async def token(self, text: str | None) -> AccessToken:
        """The good token that `text` is, counted against its rate."""
        token = await self._access.token(text)
        self._rates.token(token.digest)
        return token

    async def read(self, request: Request, *, in_header_only: bool = False) -> Caller:
        """The request; raises what is wrong with the header's token before anything else is looked at.

        Without one in the header, its query or body has a good token, or what may be one: see `tokens_in`. With
        `in_header_only` no other place counts.
        """
        text = header_token(request)
        if text is None and in_header_only:
            raise MissingAccessToken("A browser sends it as a header alone: Authorization: Bearer TOKEN")
        token = None if text is None and self._token_in_parameters else await self.token(text)
        if token is None:
            body = await request.body(self._largest_body)
            await self._prove(request.query, body)
        elif request.incoming is NO_BODY:
            body = b""
        else:
            body = await self._body(request, text)
        return Caller(token, body, text)

    async def _prove(self, query: bytes, body: bytes) -> None:
        """Raises what is wrong with the parameters' tokens, where none of them is good."""
        wrong: InvalidAccessToken | None = None
        for text in islice(dict.fromkeys(chain(tokens_in(query), tokens_in(body))), _MOST_TRIED):
            try:
                await self._access.token(text)
            except InvalidAccessToken as error:
                wrong = wrong or error
            else:
                return
        raise wrong or MissingAccessToken

    async def read_with_token(self, request: Request) -> tuple[AccessToken, bytes]:
        """The same where a token in the header is required: without one the body is not read."""
        token = await self.authorize(request)
        return token, await self.body(request)

    async def authorize(self, request: Request) -> AccessToken:
        """The token of the header."""
        return await self.token(header_token(request))

    async def number(self, request: Request, scope: Scope) -> BusinessNumber:
        """The number that the path names, where the header's token may touch it with `scope`."""
        token = await self.authorize(request)
        return await self._access.number(token, request.parameters["phone_number_id"], scope, request.method)

    async def body(self, request: Request) -> bytes:
        """To be called after `authorize`."""
        return b"" if request.incoming is NO_BODY else await self._body(request, header_token(request))

    async def _body(self, request: Request, token: str | None) -> bytes:
        is_here = request.incoming.is_whole
        body = await request.body(self._largest_body, proven=True)
        if not is_here:  # it may have taken its time, and the token may have been revoked meanwhile
            await self._access.token(token)
        return body
