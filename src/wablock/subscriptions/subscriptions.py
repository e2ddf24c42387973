"""The subscriptions of an account, as its tokens and the operator may see, add and remove them."""

import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

import msgspec

from wablock.access import AccessToken, Directory, Scope, require
from wablock.block_list.event_store import EventStore
from wablock.block_list.ports import Microseconds
from wablock.block_list.shared_lists import SharedListStore
from wablock.contract.errors import InvalidParameter, PermissionDenied, UnknownObject
from wablock.gate.ports import Vault
from wablock.gate.routes.sealed_place import SealedPlace
from wablock.subscriptions.ports import MOST_SET_BY_TOKENS, SealedSubscription, SubscriptionStore

_SECRET: Final = "secret"
_SECRET_BYTES: Final = 32


class ListedStore(SubscriptionStore, EventStore, SharedListStore, Directory, Protocol):
    """The stored subscriptions, with the lists to which they may be."""


class NewSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription to add; see `SealedSubscription`. `secret` None: a random one is made."""

    url: str
    secret: str | None = None
    list_ids: Sequence[str] | None = None
    may_be_inside: bool = False

    def __repr__(self) -> str:
        return f"NewSubscription({self.url!r})"  # without the secret: reprs appear in logs


class AddedSubscription(msgspec.Struct, frozen=True):
    """A new subscription with its secret, which is shown only now."""

    sealed: SealedSubscription
    secret: str

    def __repr__(self) -> str:
        return f"AddedSubscription({self.sealed.subscription_id!r})"


class Subscriptions:
    """The subscriptions of all accounts. Of the tokens, only those for all numbers of their account may use them."""

    def __init__(self, store: ListedStore, vault: Vault, clock: Callable[[], Microseconds]) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock

    async def all(self, caller: AccessToken) -> Sequence[SealedSubscription]:
        """The account's subscriptions, oldest first."""
        _require(caller)
        return await self._store.subscriptions(caller.account_id)

    async def one(self, caller: AccessToken, subscription_id: str) -> SealedSubscription:
        """Raises `UnknownObject` if the account has no such subscription."""
        for it in await self.all(caller):
            if it.subscription_id == subscription_id:
                return it
        raise UnknownObject("GET", subscription_id)

    def check_may_add(self, caller: AccessToken) -> None:
        """Raises `PermissionDenied`. The token needs `read`, too: the events name users."""
        _require(caller)
        require(caller, Scope.READ)

    async def add(self, caller: AccessToken, new: NewSubscription) -> AddedSubscription | None:
        """Add a subscription that gets every event that is committed after this returns.

        Raises `InvalidParameter` for a list that the account does not have. Returns None if the store did not add it;
        see `SubscriptionStore.add_subscription`.
        """
        self.check_may_add(caller)
        return await self.add_for(caller.account_id, new, caller)

    def too_many(self) -> InvalidParameter:
        return InvalidParameter(
            f"An account may have {MOST_SET_BY_TOKENS} subscriptions that were added over HTTP.",
            "Remove one before you add another.",
        )

    async def add_for(
        self, account_id: str, new: NewSubscription, maker: AccessToken | None = None
    ) -> AddedSubscription | None:
        """Add a subscription for the operator, or for a token. Returns None if the store did not add it."""
        list_ids = None if new.list_ids is None else await self._checked(account_id, new.list_ids)
        secret = secrets.token_urlsafe(_SECRET_BYTES) if new.secret is None else new.secret
        subscription_id = f"sub_{secrets.token_hex(8)}"
        place = _place(account_id, subscription_id, new.url)
        sealed = SealedSubscription(
            subscription_id,
            account_id,
            new.url,
            self._vault.seal(secret, place.bound(_SECRET)),
            list_ids,
            new.may_be_inside,
            self._clock(),
            "" if maker is None else maker.label,
            None if maker is None else maker.digest,
        )
        # Read before the subscription is there. So an event is either in `reached`, or it is still to come.
        chains = await self._store.chains(account_id)
        reached = {it.list_id: it.newest.at for it in chains if list_ids is None or it.list_id in list_ids}
        return AddedSubscription(sealed, secret) if await self._store.add_subscription(sealed, reached) else None

    async def remove(self, caller: AccessToken, subscription_id: str) -> None:
        """Raises `UnknownObject` if the account has no such subscription."""
        _require(caller)
        if not await self._store.remove_subscription(caller.account_id, subscription_id):
            raise UnknownObject("DELETE", subscription_id)

    async def remove_set_by(self, account_id: str, tokens: Collection[bytes]) -> Sequence[str]:
        """Remove the account's subscriptions that one of these tokens set; returns their ids."""
        return [
            it.subscription_id
            for it in await self._store.subscriptions(account_id)
            if it.set_by in tokens and await self._store.remove_subscription(account_id, it.subscription_id)
        ]

    def secret_of(self, sealed: SealedSubscription) -> str:
        """The secret that signs what is sent to the subscriber. Raises `CannotUnseal`."""
        place = _place(sealed.account_id, sealed.subscription_id, sealed.url)
        return self._vault.open(sealed.secret, place.bound(_SECRET))

    async def _checked(self, account_id: str, list_ids: Sequence[str]) -> Sequence[str]:
        known = {it.phone_number_id for it in await self._store.numbers(account_id)}
        known |= {it.list_id for it in await self._store.shared_lists(account_id)}
        for place, list_id in enumerate(list_ids):
            if list_id not in known:
                raise InvalidParameter(
                    f"Param list_ids[{place}] is not a list of the account.",
                    "It is the id of a business number, for the number's own list, or the id of a shared list.",
                )
        return list(dict.fromkeys(list_ids))


def _place(account_id: str, subscription_id: str, url: str) -> SealedPlace:
    return SealedPlace("subscription", subscription_id, account_id, url)


def _require(caller: AccessToken) -> None:
    require(caller, Scope.MANAGE)
    if caller.phone_number_ids is not None:
        raise PermissionDenied(
            "The access token is for some numbers only. Use one for all numbers of the account for subscriptions."
        )
