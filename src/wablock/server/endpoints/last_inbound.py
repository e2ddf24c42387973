"""`/v1/numbers/{phone_number_id}/last_inbound`: when users last wrote, for servers that get no webhooks."""

from typing import Annotated

import msgspec
from msgspec import UNSET

from wablock.access import Scope
from wablock.block_list.rules import MOST_USERS_PER_REQUEST
from wablock.block_list.service import BlockList
from wablock.contract import wire
from wablock.contract.errors import MissingParameter, TooManyUsers
from wablock.server.answers import Answer, json_answer
from wablock.server.callers import Callers
from wablock.server.decoding import decoded, moment
from wablock.server.request import Request
from wablock.server.router import Route, route


class LastInbound(msgspec.Struct, forbid_unknown_fields=True):
    """Users who wrote, and the time: seconds since 1970 or an ISO 8601 text. Without `at`, the time is now."""

    users: list[str] | None = None
    at: Annotated[int, msgspec.Meta(ge=0, le=wire.LATEST)] | str | None = None


class LastInboundResult(msgspec.Struct, omit_defaults=True):
    users: list[wire.BlockedUserOperation]
    failed_users: list[wire.FailedUser] | msgspec.UnsetType = UNSET


class LastInboundEndpoint:
    def __init__(self, block_list: BlockList, callers: Callers) -> None:
        self._block_list = block_list
        self._callers = callers

    def routes(self) -> list[Route]:
        return [route("PUT", "/v1/numbers/{phone_number_id}/last_inbound", self.put_last_inbound)]

    async def put_last_inbound(self, request: Request) -> Answer:
        _, number = await self._callers.token_and_number(request, Scope.WRITE)
        inbound = decoded(await self._callers.body(request), LastInbound)
        if inbound.users is None:
            raise MissingParameter("users")
        if len(inbound.users) > MOST_USERS_PER_REQUEST:
            raise TooManyUsers(len(inbound.users), MOST_USERS_PER_REQUEST)
        users = [wire.user_of(text) for text in inbound.users]
        result = await self._block_list.note_inbound(number, users, moment(inbound.at))
        return json_answer(request, LastInboundResult(result.done, result.failed or UNSET))
