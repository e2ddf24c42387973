"""`/v1/numbers/{phone_number_id}/drops`: the recent drops of the gate."""

import msgspec
from msgspec import UNSET, UnsetType

from wablock.access import Scope
from wablock.block_list.rules import SECOND
from wablock.contract.errors import InvalidParameter
from wablock.gate.recent_drops import DropsSince
from wablock.server.answers import Answer, json_answer
from wablock.server.callers import Callers
from wablock.server.decoding import query_parameter
from wablock.server.request import Request
from wablock.server.router import Route, route


class RecentDrop(msgspec.Struct):
    """A dropped message, call or handover: its time (seconds since 1970), masked sender, type, and size (bytes)."""

    seq: int
    at: int
    sender: str
    type: str
    size: int


class RecentDropList(msgspec.Struct, omit_defaults=True):
    """The drops, oldest first. `after` is the value for the next request's `after`."""

    data: list[RecentDrop]
    after: int | UnsetType = UNSET


class DropEndpoint:
    def __init__(self, drops: DropsSince, callers: Callers) -> None:
        self._drops = drops
        self._callers = callers

    def routes(self) -> list[Route]:
        return [route("GET", "/v1/numbers/{phone_number_id}/drops", self.list_drops)]

    async def list_drops(self, request: Request) -> Answer:
        _, number = await self._callers.token_and_number(request, Scope.READ)
        after = query_parameter(request, "after", "0")
        if not (after.isascii() and after.isdigit()):
            raise InvalidParameter("Param after must be a number from an earlier answer's after.")
        drops = await self._drops(number, int(after[:18]))
        data = [RecentDrop(drop.seq, drop.at // SECOND, drop.sender, drop.type, drop.size) for drop in drops]
        return json_answer(request, RecentDropList(data, data[-1].seq if data else int(after[:18])))
