"""`/v1/numbers/{phone_number_id}/upstream`: the API that sends the number's own messages."""

from typing import Annotated, Final

import msgspec

from wablock.access import Scope, is_token
from wablock.block_list.ports import Microseconds
from wablock.block_list.rules import SECOND
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter, UnknownObject
from wablock.gate.ports import PublicAddresses, Upstream
from wablock.gate.routes.upstreams import META, Upstreams
from wablock.server.answers import Answer, Removed, json_answer
from wablock.server.callers import Callers
from wablock.server.decoding import decoded
from wablock.server.request import Request
from wablock.server.router import Route, route

_PATH: Final = "/v1/numbers/{phone_number_id}/upstream"
_NONE: Final = "The number has no upstream. Set one with: wablock upstream set"


class UpstreamToSet(msgspec.Struct, forbid_unknown_fields=True):
    """The upstream to use. Its `token` is sent instead of the caller's, is stored encrypted, and is never returned."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=1_024)]
    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000, pattern=wire.WITHOUT_NUL)] = META
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=300)] = 30.0


class UpstreamSet(msgspec.Struct):
    """The upstream, without its token. `created_at` is in seconds since 1970."""

    url: str
    timeout: float
    created_at: int


class UpstreamEndpoints:
    def __init__(self, upstreams: Upstreams, addresses: PublicAddresses, callers: Callers) -> None:
        self._upstreams = upstreams
        self._addresses = addresses
        self._callers = callers

    def routes(self) -> list[Route]:
        return [route("GET", _PATH, self.get), route("PUT", _PATH, self.put), route("DELETE", _PATH, self.delete)]

    async def get(self, request: Request) -> Answer:
        _, number = await self._callers.token_and_number(request, Scope.MANAGE)
        info = await self._upstreams.info(number.phone_number_id)
        if info is None:
            raise UnknownObject("GET", number.phone_number_id, _NONE)
        return json_answer(request, _public(info.url, info.timeout, info.created_at))

    async def put(self, request: Request) -> Answer:
        token, number = await self._callers.token_and_number(request, Scope.MANAGE)
        new = decoded(await self._callers.body(request), UpstreamToSet)
        if not is_token(new.token):
            raise InvalidParameter("Param token must be printable ASCII without spaces.")
        await self._addresses.check(new.url, number.account_id)
        upstream = Upstream(number.phone_number_id, new.url, new.token, new.timeout)
        created_at = await self._upstreams.set(number.account_id, upstream, token.digest)
        if created_at is None:
            await self._callers.authorize(request)  # raises if the token was revoked meanwhile
            raise UnknownObject("PUT", number.phone_number_id)
        return json_answer(request, _public(upstream.url, upstream.timeout, created_at))

    async def delete(self, request: Request) -> Answer:
        _, number = await self._callers.token_and_number(request, Scope.MANAGE)
        if not await self._upstreams.remove(number.phone_number_id):
            raise UnknownObject("DELETE", number.phone_number_id, _NONE)
        return json_answer(request, Removed(success=True))


def _public(url: str, timeout: float, created_at: Microseconds) -> UpstreamSet:
    return UpstreamSet(url, timeout, created_at // SECOND)
