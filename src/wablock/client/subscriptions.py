"""The calls to `/v1/subscriptions`, the receivers of list events, and the methods of both clients. No I/O here."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from wablock.client.exchange import Exchange, HttpRequest
from wablock.client.failures import UnknownObject
from wablock.client.retrying import Retries, decoded_response

_PATH: Final = "/v1/subscriptions"
_ONCE: Final = Retries(most=0)

T = TypeVar("T")
_Answer = TypeVar("_Answer", bound=msgspec.Struct)


class Subscription(msgspec.Struct, frozen=True):
    """A receiver of list events. `list_ids` None: all lists of the account, also later ones. `created_at`: seconds
    since 1970. `made_by`: the label of the token that added it; None: the operator did.

    `secret` signs the events. Only `add_subscription` returns it.
    """

    subscription_id: str
    url: str
    list_ids: Sequence[str] | None = None
    created_at: int | None = None
    made_by: str | None = None
    secret: str | None = None

    def __repr__(self) -> str:
        return f"Subscription({self.subscription_id!r}, {self.url!r})"  # without the secret: reprs appear in logs


class _Subscriptions(msgspec.Struct):
    data: list[Subscription]


class _NewSubscription(msgspec.Struct, omit_defaults=True):
    url: str
    secret: str | UnsetType = UNSET
    list_ids: Sequence[str] | UnsetType = UNSET


class _Removed(msgspec.Struct):
    success: bool = True


class SubscriptionCalls:
    """The calls for the account of the token."""

    def __init__(self, retries: Retries, chance: Callable[[], float]) -> None:
        self._retries = retries
        self._chance = chance

    def all(self) -> Exchange[list[Subscription]]:
        return (yield from self._send(HttpRequest("GET", _PATH), _Subscriptions)).data

    def one(self, subscription_id: str) -> Exchange[Subscription]:
        return (yield from self._send(HttpRequest("GET", _path_of(subscription_id)), Subscription))

    def add(self, url: str, secret: str | None, list_ids: Sequence[str] | None) -> Exchange[Subscription]:
        """Without retries: if a response was lost, a second request would add a second subscription."""
        new = _NewSubscription(url, UNSET if secret is None else secret, UNSET if list_ids is None else list(list_ids))
        request = HttpRequest("POST", _PATH, msgspec.json.encode(new))
        return (yield from self._send(request, Subscription, _ONCE))

    def remove(self, subscription_id: str) -> Exchange[None]:
        """If a response was lost, the retry finds no such subscription."""
        try:
            yield from self._send(HttpRequest("DELETE", _path_of(subscription_id)), _Removed)
        except UnknownObject as error:
            if not error.may_have_taken_effect:
                raise

    def _send(self, request: HttpRequest, kind: type[_Answer], retries: Retries | None = None) -> Exchange[_Answer]:
        answer, _ = yield from decoded_response(request, kind, retries or self._retries, self._chance)
        return answer


class SubscriptionMethods(ABC):
    """The methods of `Client` for subscriptions. Only wablock has them.

    The token must be for all numbers of its account, and have the scope `manage`.
    """

    _subscription_calls: SubscriptionCalls

    def subscriptions(self) -> list[Subscription]:
        """The receivers of the list events of the token's account, oldest first, without their secrets."""
        return self._run(self._subscription_calls.all())

    def subscription(self, subscription_id: str) -> Subscription:
        """Raises `UnknownObject` if the account has no such subscription."""
        return self._run(self._subscription_calls.one(subscription_id))

    def add_subscription(
        self, url: str, *, secret: str | None = None, list_ids: Sequence[str] | None = None
    ) -> Subscription:
        """Send all events after this call to `url`, signed with `secret`, or with a random one that is returned.

        `list_ids`: only events of these lists. The token needs the scope `read`, too. The request is not retried: if
        the response is lost, look at `subscriptions()`.
        """
        return self._run(self._subscription_calls.add(url, secret, list_ids))

    def remove_subscription(self, subscription_id: str) -> None:
        """Stop sending events to a subscriber. Raises `UnknownObject` if the account has no such subscription."""
        return self._run(self._subscription_calls.remove(subscription_id))

    @abstractmethod
    def _run(self, exchange: Exchange[T]) -> T: ...


class AsyncSubscriptionMethods(ABC):
    """The methods of `AsyncClient` for subscriptions."""

    _subscription_calls: SubscriptionCalls

    async def subscriptions(self) -> list[Subscription]:
        """See `Client.subscriptions`."""
        return await self._run(self._subscription_calls.all())

    async def subscription(self, subscription_id: str) -> Subscription:
        """See `Client.subscription`."""
        return await self._run(self._subscription_calls.one(subscription_id))

    async def add_subscription(
        self, url: str, *, secret: str | None = None, list_ids: Sequence[str] | None = None
    ) -> Subscription:
        """See `Client.add_subscription`."""
        return await self._run(self._subscription_calls.add(url, secret, list_ids))

    async def remove_subscription(self, subscription_id: str) -> None:
        """See `Client.remove_subscription`."""
        return await self._run(self._subscription_calls.remove(subscription_id))

    @abstractmethod
    def _run(self, exchange: Exchange[T]) -> Awaitable[T]: ...


def _path_of(subscription_id: str) -> str:
    """Raises `ValueError` for a text that would make it the path of something else."""
    if subscription_id in ("", ".", "..") or "/" in subscription_id:
        raise ValueError(f"subscription_id must be the id of a subscription, not {subscription_id!r}")
    return f"{_PATH}/{quote(subscription_id, safe='')}"
