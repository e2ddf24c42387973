"""`/v1`: what Meta's API has no words for. Tokens, and when users last wrote."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wablock import access
from wablock.access import Access, AccessToken, Scope, token_id_of
from wablock.block_list.ports import Microseconds
from wablock.block_list.rules import MOST_USERS_PER_REQUEST, SECOND
from wablock.block_list.service import BlockList
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter, MissingParameter, TooManyUsers, UnknownObject
from wablock.contract.versions import answering_version
from wablock.gate.routes import Routes
from wablock.server.answers import Answer, success
from wablock.server.parameters import NOT_JSON, invalid

_T = TypeVar("_T")

LATEST = 253_402_300_799  # the end of the year 9999, in seconds since 1970
_NumberId = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[0-9]{1,32}$"})]  # see `_number_ids`
_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=wire.WITHOUT_NUL)]


class NewToken(msgspec.Struct, forbid_unknown_fields=True):
    """A token to make. Nothing said about scopes, numbers or expiry: the maker's."""

    label: _Label
    scopes: list[Scope] | None = None
    phone_number_ids: Annotated[list[_NumberId], msgspec.Meta(max_length=1_000)] | None = None
    expires_at: Annotated[int, msgspec.Meta(ge=0, le=LATEST)] | None = None


class TokenInfo(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What can be told of a token; times in seconds since 1970. `token` once only, when it is made.

    `made_by` is the token_id of the token that made it; missing where the operator did, or who asks may not see it.
    """

    token_id: str
    token: str | msgspec.UnsetType = UNSET
    label: str
    scopes: list[str]
    phone_number_ids: list[str] | msgspec.UnsetType = UNSET
    made_by: str | msgspec.UnsetType = UNSET
    created_at: int
    expires_at: int | msgspec.UnsetType = UNSET
    revoked_at: int | msgspec.UnsetType = UNSET


class Tokens(msgspec.Struct):
    """Tokens, oldest first."""

    data: list[TokenInfo]


class TokenRevoked(msgspec.Struct, omit_defaults=True):
    """What was revoked and removed, where what the token made goes with it. `upstreams_of`: whose upstream was."""

    success: bool
    token_ids: list[str] | msgspec.UnsetType = UNSET
    downstream_ids: list[str] | msgspec.UnsetType = UNSET
    upstreams_of: list[str] | msgspec.UnsetType = UNSET


class LastInbound(msgspec.Struct, forbid_unknown_fields=True):
    """Users who wrote, and when: seconds since 1970, or an ISO 8601 text; now where it is not said."""

    users: list[str] | None = None
    at: Annotated[int, msgspec.Meta(ge=0, le=LATEST)] | str | None = None


class LastInboundResult(msgspec.Struct, omit_defaults=True):
    users: list[wire.BlockedUserOperation]
    failed_users: list[wire.FailedUser] | msgspec.UnsetType = UNSET


class Manage:
    """The `/v1` routes. `authorize` gives a request's token or raises the contract's failure."""

    def __init__(
        self,
        block_list: BlockList,
        grants: Access,
        routes: Routes,
        clock: Callable[[], Microseconds],
        authorize: Any,
        read_body: Any,
    ) -> None:
        self._block_list = block_list
        self._access = grants
        self._gate_routes = routes
        self._clock = clock
        self._authorize = authorize
        self._read_body = read_body

    def routes(self) -> list[Route]:
        return [
            Route("/v1/tokens", self.list_tokens, methods=["GET"]),
            Route("/v1/tokens", self.create_token, methods=["POST"]),
            Route("/v1/tokens/{token_id}", self.revoke_token, methods=["DELETE"]),
            Route("/v1/numbers/{phone_number_id}/last_inbound", self.put_last_inbound, methods=["PUT"]),
        ]

    async def list_tokens(self, request: Request) -> Response:
        asker = await self._authorize(request)
        tokens = await self._access.tokens(asker)
        visible = {token.digest for token in tokens}
        return json_answer(request, Tokens([_info(token, visible) for token in tokens]))

    async def create_token(self, request: Request) -> Response:
        maker = await self._authorize(request)
        access.require(maker, Scope.MANAGE)
        asked = decoded(await self._read_body(request), NewToken)
        text = access.random_token()
        token = AccessToken(
            access.digest(text),
            maker.account_id,
            asked.label,
            maker.scopes if asked.scopes is None else frozenset(asked.scopes),
            maker.phone_number_ids if asked.phone_number_ids is None else _number_ids(asked.phone_number_ids),
            self._clock(),
            maker.expires_at if asked.expires_at is None else asked.expires_at * SECOND,
        )
        info = token_info(await self._access.grant(maker, token))
        info.token = text
        return json_answer(request, info, 201)

    async def revoke_token(self, request: Request) -> Response:
        asker = await self._authorize(request)
        token_id = request.path_params["token_id"]
        if _flag(request, "with_made"):
            return await self._revoke_with_made(request, asker, token_id)
        if not await self._access.revoke(asker, token_id):
            raise UnknownObject("DELETE", token_id)
        return json_answer(request, TokenRevoked(success=True))

    async def _revoke_with_made(self, request: Request, asker: AccessToken, token_id: str) -> Response:
        tokens = await self._access.revoke_with_made(asker, token_id)
        if not tokens:
            raise UnknownObject("DELETE", token_id)
        removed = await self._gate_routes.remove_set_by(asker.account_id, {token.digest for token in tokens})
        answer = TokenRevoked(
            True, [token.token_id for token in tokens], list(removed.downstream_ids), list(removed.upstreams_of)
        )
        return json_answer(request, answer)

    async def put_last_inbound(self, request: Request) -> Response:
        token = await self._authorize(request)
        number = await self._access.number(token, request.path_params["phone_number_id"], Scope.WRITE, "PUT")
        asked = decoded(await self._read_body(request), LastInbound)
        if asked.users is None:
            raise MissingParameter("users")
        if len(asked.users) > MOST_USERS_PER_REQUEST:
            raise TooManyUsers(len(asked.users), MOST_USERS_PER_REQUEST)
        users = [wire.user_of(text) for text in asked.users]
        result = await self._block_list.note_inbound(number, users, moment(asked.at))
        return json_answer(request, LastInboundResult(result.done, result.failed or UNSET))


def _number_ids(asked: Sequence[str]) -> frozenset[str]:
    for place, text in enumerate(asked):
        if not access.is_number_id(text):
            raise InvalidParameter(f"Param phone_number_ids[{place}] must be the id of a number: up to 32 digits.")
    return frozenset(asked)


def token_info(token: AccessToken) -> TokenInfo:
    return TokenInfo(
        token_id=token.token_id,
        label=token.label,
        scopes=sorted(token.scopes),
        phone_number_ids=UNSET if token.phone_number_ids is None else sorted(token.phone_number_ids),
        made_by=UNSET if token.made_by is None else token_id_of(token.made_by),
        created_at=token.created_at // SECOND,
        expires_at=UNSET if token.expires_at is None else token.expires_at // SECOND,
        revoked_at=UNSET if token.revoked_at is None else token.revoked_at // SECOND,
    )


def _info(token: AccessToken, visible: AbstractSet[bytes]) -> TokenInfo:
    """Without its maker where that is none of `visible`: a token_id is a part of a hash."""
    info = token_info(token)
    if token.made_by not in visible:
        info.made_by = UNSET
    return info


def _flag(request: Request, name: str) -> bool:
    match request.query_params.get(name, "false"):
        case "true":
            return True
        case "false":
            return False
        case _:
            raise InvalidParameter(f"Param {name} must be true or false.")


def moment(at: int | str | None, name: str = "at") -> Microseconds | None:
    """`at`, seconds since 1970 or ISO 8601, in microseconds; `name` is what a refusal calls it."""
    if at is None or isinstance(at, int):
        return None if at is None else at * SECOND
    if at.isascii() and at.isdigit():  # as Meta's webhooks write it
        return int(at[:20]) * SECOND
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise InvalidParameter(f"Param {name} must be seconds since 1970 or an ISO 8601 time.") from None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * SECOND)


def decoded(body: bytes, kind: type[_T], choices: Sequence[str] = tuple(Scope)) -> _T:
    """The body, as `kind`, whose enum, where it has one, has `choices`; raises `InvalidParameter`, naming the place."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as fault:
        raise invalid(str(fault), choices) from None
    except NOT_JSON:
        raise InvalidParameter("The body must be a JSON object.") from None


def json_answer(request: Request, data: msgspec.Struct, status: int = 200) -> Response:
    return response(success(data, request.scope["wablock.ids"], answering_version(None), status))


def response(answer: Answer) -> Response:
    """An answer as Starlette sends one."""
    made = Response(answer.body, answer.status)
    made.raw_headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    return made
