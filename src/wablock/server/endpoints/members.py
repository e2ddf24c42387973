"""`/v1/lists/{list_id}/members`: the users on a list, with all details. A number's own list has the number's id."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from wablock.access import AccessToken, Scope, require
from wablock.account_lists import AccountLists
from wablock.block_list.listings import Listing
from wablock.block_list.ports import BusinessNumber, Effect, IfListed, Listed, Member
from wablock.block_list.requested_users import EditedDetails
from wablock.block_list.results import ChangeOptions, Result
from wablock.block_list.rules import MOST_USERS_PER_REQUEST, Source
from wablock.block_list.service import BlockList
from wablock.block_list.shared_lists import is_own
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter, MissingParameter, ParentUserId, TooManyUsers, UserFailure
from wablock.gate.large_bodies import off_the_loop
from wablock.gate.value_count import TooManyValues, check_value_count
from wablock.server import parameters
from wablock.server.answers import Answer, encoded, etag_of, json_answer, success_body, with_etag
from wablock.server.callers import Callers
from wablock.server.causes import cause_of
from wablock.server.decoding import decoded, query_parameter
from wablock.server.endpoints.check import INVALID_USER, BlockingList, blocking_list
from wablock.server.endpoints.listed_members import ListMembers, shown
from wablock.server.idempotency_keys import idempotency_key, marked
from wablock.server.limits import RateLimits
from wablock.server.request import Request
from wablock.server.router import Route, route

_PATH: Final = "/v1/lists/{list_id}/members"
_MOST_VALUES: Final = 10_000  # 1,000 users with all their members have 6,000
_CHOICES: Final = {"if_listed": (IfListed.KEEP, IfListed.REPLACE), "source": tuple(Source)}
_LONGEST_REASON: Final = 200
_ETAG: Final = re.compile(r'"([!#-~]*)"')
_Reason = Annotated[str, msgspec.Meta(max_length=200, pattern=wire.WITHOUT_NUL)]
_Note = Annotated[str, msgspec.Meta(max_length=2_000, pattern=wire.WITHOUT_NUL)]


class MemberToAdd(wire.User, forbid_unknown_fields=True):
    """A user, as in `block_users`, with details of its own."""


class MembersToAdd(msgspec.Struct, forbid_unknown_fields=True):
    """Users to add. `reason`, `note` and `expires_at` are for each user who has none of its own.

    `if_listed`: with `keep`, users who are on the list stay exactly as they are; with `replace`, their reason, note and
    end become those of this request, and what it does not have is removed.
    """

    users: list[MemberToAdd] | None = None
    reason: _Reason | None = None
    note: _Note | None = None
    expires_at: wire.Time | None = None
    source: Source = Source.API
    batch_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=wire.WITHOUT_NUL)] | None = None
    if_listed: Literal["keep", "replace"] = "keep"


class AddedMember(wire.BlockedUserOperation):
    """A user who is on the list now. `input` is exactly the text that the caller sent.

    `freed`: true if this allow list freed the user, who was blocked just before on a number where it is in force.
    """

    freed: bool | UnsetType = UNSET


class MembersAdded(msgspec.Struct, omit_defaults=True):
    """The users in the order of the request, each with its `effect`; those that failed; the counts.

    `freed`: how many of the users this allow list freed.
    """

    members: list[AddedMember]
    failed: list[wire.FailedUser]
    added: int
    updated: int
    unchanged: int
    freed: int | UnsetType = UNSET


class MemberEdit(msgspec.Struct, forbid_unknown_fields=True):
    """What to change. A member that is missing stays; one that is null is removed."""

    reason: _Reason | UnsetType | None = UNSET
    note: _Note | UnsetType | None = UNSET
    expires_at: wire.Time | UnsetType | None = UNSET


class MemberRemoved(msgspec.Struct, omit_defaults=True):
    """`effect`: `removed`, or `not_there` if the user was not on the list.

    `still_blocked`: the shared list that still blocks the user on this number.
    """

    success: bool
    effect: str
    still_blocked: BlockingList | UnsetType = UNSET


class Members:
    def __init__(
        self, block_list: BlockList, lists: AccountLists, callers: Callers, rates: RateLimits, public_url: str | None
    ) -> None:
        self._block_list = block_list
        self._lists = lists
        self._callers = callers
        self._rates = rates
        self._public_url = public_url and public_url.rstrip("/")

    def routes(self) -> list[Route]:
        return [
            route("GET", _PATH, self.list_members),
            route("POST", _PATH, self.add_members),
            route("GET", _PATH + "/{user}", self.get_member),
            route("PATCH", _PATH + "/{user}", self.edit_member),
            route("DELETE", _PATH + "/{user}", self.remove_member),
        ]

    async def list_members(self, request: Request) -> Answer:
        _, number = await self._token_and_list(request, Scope.READ)
        page = await parameters.read(request.query, None, b"")
        limit = page.page_size()
        listing = await self._block_list.page(number, limit, page.after, page.before)
        members = ListMembers([shown(row) for row in listing.page.rows])
        members.paging = _paging((self._public_url or request.base_url) + request.path, listing, limit)
        body = encoded(members)
        answer = success_body(body, request.ids, request.version)
        return with_etag(answer, etag_of(body), request.header(b"if-none-match"))

    async def add_members(self, request: Request) -> Answer:
        token, number = await self._token_and_list(request, Scope.WRITE)
        body = await self._callers.body(request)
        try:
            await off_the_loop(body, partial(check_value_count, body, _MOST_VALUES))
        except TooManyValues as error:
            raise InvalidParameter(str(error)) from None
        new = decoded(body, MembersToAdd, _CHOICES)
        cause, key, users = cause_of(request), idempotency_key(request), _users(new)
        freed: Sequence[str] = ()
        if not is_own(number.phone_number_id):
            members, _ = self._block_list.members(number, users)
            freed = [it.input for it in await self._lists.freed_by(token, number.phone_number_id, members)]
        options = ChangeOptions(IfListed(new.if_listed), new.source, new.batch_id, "users", cause, key, freed)
        result = await self._block_list.block(number, users, token.label, options)
        answer = json_answer(request, _added(result, result.freed if result.is_repeat else freed))
        return marked(answer, is_repeat=result.is_repeat)

    async def get_member(self, request: Request) -> Answer:
        _, number = await self._token_and_list(request, Scope.READ)
        return _member_answer(request, await self._block_list.row(number, self._member(request, number)))

    async def edit_member(self, request: Request) -> Answer:
        token, number = await self._token_and_list(request, Scope.WRITE)
        require(token, Scope.READ)  # the answer has all details, also if the edit changes nothing
        edit = decoded(await self._callers.body(request), MemberEdit)
        if edit == MemberEdit():
            raise InvalidParameter("The body must have reason, note or expires_at.", "null removes one.")
        details = EditedDetails(edit.reason, edit.note, edit.expires_at)
        member, expected = self._member(request, number), _expected_tags(request)
        options = ChangeOptions(cause=cause_of(request), key=idempotency_key(request))
        edited = await self._block_list.edit(number, member, details, token.label, expected, options)
        return marked(_member_answer(request, edited.row), is_repeat=edited.is_repeat)

    async def remove_member(self, request: Request) -> Answer:
        token, number = await self._token_and_list(request, Scope.WRITE)
        if _expected_tags(request) is not None:
            raise InvalidParameter("If-Match cannot be used to remove a member.", "Leave it out, or edit the member.")
        member = self._member(request, number)
        options = ChangeOptions(cause=cause_of(request, _reason(request)), key=idempotency_key(request))
        removed = await self._block_list.remove(number, member, token.label, options)
        result = MemberRemoved(success=True, effect=removed.effect)
        if is_own(number.phone_number_id):  # as it is now, also if the request is a repeated one
            (block,) = await self._block_list.in_force(number, [member])
            result.still_blocked = UNSET if block is None else blocking_list(block)
        return marked(json_answer(request, result), is_repeat=removed.is_repeat)

    async def _token_and_list(self, request: Request, scope: Scope) -> tuple[AccessToken, BusinessNumber]:
        """The token, and the number whose own list is in the path; see `AccountLists.place`."""
        token = await self._callers.authorize(request)
        number = await self._lists.place(token, request.parameters["list_id"], scope, request.method)
        self._rates.of_list(number.phone_number_id)
        return token, number

    def _member(self, request: Request, number: BusinessNumber) -> Member:
        """The user in the path. Raises `InvalidParameter`."""
        text = request.parameters["user"]
        try:
            member = self._block_list.member(number, wire.user_of(text))
        except UserFailure as failure:
            raise InvalidParameter(INVALID_USER, failure.details) from None
        if member.parent_user_id is not None:
            raise ParentUserId("user", text)
        return member


def _reason(request: Request) -> str | None:
    """The reason of an unblock. Raises `InvalidParameter`."""
    text = query_parameter(request, "reason", "")
    if len(text) > _LONGEST_REASON or "\0" in text:
        raise InvalidParameter(f"Param reason must have at most {_LONGEST_REASON} characters, and no NUL.")
    return text or None


def _users(new: MembersToAdd) -> list[wire.User]:
    """The users, with the details of the request. Raises `InvalidParameter`."""
    if not new.users:
        raise MissingParameter("users", "It is an array of 1 to 1,000 users.")
    if len(new.users) > MOST_USERS_PER_REQUEST:
        raise TooManyUsers(len(new.users), MOST_USERS_PER_REQUEST, "users")
    for index, user in enumerate(new.users):
        if not wire.names_user(user):
            raise MissingParameter(f"users[{index}][user]")
        user.reason = new.reason if user.reason is None else user.reason
        user.note = new.note if user.note is None else user.note
        user.expires_at = new.expires_at if user.expires_at is None else user.expires_at
    return list(new.users)


def _added(result: Result, freed: Sequence[str]) -> MembersAdded:
    """`freed`: the users that this allow list freed, as they were typed."""
    inputs = set(freed)
    members = [
        AddedMember(user.input, user.wa_id, user.user_id, effect, user.input in inputs or UNSET)
        for user, effect in zip(result.done, result.effects, strict=True)
    ]
    added, updated, unchanged = (
        sum(effect is counted for effect in result.effects)
        for counted in (Effect.ADDED, Effect.UPDATED, Effect.UNCHANGED)
    )
    freed_users = {(user.wa_id, user.user_id) for user in members if user.freed is True}
    return MembersAdded(members, result.failed, added, updated, unchanged, len(freed_users) or UNSET)


def _member_answer(request: Request, row: Listed) -> Answer:
    member = shown(row)
    answer = json_answer(request, member)
    etag = f'"{member.etag}"'.encode()
    return with_etag(answer, etag, request.header(b"if-none-match") if request.method in ("GET", "HEAD") else None)


def _expected_tags(request: Request) -> frozenset[str] | None:
    """The tags in `If-Match`; None if any member may be changed. Raises `InvalidParameter` for what is not a tag.

    A weak tag, `W/"…"`, would match no member (RFC 9110, 13.1.1).
    """
    values = [value.strip() for line in request.values(b"if-match") for value in line.split(",")]
    if not values or values == ["*"]:
        return None
    tags = [_ETAG.fullmatch(value) for value in values]
    if None in tags:
        raise InvalidParameter(
            "If-Match must be * or the ETag of the member in quotes.",
            f'It is the etag of the member, such as "0f3c5a9be1d2c4f60718", and not {", ".join(values)[:100]}',
        )
    return frozenset(tag[1] for tag in tags if tag is not None)


def _paging(url: str, listing: Listing, limit: int) -> wire.Paging | UnsetType:
    after, before = listing.after, listing.before
    if after is None or before is None:
        return UNSET
    paging = wire.Paging(wire.PaginationCursors(after, before))
    if listing.page.has_next:
        paging.next = f"{url}?limit={limit}&after={after}"  # a cursor has only letters and digits
    if listing.page.has_previous:
        paging.previous = f"{url}?limit={limit}&before={before}"
    return paging
