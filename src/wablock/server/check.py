"""The check, for those who enforce a block elsewhere: is this user blocked, and since when?"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from wablock.access import Access, AccessToken, Scope
from wablock.block_list.ports import BusinessNumber, InForce
from wablock.block_list.rules import MOST_USERS_PER_REQUEST, SECOND
from wablock.block_list.service import BlockList
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter, MissingParameter, TooManyUsers, UnsupportedMethod
from wablock.server.answers import Answer, RequestIds, encoded, success_body
from wablock.server.limits import RateLimits
from wablock.server.parameters import NOT_JSON, invalid

_PATH = re.compile(r"/v1/numbers/([^/]+)/check(?:/([^/]+))?")
_AS_STATUS: Final = b"as=status"
_NO_BODY: Final = [(b"cache-control", b"no-store")]


class CheckedUser(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Whether a user is blocked; times in seconds since 1970. What follows `blocked` is there where it is."""

    input: str
    wa_id: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    blocked: bool
    blocked_at: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    expires_at: int | UnsetType = UNSET


class Check(msgspec.Struct, forbid_unknown_fields=True):
    """The users to check, by number, by `user_id` or by parent user id."""

    users: list[str] | None = None


class CheckResult(msgspec.Struct, omit_defaults=True):
    """The users in the order in which they were sent, and apart from them those who are nobody."""

    users: list[CheckedUser]
    failed_users: list[wire.FailedUser] | UnsetType = UNSET


class Target(msgspec.Struct, frozen=True):
    """Which number's list a path asks, and about whom; `user` None: about those in the body."""

    phone_number_id: str
    user: str | None


def target(path: str) -> Target | None:
    match = _PATH.fullmatch(path)
    return None if match is None else Target(match[1], match[2])


class Checks:
    """Answers `GET /v1/numbers/{phone_number_id}/check/{user}` and `POST /v1/numbers/{phone_number_id}/check`."""

    def __init__(self, block_list: BlockList, access: Access, rates: RateLimits, version: str) -> None:
        self._block_list = block_list
        self._access = access
        self._rates = rates
        self._version = version

    async def answer(
        self, method: str, asked: Target, query: bytes, token: AccessToken, body: bytes, ids: RequestIds
    ) -> Answer:
        if method != ("POST" if asked.user is None else "GET"):
            raise UnsupportedMethod(method)
        number = await self._access.number(token, asked.phone_number_id, Scope.READ, method)
        self._rates.number(number.phone_number_id)
        if asked.user is None:
            return success_body(encoded(await self._many(number, _users(body))), ids, self._version)
        checked = await self._one(number, asked.user)
        if query == _AS_STATUS:
            return Answer(403 if checked.blocked else 204, b"", list(_NO_BODY))
        if query and b"as=" in query:
            raise InvalidParameter("Param as must be status.")
        return success_body(encoded(checked), ids, self._version)

    async def _one(self, number: BusinessNumber, user: str) -> CheckedUser:
        result = await self._many(number, [user])
        if result.users:
            return result.users[0]
        failed = result.failed_users
        raise InvalidParameter(
            "Param user names nobody.", None if failed is UNSET else failed[0].errors[0].error_data.details
        )

    async def _many(self, number: BusinessNumber, users: Sequence[str]) -> CheckResult:
        named = [wire.user_of(text) for text in users]
        members, failed = self._block_list.members(number, named, may_be_parent=True)
        found = await self._block_list.in_force(number, members) if members else ()
        checked = [
            _checked(member.input, member.wa_id, member.user_id, block)
            for member, block in zip(members, found, strict=True)
        ]
        return CheckResult(checked, failed or UNSET)


def _checked(typed: str, wa_id: str | None, user_id: str | None, block: InForce | None) -> CheckedUser:
    checked = CheckedUser(input=typed, wa_id=wa_id or UNSET, user_id=user_id or UNSET, blocked=block is not None)
    if block is not None:
        checked.blocked_at = block.blocked_at // SECOND
        checked.reason = UNSET if block.reason is None else block.reason
        checked.expires_at = UNSET if block.expires_at is None else block.expires_at // SECOND
    return checked


def _users(body: bytes) -> list[str]:
    try:
        asked = msgspec.json.decode(body or b"{}", type=Check)
    except msgspec.ValidationError as fault:
        raise invalid(str(fault)) from None
    except NOT_JSON:
        raise InvalidParameter("The body must be a JSON object.") from None
    if asked.users is None:
        raise MissingParameter("users")
    if len(asked.users) > MOST_USERS_PER_REQUEST:
        raise TooManyUsers(len(asked.users), MOST_USERS_PER_REQUEST)
    return asked.users
