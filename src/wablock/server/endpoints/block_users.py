"""The three operations of the Block API."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET

from wablock.access import Access, AccessToken, Scope
from wablock.block_list.listings import Listing
from wablock.block_list.pages import Row
from wablock.block_list.ports import BusinessNumber
from wablock.block_list.results import ChangeOptions, Result
from wablock.block_list.rules import SECOND
from wablock.block_list.service import BlockList
from wablock.contract import wire
from wablock.contract.errors import GraphError, SomeUsersFailed, UnsupportedMethod
from wablock.server import parameters as parameter_reader
from wablock.server.answers import (
    Answer,
    encoded,
    error_body,
    etag_of,
    header_lines,
    preflight,
    success,
    success_body,
    with_etag,
)
from wablock.server.callers import Callers
from wablock.server.causes import cause_of
from wablock.server.idempotency_keys import idempotency_key, marked
from wablock.server.limits import RateLimits
from wablock.server.parameters import Parameters
from wablock.server.request import Request
from wablock.server.router import ANY_METHOD, Route
from wablock.settings import AnswerSettings

_TIMES: Final = frozenset(("blocked_at", "expires_at", "updated_at"))
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "DELETE"))
_SCOPES = {"GET": Scope.READ, "POST": Scope.WRITE, "DELETE": Scope.WRITE}
_EFFECTS_HEADER: Final = wire.EFFECTS_HEADER.encode()
# Some servers send no links at all. This header tells a client that a page has no neighbour, and saves it a request.
_PLACES = {
    (has_previous, has_next): header_lines(((wire.PAGE_HEADER.encode(), place.encode()),))
    for has_previous, has_next, place in (
        (False, False, f"{wire.FIRST_PAGE}, {wire.LAST_PAGE}"),
        (False, True, wire.FIRST_PAGE),
        (True, False, wire.LAST_PAGE),
    )
}


class BlockUsersCall(msgspec.Struct):
    """One request to a block list, with its token and parameters."""

    method: str
    phone_number_id: str
    token: AccessToken
    parameters: Parameters
    request: Request
    token_in_parameters: bool


class BlockUsers:
    def __init__(
        self, block_list: BlockList, access: Access, callers: Callers, rates: RateLimits, settings: AnswerSettings
    ) -> None:
        self._block_list = block_list
        self._access = access
        self._callers = callers
        self._rates = rates
        self._public_url = settings.public_url and settings.public_url.rstrip("/")
        self._partial_failure_status = settings.partial_failure_status
        self._default_fields = frozenset(("input",) if settings.list_has_input else ())

    def routes(self) -> list[Route]:
        return [
            Route(ANY_METHOD, template + slash, self.answer, "block_users", starts_without_task=True)
            for template in ("/{version}/{phone_number_id}/block_users", "/{phone_number_id}/block_users")
            for slash in ("", "/")
        ]

    async def answer(self, request: Request) -> Answer:
        if request.method == "OPTIONS":
            return preflight(request.ids, request.version)
        if request.method not in _METHODS:
            raise UnsupportedMethod(request.method)
        caller = await self._callers.read(request)
        values = await parameter_reader.read(request.query, request.header(b"content-type"), caller.body)
        token = caller.token or await self._callers.token(values.access_token)
        return await self._answer(
            BlockUsersCall(
                _method(request.method, values),
                request.parameters["phone_number_id"],
                token,
                values,
                request,
                caller.token is None,
            )
        )

    async def _answer(self, call: BlockUsersCall) -> Answer:
        scope = _SCOPES.get(call.method)
        if scope is None:
            raise UnsupportedMethod(call.method)
        number = await self._access.number(call.token, call.phone_number_id, scope, call.method)
        self._rates.number(number.phone_number_id)
        if call.method == "GET":
            return await self._get(call, number)
        if call.method == "POST":
            return await self._post(call, number)
        return await self._delete(call, number)

    async def _get(self, call: BlockUsersCall, number: BusinessNumber) -> Answer:
        parameters = call.parameters
        limit, fields = parameters.page_size(), parameters.extra_fields() | self._default_fields
        listing = await self._block_list.page(number, limit, parameters.after, parameters.before, details=bool(fields))
        url = (self._public_url or call.request.base_url) + call.request.path
        same_for_all = not fields and not parameters.fields and not call.token_in_parameters
        rendered = listing.rendered.get(url) if same_for_all else None
        if rendered is None:
            body = encoded(_data(call, url, listing, limit, fields))
            rendered = body, etag_of(body)
            if same_for_all:
                listing.rendered.clear()  # keep one only: callers could fill the memory with many host names
                listing.rendered[url] = rendered
        body, etag = rendered
        answer = success_body(body, call.request.ids, call.request.version)
        place = _PLACES.get((listing.page.has_previous, listing.page.has_next))
        if place and listing.page.rows:  # an empty page after a cursor is not the first
            answer.headers += place
        return with_etag(answer, etag, call.request.header(b"if-none-match"))

    async def _post(self, call: BlockUsersCall, number: BusinessNumber) -> Answer:
        options = ChangeOptions(cause=cause_of(call.request), key=idempotency_key(call.request))
        result = await self._block_list.block(number, call.parameters.users(), call.token.label, options)
        users = wire.BlockUsersResult(result.done or UNSET, result.failed or UNSET)
        data = wire.BlockUsersData(users, wire.WHATSAPP)
        return self._changed(call, data, result, "block")

    async def _delete(self, call: BlockUsersCall, number: BusinessNumber) -> Answer:
        options = ChangeOptions(cause=cause_of(call.request), key=idempotency_key(call.request))
        result = await self._block_list.unblock(number, call.parameters.users(), call.token.label, options)
        users = wire.UnblockUsersResult(result.done or UNSET, result.failed or UNSET)
        data = wire.UnblockUsersData(users, wire.WHATSAPP)
        return self._changed(call, data, result, "unblock")

    def _changed(
        self, call: BlockUsersCall, data: wire.BlockUsersData | wire.UnblockUsersData, result: Result, operation: str
    ) -> Answer:
        ids, version = call.request.ids, call.request.version
        if _EFFECTS_HEADER in call.request.last_values:
            for user, effect in zip(result.done, result.effects, strict=True):
                user.effect = effect
        if not result.failed:
            return marked(success(data, ids, version), is_repeat=result.is_repeat)
        error: GraphError = SomeUsersFailed(operation)
        data.error = error_body(error, ids)
        answer = success(data, ids, version, self._partial_failure_status)
        answer.code = error.code
        return marked(answer, is_repeat=result.is_repeat)


def _method(method: str, values: Parameters) -> str:
    """The operation. As in Graph, the parameter `method` of a POST may name another one."""
    if method == "HEAD":
        return "GET"
    if method == "POST" and values.method:
        return values.method.upper()[:20]
    return method


def _data(
    call: BlockUsersCall, url: str, listing: Listing, limit: int, fields: frozenset[str]
) -> wire.GetBlockedUsersData:
    rows = listing.page.rows
    data = wire.GetBlockedUsersData([_detailed_user(row, fields) for row in rows] if fields else _blocked_users(rows))
    if listing.before is not None and listing.after is not None:
        data.paging = _paging(call, f"{url}?limit={limit}", listing, listing.before, listing.after)
    return data


def _blocked_users(rows: Sequence[Row]) -> list[wire.BlockedUser]:
    user, product = wire.BlockedUser, wire.WHATSAPP
    return [user(product, row.wa_id or UNSET, row.user_id or UNSET) for row in rows]


def _detailed_user(row: Row, fields: frozenset[str]) -> wire.BlockedUser:
    (user,) = _blocked_users([row])
    for field in fields:
        value = getattr(row, field)
        if field in _TIMES and value is not None:
            value //= SECOND
        if field != "user_id":
            setattr(user, field, value)
    return user


def _paging(call: BlockUsersCall, url: str, listing: Listing, before: str, after: str) -> wire.Paging:
    paging = wire.Paging(wire.PaginationCursors(after, before))
    if listing.page.has_next:
        paging.next = _page_url(call, f"{url}&after={after}")  # a cursor has only letters and digits
    if listing.page.has_previous:
        paging.previous = _page_url(call, f"{url}&before={before}")
    return paging


def _page_url(call: BlockUsersCall, url: str) -> str:
    if call.parameters.fields:
        url += "&" + urlencode({"fields": call.parameters.fields})
    if call.token_in_parameters and call.parameters.access_token:
        url += "&" + urlencode({"access_token": call.parameters.access_token})
    return url
