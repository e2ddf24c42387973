"""`/v1/tokens`: the access tokens of an account."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated

import msgspec
from msgspec import UNSET

from wablock import access
from wablock.access import Access, AccessToken, Scope, token_id_of
from wablock.block_list.ports import Microseconds
from wablock.block_list.rules import SECOND
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter, UnknownObject
from wablock.gate.routes import Routes
from wablock.server.answers import Answer, json_answer
from wablock.server.callers import Callers
from wablock.server.decoding import decoded, flag
from wablock.server.request import Request
from wablock.server.router import Route, route
from wablock.subscriptions.subscriptions import Subscriptions

_NumberId = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[0-9]{1,32}$"})]  # see `_number_ids`
_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=wire.WITHOUT_NUL)]


class NewToken(msgspec.Struct, forbid_unknown_fields=True):
    """A token to create. If scopes, numbers or expiry are missing, it gets those of the caller's token."""

    label: _Label
    scopes: list[Scope] | None = None
    phone_number_ids: Annotated[list[_NumberId], msgspec.Meta(max_length=1_000)] | None = None
    expires_at: wire.Time | None = None


class TokenInfo(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A token. Times are in seconds since 1970. Its text, `token`, is only in the response that creates it.

    `made_by` is its creator's token_id; missing if the operator created it, or if the caller may not see the creator.
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
    """With `with_made`: the revoked tokens, the removed receivers and subscriptions, and the numbers whose upstream was
    removed.
    """

    success: bool
    token_ids: list[str] | msgspec.UnsetType = UNSET
    downstream_ids: list[str] | msgspec.UnsetType = UNSET
    upstreams_of: list[str] | msgspec.UnsetType = UNSET
    subscription_ids: list[str] | msgspec.UnsetType = UNSET


class TokenEndpoints:
    def __init__(
        self,
        grants: Access,
        routes: Routes,
        subscriptions: Subscriptions,
        clock: Callable[[], Microseconds],
        callers: Callers,
    ) -> None:
        self._access = grants
        self._gate_routes = routes
        self._subscriptions = subscriptions
        self._clock = clock
        self._callers = callers

    def routes(self) -> list[Route]:
        return [
            route("GET", "/v1/tokens", self.list_tokens),
            route("POST", "/v1/tokens", self.create_token),
            route("DELETE", "/v1/tokens/{token_id}", self.revoke_token),
        ]

    async def list_tokens(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        tokens = await self._access.tokens(caller)
        visible = {token.digest for token in tokens}
        return json_answer(request, Tokens([_info(token, visible) for token in tokens]))

    async def create_token(self, request: Request) -> Answer:
        maker = await self._callers.authorize(request)
        access.require(maker, Scope.MANAGE)
        new = decoded(await self._callers.body(request), NewToken)
        text, now = access.random_token(), self._clock()
        expires_at = None if new.expires_at is None else wire.seconds_of(new.expires_at) * SECOND
        if expires_at is not None and expires_at <= now:
            raise InvalidParameter("Param expires_at must be in the future.")
        token = AccessToken(
            access.digest(text),
            maker.account_id,
            new.label,
            maker.scopes if new.scopes is None else frozenset(new.scopes),
            maker.phone_number_ids if new.phone_number_ids is None else _number_ids(new.phone_number_ids),
            now,
            maker.expires_at if expires_at is None else expires_at,
        )
        info = token_info(await self._access.grant(maker, token))
        info.token = text
        return json_answer(request, info, 201)

    async def revoke_token(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        token_id = request.parameters["token_id"]
        if flag(request, "with_made"):
            return await self._revoke_with_made(request, caller, token_id)
        if not await self._access.revoke(caller, token_id):
            raise UnknownObject("DELETE", token_id)
        return json_answer(request, TokenRevoked(success=True))

    async def _revoke_with_made(self, request: Request, caller: AccessToken, token_id: str) -> Answer:
        tokens = await self._access.revoke_with_made(caller, token_id)
        if not tokens:
            raise UnknownObject("DELETE", token_id)
        makers = {token.digest for token in tokens}
        removed = await self._gate_routes.remove_set_by(caller.account_id, makers)
        subscription_ids = await self._subscriptions.remove_set_by(caller.account_id, makers)
        answer = TokenRevoked(
            True,
            [token.token_id for token in tokens],
            list(removed.downstream_ids),
            list(removed.upstreams_of),
            list(subscription_ids),
        )
        return json_answer(request, answer)


def _number_ids(texts: Sequence[str]) -> frozenset[str]:
    for place, text in enumerate(texts):
        if not access.is_number_id(text):
            raise InvalidParameter(
                f"Param phone_number_ids[{place}] must be the id of a business number: up to 32 digits."
            )
    return frozenset(texts)


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
    """The token. `made_by` is shown only if it is in `visible`, because a token_id is a part of a hash."""
    info = token_info(token)
    if token.made_by not in visible:
        info.made_by = UNSET
    return info
