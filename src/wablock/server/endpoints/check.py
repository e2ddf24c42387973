"""The check, for programs that enforce a block elsewhere: whether users are blocked, and since when."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from wablock.access import Access, Scope
from wablock.block_list.ports import BusinessNumber, InForce, Member
from wablock.block_list.rules import MOST_USERS_PER_REQUEST, SECOND
from wablock.block_list.service import BlockList
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter, MissingParameter, TooManyUsers, UserFailure
from wablock.server.answers import Answer, encoded, header_lines, success_body
from wablock.server.callers import Callers
from wablock.server.decoding import decoded
from wablock.server.limits import RateLimits
from wablock.server.request import Request
from wablock.server.router import Route

_PATH: Final = "/v1/numbers/{phone_number_id}/check"
_AS_STATUS: Final = b"as=status"
INVALID_USER: Final = "Param user must be a phone number with country code, such as +16505551234, or a user_id."
_NO_BODY: Final = header_lines(((b"cache-control", b"no-store"),))


class BlockingList(msgspec.Struct):
    """The shared list through which a user is blocked."""

    list_id: str
    name: str


class CheckedUser(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Whether a user is blocked. Members after `blocked` exist only for a blocked user. Times: seconds since 1970.

    `list`: the shared list that has the user; missing if the number's own list has.
    """

    input: str
    wa_id: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    blocked: bool
    blocked_at: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    expires_at: int | UnsetType = UNSET
    list: BlockingList | UnsetType = UNSET


class Check(msgspec.Struct, forbid_unknown_fields=True):
    """The users to check, by number, by `user_id` or by parent user id."""

    users: list[str] | None = None


class CheckResult(msgspec.Struct, omit_defaults=True):
    """The users in the order in which they were sent, and separately the texts that are not users."""

    users: list[CheckedUser]
    failed_users: list[wire.FailedUser] | UnsetType = UNSET


class Checks:
    def __init__(self, block_list: BlockList, access: Access, callers: Callers, rates: RateLimits) -> None:
        self._block_list = block_list
        self._access = access
        self._callers = callers
        self._rates = rates

    def routes(self) -> list[Route]:
        return [
            Route("GET", _PATH + "/{user}", self.one, "check", starts_without_task=True),
            Route("POST", _PATH, self.many, "check", starts_without_task=True),
        ]

    async def one(self, request: Request) -> Answer:
        number, _ = await self._number_and_body(request)
        checked = await self._one(number, request.parameters["user"])
        if request.query == _AS_STATUS:
            return Answer(403 if checked.blocked else 204, _NO_BODY)
        if request.query and b"as=" in request.query:
            raise InvalidParameter("Param as must be status.")
        return success_body(encoded(checked), request.ids, request.version)

    async def many(self, request: Request) -> Answer:
        number, body = await self._number_and_body(request)
        return success_body(encoded(await self._many(number, _users(body))), request.ids, request.version)

    async def _number_and_body(self, request: Request) -> tuple[BusinessNumber, bytes]:
        token = await self._callers.authorize(request)
        body = await self._callers.body(request)
        phone_number_id = request.parameters["phone_number_id"]
        number = await self._access.number(token, phone_number_id, Scope.READ, request.method)
        self._rates.number(number.phone_number_id)
        return number, body

    async def _one(self, number: BusinessNumber, user: str) -> CheckedUser:
        try:
            member = self._block_list.member(number, wire.user_of(user))
        except UserFailure as failure:
            raise InvalidParameter(INVALID_USER, failure.details) from None
        (block,) = await self._block_list.in_force(number, [member])
        return _checked(member, block)

    async def _many(self, number: BusinessNumber, users: Sequence[str]) -> CheckResult:
        members, failed = self._block_list.members(number, [wire.user_of(text) for text in users], may_be_parent=True)
        blocks = await self._block_list.in_force(number, members) if members else ()
        checked = [_checked(member, block) for member, block in zip(members, blocks, strict=True)]
        return CheckResult(checked, failed or UNSET)


def _checked(member: Member, block: InForce | None) -> CheckedUser:
    wa_id, user_id = member.wa_id or UNSET, member.user_id or UNSET
    checked = CheckedUser(input=member.input, wa_id=wa_id, user_id=user_id, blocked=block is not None)
    if block is not None:
        checked.blocked_at = block.blocked_at // SECOND
        checked.reason = UNSET if block.reason is None else block.reason
        checked.expires_at = UNSET if block.expires_at is None else block.expires_at // SECOND
        checked.list = blocking_list(block)
    return checked


def blocking_list(block: InForce) -> BlockingList | UnsetType:
    """The shared list that has the user, if it is not the number's own."""
    return UNSET if block.list_id is None else BlockingList(block.list_id, block.list_name or "")


def _users(body: bytes) -> list[str]:
    users = decoded(body, Check).users
    if users is None:
        raise MissingParameter("users")
    if len(users) > MOST_USERS_PER_REQUEST:
        raise TooManyUsers(len(users), MOST_USERS_PER_REQUEST)
    return users
