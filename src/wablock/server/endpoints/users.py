"""`/v1/users/{user}`: one user, and all of the account's lists that have the user."""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from wablock.account_users import AccountUsers, Entry
from wablock.block_list.ports import BusinessNumber, Member
from wablock.block_list.service import BlockList
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter, UserFailure
from wablock.server.answers import Answer, json_answer
from wablock.server.callers import Callers
from wablock.server.endpoints.check import INVALID_USER
from wablock.server.endpoints.listed_members import ListMember, shown
from wablock.server.request import Request
from wablock.server.router import Route, route

_PATH: Final = "/v1/users/{user}"
_OWN: Final = "own"


class UserEntry(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A list that has the user. `kind`: `own` for a number's own list, otherwise `block` or `allow`, with a `name`.

    It is in force on every number of the account (`attached_to_all`), or on `phone_number_ids`.
    """

    list_id: str
    kind: str
    name: str | UnsetType = UNSET
    attached_to_all: bool | UnsetType = UNSET
    phone_number_ids: list[str]
    member: ListMember


class UserOfLists(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A user, the numbers on which the user is blocked now, and the lists that have the user, own lists first."""

    input: str
    wa_id: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET
    blocked_on: list[str]
    lists: list[UserEntry]


class UserEndpoint:
    def __init__(self, users: AccountUsers, block_list: BlockList, callers: Callers) -> None:
        self._users = users
        self._block_list = block_list
        self._callers = callers

    def routes(self) -> list[Route]:
        return [route("GET", _PATH, self.get_user)]

    async def get_user(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        member = self._member(request, caller.account_id)
        found = await self._users.entries(caller, member)
        user = UserOfLists(
            input=member.input,
            wa_id=member.wa_id or UNSET,
            user_id=member.user_id or UNSET,
            blocked_on=list(found.blocked_on),
            lists=[_entry(it) for it in found.entries],
        )
        return json_answer(request, user)

    def _member(self, request: Request, account_id: str) -> Member:
        """The user in the path, who is of no number's country. Raises `InvalidParameter`."""
        try:
            return self._block_list.member(BusinessNumber("", account_id), wire.user_of(request.parameters["user"]))
        except UserFailure as failure:
            raise InvalidParameter(INVALID_USER, failure.details) from None


def _entry(entry: Entry) -> UserEntry:
    shared = entry.shared
    return UserEntry(
        list_id=entry.list_id,
        kind=_OWN if shared is None else shared.kind,
        name=UNSET if shared is None else shared.name,
        attached_to_all=UNSET if shared is None else entry.everywhere,
        phone_number_ids=list(entry.phone_number_ids),
        member=shown(entry.row),
    )
