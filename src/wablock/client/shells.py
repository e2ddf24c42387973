"""`Client` and `AsyncClient`: two shells that send the core's requests and wait between retries, and nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Self, TypeVar

import httpx2

from wablock.client.answers import BlockedUser, CheckedUser, Page, RecentDropList, UserDone
from wablock.client.calls import Walk
from wablock.client.event_methods import AsyncEventMethods, EventMethods
from wablock.client.exchange import Exchange, HttpRequest, HttpResponse, Lost, Wait
from wablock.client.lists import AsyncListMethods, ListMethods
from wablock.client.member_methods import AsyncMemberMethods, MemberMethods
from wablock.client.numbers import AsyncNumberMethods, NumberMethods
from wablock.client.shell import Shell, lost, response_of
from wablock.client.subscriptions import AsyncSubscriptionMethods, SubscriptionMethods
from wablock.client.users import Users
from wablock.contract.wire import Time

T = TypeVar("T")


class Client(ListMethods, MemberMethods, EventMethods, NumberMethods, SubscriptionMethods, Shell[httpx2.Client]):
    """The block list of one business number. Close it, or use it in a `with` statement.

    Every call raises `ClientError` if it fails. The error says what had already been done.
    """

    def block(
        self,
        users: Users,
        *,
        reason: str | None = None,
        note: str | None = None,
        expires_at: Time | None = None,
        idempotency_key: str | None = None,
    ) -> list[UserDone]:
        """Block one or more users, by phone number or `user_id`. On return all are blocked, in the given order.

        `reason`, `note` and `expires_at` are wablock's extensions; Meta ignores them. `expires_at` is a `datetime` with
        a zone, or seconds since 1970. The client sends more than 1,000 users in several requests. If some users fail,
        it blocks all others and then raises `SomeUsersFailed`.

        `idempotency_key`: a new random text for each new call. A call that is repeated with its key within a day
        changes nothing again, and returns what the first one did. Only wablock has it. With another call's key it
        raises `InvalidParameter`. The client's own retries have a key of their own.
        """
        return self._run(self._calls.block(users, reason, note, expires_at, idempotency_key))

    def unblock(self, users: Users, *, reason: str | None = None, idempotency_key: str | None = None) -> list[UserDone]:
        """Unblock one or more users. On return none of them is blocked. See `block`.

        `reason`: why; wablock records it with the event.
        """
        return self._run(self._calls.unblock(users, reason, idempotency_key))

    def page(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        fields: str | None = None,
    ) -> Page:
        """One page: the newest users, or the users after or before a cursor."""
        return self._run(self._calls.page(limit, after, before, fields))

    def pages(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        fields: str | None = None,
    ) -> Iterator[Page]:
        """All pages up to the end of the list. With `before`, all pages from there back to its beginning."""
        walk = Walk(self._calls, limit, before or after, forward=before is None, fields=fields)
        while (page := self._run(walk.turn())) is not None:
            yield page

    def blocked_users(self, *, limit: int | None = 1_000, fields: str | None = None) -> Iterator[BlockedUser]:
        """All users on the list, newest block first, each once. Each request asks for `limit` users."""
        for page in self.pages(limit=limit, fields=fields):
            yield from page.users

    def check(self, users: Users, *, may_list: bool = True) -> list[CheckedUser]:
        """Whether each of `users` is blocked now, in the given order.

        Raises `SomeUsersFailed` if some users are not valid. Meta's server has no check. If a server has none, the
        client reads the whole list, if `may_list` is True, and raises `ValueError` for a number without a country code.
        """
        return self._run(self._calls.check(users, may_list=may_list))

    def drops(self, after: int = 0) -> RecentDropList:
        """The items with a `seq` above `after` that the gate dropped from the number's webhooks, oldest first."""
        return self._run(self._calls.management.drops(after))

    def is_blocked(self, user: str) -> bool:
        """Whether `user` is blocked now. See `check`."""
        return self.check(user)[0].blocked

    def close(self) -> None:
        if self._owns_http:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def _new_http(self) -> httpx2.Client:
        return httpx2.Client(verify=self._is_tls)

    def _run(self, exchange: Exchange[T]) -> T:
        response: HttpResponse | Lost | None = None
        while True:
            try:
                step = exchange.send(response)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Wait):
                response = None
                time.sleep(step.seconds)
            else:
                response = self._send(step)

    def _send(self, request: HttpRequest) -> HttpResponse | Lost:
        try:
            return response_of(self._http.request(**self._request(request)))
        except httpx2.HTTPError as error:
            return lost(error)


class AsyncClient(
    AsyncListMethods,
    AsyncMemberMethods,
    AsyncEventMethods,
    AsyncNumberMethods,
    AsyncSubscriptionMethods,
    Shell[httpx2.AsyncClient],
):
    """`Client` for asyncio, with the same calls and exceptions. Several tasks may share one client."""

    async def block(
        self,
        users: Users,
        *,
        reason: str | None = None,
        note: str | None = None,
        expires_at: Time | None = None,
        idempotency_key: str | None = None,
    ) -> list[UserDone]:
        """See `Client.block`."""
        return await self._run(self._calls.block(users, reason, note, expires_at, idempotency_key))

    async def unblock(
        self, users: Users, *, reason: str | None = None, idempotency_key: str | None = None
    ) -> list[UserDone]:
        """See `Client.unblock`."""
        return await self._run(self._calls.unblock(users, reason, idempotency_key))

    async def page(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        fields: str | None = None,
    ) -> Page:
        """See `Client.page`."""
        return await self._run(self._calls.page(limit, after, before, fields))

    async def pages(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        fields: str | None = None,
    ) -> AsyncIterator[Page]:
        """See `Client.pages`."""
        walk = Walk(self._calls, limit, before or after, forward=before is None, fields=fields)
        while (page := await self._run(walk.turn())) is not None:
            yield page

    async def blocked_users(
        self, *, limit: int | None = 1_000, fields: str | None = None
    ) -> AsyncIterator[BlockedUser]:
        """See `Client.blocked_users`."""
        async for page in self.pages(limit=limit, fields=fields):
            for user in page.users:
                yield user

    async def check(self, users: Users, *, may_list: bool = True) -> list[CheckedUser]:
        """See `Client.check`."""
        return await self._run(self._calls.check(users, may_list=may_list))

    async def drops(self, after: int = 0) -> RecentDropList:
        """See `Client.drops`."""
        return await self._run(self._calls.management.drops(after))

    async def is_blocked(self, user: str) -> bool:
        """See `Client.is_blocked`."""
        return (await self.check(user))[0].blocked

    async def close(self) -> None:
        if self._owns_http:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()

    def _new_http(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(verify=self._is_tls)

    async def _run(self, exchange: Exchange[T]) -> T:
        response: HttpResponse | Lost | None = None
        while True:
            try:
                step = exchange.send(response)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Wait):
                response = None
                await asyncio.sleep(step.seconds)
            else:
                response = await self._send(step)

    async def _send(self, request: HttpRequest) -> HttpResponse | Lost:
        try:
            return response_of(await self._http.request(**self._request(request)))
        except httpx2.HTTPError as error:
            return lost(error)
