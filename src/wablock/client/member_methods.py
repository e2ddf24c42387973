"""The methods of both clients for the members of a list: this number's own, or a shared one. Only wablock has them."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from typing import Literal, TypeVar, cast

from msgspec import UNSET, UnsetType

from wablock.client.answers import ListMember, Page, RemovedMember, UserDone
from wablock.client.calls import Calls, Walk
from wablock.client.exchange import Exchange
from wablock.client.users import Users, items_of
from wablock.contract.wire import Time

T = TypeVar("T")
IfListed = Literal["keep", "replace"]


class MemberMethods(ABC):
    """The methods of `Client`. `list_id`: a shared list; None: this number's own."""

    _calls: Calls

    def add_members(
        self,
        users: Users,
        *,
        reason: str | None = None,
        note: str | None = None,
        expires_at: Time | None = None,
        source: str | None = None,
        batch_id: str | None = None,
        if_listed: IfListed = "keep",
        list_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> list[UserDone]:
        """Block users as `block` does, but leave those as they are who are on the list already.

        With `if_listed="replace"` they get this reason, note and end, and what is missing here is removed. `source` is
        `api`, `cli`, `import` or `console`. `list_id`: a shared list, instead of this number's own. An allow list frees
        its users: each who was blocked has `freed`. Only for wablock: raises `ListsUnsupported` if the server has no
        lists. `idempotency_key`: see `Client.block`.
        """
        items = items_of(users, reason, note, expires_at)
        return self._run(self._calls.members.of(list_id).add(items, source, batch_id, if_listed, idempotency_key))

    def member(self, user: str, *, list_id: str | None = None) -> ListMember:
        """One user on the list, with all details. Raises `NotListed`. Only for wablock, as `add_members`."""
        return self._run(self._calls.members.of(list_id).member(user))

    def edit(
        self,
        user: str,
        *,
        reason: str | UnsetType | None = UNSET,
        note: str | UnsetType | None = UNSET,
        expires_at: Time | UnsetType | None = UNSET,
        etag: str | None = None,
        list_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> ListMember:
        """Change the details that are given, and return the member; None removes one. Raises `NotListed`.

        `etag`: of the member that was read; raises `MemberChanged` if another caller has changed it since.
        """
        return self._run(self._calls.members.of(list_id).edit(user, reason, note, expires_at, etag, idempotency_key))

    def members(self, *, list_id: str | None = None, limit: int | None = 1_000) -> Iterator[ListMember]:
        """All users on the list with all details, newest first, each once. Each request asks for `limit` users."""
        walk = Walk(self._calls.members.of(list_id), limit, None, forward=True)
        while (page := self._run(walk.turn())) is not None:
            yield from _members(page)

    def remove_member(
        self, user: str, *, reason: str | None = None, list_id: str | None = None, idempotency_key: str | None = None
    ) -> RemovedMember:
        """Remove a user from the list. The result says if a shared list still blocks the user on this number.

        `reason`: why; it is recorded with the event.
        """
        return self._run(self._calls.members.of(list_id).remove(user, reason, idempotency_key))

    @abstractmethod
    def _run(self, exchange: Exchange[T]) -> T: ...


class AsyncMemberMethods(ABC):
    """The methods of `AsyncClient`."""

    _calls: Calls

    async def add_members(
        self,
        users: Users,
        *,
        reason: str | None = None,
        note: str | None = None,
        expires_at: Time | None = None,
        source: str | None = None,
        batch_id: str | None = None,
        if_listed: IfListed = "keep",
        list_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> list[UserDone]:
        """See `Client.add_members`."""
        items = items_of(users, reason, note, expires_at)
        return await self._run(self._calls.members.of(list_id).add(items, source, batch_id, if_listed, idempotency_key))

    async def member(self, user: str, *, list_id: str | None = None) -> ListMember:
        """See `Client.member`."""
        return await self._run(self._calls.members.of(list_id).member(user))

    async def edit(
        self,
        user: str,
        *,
        reason: str | UnsetType | None = UNSET,
        note: str | UnsetType | None = UNSET,
        expires_at: Time | UnsetType | None = UNSET,
        etag: str | None = None,
        list_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> ListMember:
        """See `Client.edit`."""
        return await self._run(
            self._calls.members.of(list_id).edit(user, reason, note, expires_at, etag, idempotency_key)
        )

    async def members(self, *, list_id: str | None = None, limit: int | None = 1_000) -> AsyncIterator[ListMember]:
        """See `Client.members`."""
        walk = Walk(self._calls.members.of(list_id), limit, None, forward=True)
        while (page := await self._run(walk.turn())) is not None:
            for member in _members(page):
                yield member

    async def remove_member(
        self, user: str, *, reason: str | None = None, list_id: str | None = None, idempotency_key: str | None = None
    ) -> RemovedMember:
        """See `Client.remove_member`."""
        return await self._run(self._calls.members.of(list_id).remove(user, reason, idempotency_key))

    @abstractmethod
    def _run(self, exchange: Exchange[T]) -> Awaitable[T]: ...


def _members(page: Page) -> Sequence[ListMember]:
    """The users of a page of `MemberCalls`."""
    return cast(Sequence[ListMember], page.users)
