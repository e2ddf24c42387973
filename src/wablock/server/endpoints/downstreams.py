"""`/v1/numbers/{phone_number_id}/downstreams`: the receivers of a number."""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from wablock.access import Scope
from wablock.block_list.ports import BusinessNumber
from wablock.block_list.rules import SECOND
from wablock.contract import wire
from wablock.contract.errors import GraphError, InvalidParameter, UnknownObject
from wablock.gate.ports import MOST_SET_BY_TOKENS, PublicAddresses
from wablock.gate.receiver_headers import headers_to_set
from wablock.gate.routes.downstreams import DownstreamInfo, Downstreams, NewDownstream
from wablock.public_credentials import is_public
from wablock.server.answers import Answer, Removed, json_answer
from wablock.server.callers import Callers
from wablock.server.decoding import decoded
from wablock.server.request import Request
from wablock.server.router import Route, route

_PATH: Final = "/v1/numbers/{phone_number_id}/downstreams"


class DownstreamToAdd(msgspec.Struct, forbid_unknown_fields=True):
    """A receiver to add. `secret` and header values are stored encrypted, and no answer contains them."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000, pattern=wire.WITHOUT_NUL)]
    secret: Annotated[str, msgspec.Meta(min_length=1, max_length=500)] | None = None
    headers: dict[str, str] = {}
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 5.0
    required: bool = True


class DownstreamAdded(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A receiver, without its secrets. `created_at` is in seconds since 1970."""

    downstream_id: str
    url: str
    has_secret: bool
    header_names: list[str]
    timeout: float
    required: bool
    created_at: int


class DownstreamList(msgspec.Struct):
    data: list[DownstreamAdded]


class DownstreamEndpoints:
    def __init__(self, downstreams: Downstreams, addresses: PublicAddresses, callers: Callers) -> None:
        self._downstreams = downstreams
        self._addresses = addresses
        self._callers = callers

    def routes(self) -> list[Route]:
        return [
            route("GET", _PATH, self.list_downstreams),
            route("POST", _PATH, self.add_downstream),
            route("DELETE", _PATH + "/{downstream_id}", self.remove_downstream),
        ]

    async def list_downstreams(self, request: Request) -> Answer:
        _, number = await self._callers.token_and_number(request, Scope.MANAGE)
        infos = await self._downstreams.infos(number.phone_number_id)
        return json_answer(request, DownstreamList([_public(info) for info in infos]))

    async def add_downstream(self, request: Request) -> Answer:
        token, number = await self._callers.token_and_number(request, Scope.MANAGE)
        downstream = decoded(await self._callers.body(request), DownstreamToAdd)
        if downstream.secret is not None and is_public(downstream.secret):
            raise InvalidParameter("Param secret is the public default of wablock dev: choose another.")
        await self._addresses.check(downstream.url, number.account_id)
        new = NewDownstream(
            url=downstream.url,
            secret=downstream.secret,
            headers=_sendable(downstream.headers),
            timeout=downstream.timeout,
            required=downstream.required,
            account_events=token.phone_number_ids is None,
            set_by=token.digest,
        )
        added = await self._downstreams.add(number.account_id, number.phone_number_id, new)
        if added is None:
            raise await self._add_error(request, number)
        return json_answer(request, _public(added), 201)

    async def _add_error(self, request: Request, number: BusinessNumber) -> GraphError:
        await self._callers.authorize(request)  # raises if the token was revoked meanwhile
        if len(await self._downstreams.infos(number.phone_number_id)) < MOST_SET_BY_TOKENS:
            return UnknownObject("POST", number.phone_number_id)
        return InvalidParameter(
            f"A number may have {MOST_SET_BY_TOKENS} receivers that were added over HTTP.",
            "Remove one before you add another.",
        )

    async def remove_downstream(self, request: Request) -> Answer:
        _, number = await self._callers.token_and_number(request, Scope.MANAGE)
        downstream_id = request.parameters["downstream_id"]
        if not await self._downstreams.remove(number.phone_number_id, downstream_id):
            raise UnknownObject("DELETE", downstream_id)
        return json_answer(request, Removed(success=True))


def _sendable(headers: dict[str, str]) -> Mapping[str, str]:
    try:
        return headers_to_set(headers)
    except ValueError as error:
        raise InvalidParameter("Param headers cannot be sent.", str(error)) from None


def _public(info: DownstreamInfo) -> DownstreamAdded:
    return DownstreamAdded(
        downstream_id=info.downstream_id,
        url=info.url,
        has_secret=info.has_secret,
        header_names=list(info.header_names),
        timeout=info.timeout,
        required=info.required,
        created_at=info.created_at // SECOND,
    )
