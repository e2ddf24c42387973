"""`/v1/lists`: the block lists and allow lists that are in force on several numbers of an account."""

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from wablock.access import Scope, is_number_id
from wablock.account_lists import AccountLists, ListWithPlaces
from wablock.block_list.rules import SECOND
from wablock.block_list.shared_lists import ListKind
from wablock.contract.errors import InvalidParameter, MissingParameter, UnknownObject
from wablock.server.answers import Answer, json_answer
from wablock.server.callers import Callers
from wablock.server.causes import cause_of
from wablock.server.decoding import decoded
from wablock.server.request import Request
from wablock.server.router import Route, route

_PATH: Final = "/v1/lists"
_KINDS: Final = {"kind": tuple(ListKind)}
_ALL: Final = "all"

_Name = Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": 64})]  # see `checked_name`
_Id = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[0-9]{1,32}$"})]


class ListToAdd(msgspec.Struct, forbid_unknown_fields=True):
    """A list to add. `kind` `block`: its users are blocked where it is attached; `allow`: they are not, on any list."""

    name: _Name | None = None
    kind: ListKind = ListKind.BLOCK


class SharedListInfo(msgspec.Struct, kw_only=True):
    """A shared list. `attached_to_all`: it is in force on every number of the account; else on `phone_number_ids`.

    `created_at` is in seconds since 1970.
    """

    list_id: str
    name: str
    kind: str
    attached_to_all: bool
    phone_number_ids: list[str]
    created_at: int


class SharedLists(msgspec.Struct):
    """Shared lists, by name."""

    data: list[SharedListInfo]


class ListPlace(msgspec.Struct, forbid_unknown_fields=True):
    """Where to attach a list: a number, or with `all` every number of the account, also those that are added later."""

    phone_number_id: _Id | None = None
    all: bool = False


class FreedUser(msgspec.Struct, omit_defaults=True):
    """A user that an allow list freed."""

    wa_id: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET


class ListAttached(msgspec.Struct, omit_defaults=True):
    """`effect`: `attached`, or `unchanged` if it was attached there before.

    `freed`: how many users this allow list freed, who were blocked just before; `freed_users`: the first 100 of them,
    if the access token has the scope `read`.
    """

    success: bool
    effect: str
    freed: int | UnsetType = UNSET
    freed_users: list[FreedUser] | UnsetType = UNSET


class ListDetached(msgspec.Struct):
    """`effect`: `detached`, or `not_there` if it was not attached there."""

    success: bool
    effect: str


class ListRemoved(msgspec.Struct):
    success: bool


class ListEndpoints:
    def __init__(self, lists: AccountLists, callers: Callers) -> None:
        self._lists = lists
        self._callers = callers

    def routes(self) -> list[Route]:
        one = _PATH + "/{list_id}"
        return [
            route("GET", _PATH, self.list_lists),
            route("POST", _PATH, self.add_list),
            route("GET", one, self.get_list),
            route("DELETE", one, self.remove_list),
            route("POST", one + "/attachments", self.attach_list),
            route("DELETE", one + "/attachments/{place}", self.detach_list),
        ]

    async def list_lists(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        return json_answer(request, SharedLists([_info(it) for it in await self._lists.all(caller)]))

    async def add_list(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        new = decoded(await self._callers.body(request), ListToAdd, _KINDS)
        if new.name is None:
            raise MissingParameter("name", 'It is the name of the list, such as {"name":"fraud"}.')
        added = await self._lists.add(caller, new.kind, new.name, cause_of(request))
        return json_answer(request, _info(ListWithPlaces(added, everywhere=False, phone_number_ids=())), 201)

    async def get_list(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        return json_answer(request, _info(await self._lists.one(caller, request.parameters["list_id"], "GET")))

    async def remove_list(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        await self._lists.remove(caller, request.parameters["list_id"], cause_of(request))
        return json_answer(request, ListRemoved(success=True))

    async def attach_list(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        place = decoded(await self._callers.body(request), ListPlace)
        if (place.phone_number_id is None) is not place.all:
            raise InvalidParameter(
                "The body must have phone_number_id or all, not both.",
                'Send {"phone_number_id":"…"} for one number, or {"all":true} for every number of the account.',
            )
        list_id, cause = request.parameters["list_id"], cause_of(request)
        is_new, freed = await self._lists.attach(caller, list_id, place.phone_number_id, cause)
        answer = ListAttached(success=True, effect="attached" if is_new else "unchanged")
        if freed.count:
            answer.freed = freed.count
        if freed.count and Scope.READ in caller.scopes:
            answer.freed_users = [FreedUser(it.wa_id or UNSET, it.user_id or UNSET) for it in freed.users]
        return json_answer(request, answer)

    async def detach_list(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        place = request.parameters["place"]
        if place != _ALL and not is_number_id(place):
            raise UnknownObject("DELETE", place)
        list_id, number_id = request.parameters["list_id"], None if place == _ALL else place
        was_there = await self._lists.detach(caller, list_id, number_id, cause_of(request))
        return json_answer(request, ListDetached(success=True, effect="detached" if was_there else "not_there"))


def _info(it: ListWithPlaces) -> SharedListInfo:
    return SharedListInfo(
        list_id=it.shared.list_id,
        name=it.shared.name,
        kind=it.shared.kind,
        attached_to_all=it.everywhere,
        phone_number_ids=list(it.phone_number_ids),
        created_at=it.shared.created_at // SECOND,
    )
