"""`/v1/subscriptions`: the receivers of an account's list events."""

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from wablock.block_list.rules import SECOND
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter
from wablock.gate.ports import PublicAddresses
from wablock.public_credentials import is_public
from wablock.server.answers import Answer, Removed, json_answer
from wablock.server.callers import Callers
from wablock.server.decoding import decoded
from wablock.server.request import Request
from wablock.server.router import Route, route
from wablock.subscriptions.ports import SealedSubscription
from wablock.subscriptions.subscriptions import NewSubscription, Subscriptions

_PATH: Final = "/v1/subscriptions"
_ListId = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=wire.WITHOUT_NUL)]


class SubscriptionToAdd(msgspec.Struct, forbid_unknown_fields=True):
    """A subscription to add. Without `secret`, a random one is made. Without `list_ids`, it is to all lists of the
    account, also to later ones.
    """

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000, pattern=wire.WITHOUT_NUL)]
    secret: Annotated[str, msgspec.Meta(min_length=16, max_length=500)] | None = None
    list_ids: Annotated[list[_ListId], msgspec.Meta(min_length=1, max_length=1_000)] | None = None


class SubscriptionInfo(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A subscription, without its secret. Without `list_ids`, it is to all lists of the account.

    `created_at` is in seconds since 1970. `made_by` is the label of the access token; it is missing if the operator
    made the subscription.
    """

    subscription_id: str
    url: str
    list_ids: list[str] | UnsetType = UNSET
    created_at: int
    made_by: str | UnsetType = UNSET


class SubscriptionAdded(SubscriptionInfo, omit_defaults=True, kw_only=True):
    """A new subscription. `secret` signs what is sent to it. No other answer contains the secret."""

    secret: str


class SubscriptionList(msgspec.Struct):
    data: list[SubscriptionInfo]


class SubscriptionEndpoints:
    def __init__(self, subscriptions: Subscriptions, addresses: PublicAddresses, callers: Callers) -> None:
        self._subscriptions = subscriptions
        self._addresses = addresses
        self._callers = callers

    def routes(self) -> list[Route]:
        one = _PATH + "/{subscription_id}"
        return [
            route("GET", _PATH, self.list_subscriptions),
            route("POST", _PATH, self.add_subscription),
            route("GET", one, self.get_subscription),
            route("DELETE", one, self.remove_subscription),
        ]

    async def list_subscriptions(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        found = await self._subscriptions.all(caller)
        return json_answer(request, SubscriptionList([subscription_info(it) for it in found]))

    async def add_subscription(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        self._subscriptions.check_may_add(caller)
        to_add = decoded(await self._callers.body(request), SubscriptionToAdd)
        if to_add.secret is not None and is_public(to_add.secret):
            raise InvalidParameter("Param secret is the public default of wablock dev: choose another.")
        await self._addresses.check(to_add.url, caller.account_id)
        new = NewSubscription(url=to_add.url, secret=to_add.secret, list_ids=to_add.list_ids)
        added = await self._subscriptions.add(caller, new)
        if added is None:
            await self._callers.authorize(request)  # raises if the token was revoked meanwhile
            raise self._subscriptions.too_many()
        info = msgspec.structs.asdict(subscription_info(added.sealed))
        return json_answer(request, SubscriptionAdded(**info, secret=added.secret), 201)

    async def get_subscription(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        found = await self._subscriptions.one(caller, request.parameters["subscription_id"])
        return json_answer(request, subscription_info(found))

    async def remove_subscription(self, request: Request) -> Answer:
        caller = await self._callers.authorize(request)
        await self._subscriptions.remove(caller, request.parameters["subscription_id"])
        return json_answer(request, Removed(success=True))


def subscription_info(it: SealedSubscription) -> SubscriptionInfo:
    return SubscriptionInfo(
        subscription_id=it.subscription_id,
        url=it.url,
        list_ids=UNSET if it.list_ids is None else list(it.list_ids),
        created_at=it.created_at // SECOND,
        made_by=it.made_by or UNSET,
    )
