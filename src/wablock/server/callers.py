"""Callers: a request's token, then its body, in an order that reveals nothing to strangers."""

from itertools import chain, islice
from typing import Final

import msgspec

from wablock.access import Access, AccessToken, Scope
from wablock.block_list.ports import BusinessNumber
from wablock.contract.errors import InvalidAccessToken, MissingAccessToken
from wablock.server.credentials import header_token, tokens_in
from wablock.server.limits import RateLimits
from wablock.server.request import NO_BODY, Request

_MOST_TRIED: Final = 4  # possible tokens in one request


class Caller(msgspec.Struct, frozen=True):
    """A request's token and body. `token` is None if the header has no token."""

    token: AccessToken | None
    body: bytes
    token_text: str | None = None
    """The text of the token, if the header has one."""


class Callers:
    """Reads requests with bodies of up to `largest_body` bytes. `token_in_parameters` permits tokens in parameters."""

    def __init__(
        self, access: Access, rates: RateLimits, largest_body: int, *, token_in_parameters: bool = False
    ) -> None:
        self._access = access
        self._rates = rates
        self._largest_body = largest_body
        self._token_in_parameters = token_in_parameters

    async def token(self, text: str | None) -> AccessToken:
        """The valid token with this text. The request counts against its rate limit."""
        token = await self._access.token(text)
        self._rates.token(token.digest)
        return token

    async def read(self, request: Request, *, in_header_only: bool = False) -> Caller:
        """Read the token and the body. Raises the token's error before anything else is read.

        If the header has no token, the query or the body must contain a valid one; see `tokens_in`. With
        `in_header_only`, only the header counts.
        """
        text = header_token(request)
        if text is None and in_header_only:
            raise MissingAccessToken("A browser must send it as a header: Authorization: Bearer TOKEN")
        token = None if text is None and self._token_in_parameters else await self.token(text)
        if token is None:
            body = await request.body(self._largest_body)
            await self._check_parameter_tokens(request.query, body)
        elif request.incoming is NO_BODY:
            body = b""
        else:
            body = await self._body(request, text)
        return Caller(token, body, text)

    async def _check_parameter_tokens(self, query: bytes, body: bytes) -> None:
        """Raise the first token's error if no token in the parameters is valid."""
        first_error: InvalidAccessToken | None = None
        for text in islice(dict.fromkeys(chain(tokens_in(query), tokens_in(body))), _MOST_TRIED):
            try:
                await self._access.token(text)
            except InvalidAccessToken as error:
                first_error = first_error or error
            else:
                return
        raise first_error or MissingAccessToken

    async def authorize(self, request: Request) -> AccessToken:
        """The token of the header."""
        token = await self._access.token(header_token(request))
        self._rates.token(token.digest)
        return token

    async def token_and_number(self, request: Request, scope: Scope) -> tuple[AccessToken, BusinessNumber]:
        """The header's token, and the number in the path, if the token may use it with `scope`."""
        token = await self.authorize(request)
        return token, await self._access.number(token, request.parameters["phone_number_id"], scope, request.method)

    async def body(self, request: Request) -> bytes:
        """The body. Call `authorize` first."""
        return b"" if request.incoming is NO_BODY else await self._body(request, header_token(request))

    async def _body(self, request: Request, token: str | None) -> bytes:
        was_whole = request.incoming.is_whole
        body = await request.body(self._largest_body, proven=True)
        if not was_whole:  # the token may have been revoked while the body arrived
            await self._access.token(token)
        return body
