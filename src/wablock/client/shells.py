"""`Client` and `AsyncClient`: they send what the core asks for, and wait when it says so. Nothing else is here."""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

import httpx2

from wablock.client.answers import BlockedUser, CheckedUser, Page, RecentDropList, UserDone
from wablock.client.calls import Calls, Walk
from wablock.client.exchange import Exchange, HttpRequest, HttpResponse, Lost, Wait
from wablock.client.retrying import Retries
from wablock.client.users import Users

META: Final = "https://graph.facebook.com"

T = TypeVar("T")
_Http = TypeVar("_Http", httpx2.Client, httpx2.AsyncClient)


class _Shell(ABC, Generic[_Http]):
    """What both shells have: the address, the token, the core."""

    def __init__(
        self,
        token: str,
        phone_number_id: str,
        *,
        base_url: str = META,
        version: str | None = "v25.0",
        timeout: float = 30.0,
        retries: Retries | None = None,
        http: _Http | None = None,
    ) -> None:
        """`base_url`: where the API is, Meta's by default. `version` None: paths without one. `timeout`: seconds for
        one answer. `http`: an HTTP client to send with, which stays the caller's to close.

        Raises `ValueError` for what cannot be sent.
        """
        self._calls = Calls(phone_number_id, version, retries or Retries(), random.random)
        self._base_url = _checked_url(base_url)
        self._headers = {"authorization": f"Bearer {_checked_token(token)}", "content-type": "application/json"}
        self._timeout = timeout
        self._owns_http = http is None
        self._http: _Http = self._made_http() if http is None else http

    @property
    def _is_tls(self) -> bool:
        """Certificates are read, which takes 20 ms, only where one is checked: no other address is ever asked."""
        return self._base_url.startswith("https://")

    @abstractmethod
    def _made_http(self) -> _Http: ...

    def _request(self, request: HttpRequest) -> dict[str, Any]:
        """As both HTTP clients take it. A redirect is not followed: the token is for this server alone."""
        return {
            "method": request.method,
            "url": self._base_url + request.path,
            "headers": self._headers,
            "content": request.body,
            "timeout": self._timeout,
            "follow_redirects": False,
        }


class Client(_Shell[httpx2.Client]):
    """The block list of one business number. To be closed, or used in a `with`.

    Every call raises `ClientError` where it fails; see there for what is known then.
    """

    def block(
        self, users: Users, *, reason: str | None = None, note: str | None = None, expires_at: int | None = None
    ) -> list[UserDone]:
        """Block one user or many, by phone number or `user_id`; on return all are blocked, in the order given.

        `reason`, `note` and `expires_at` (seconds since 1970) are wablock's own; Meta ignores them. More than 1,000
        users go in several requests. Raises `SomeUsersFailed` after all others have been blocked.
        """
        return self._run(self._calls.block(users, reason, note, expires_at))

    def unblock(self, users: Users) -> list[UserDone]:
        """Unblock one user or many; on return none is blocked. See `block`."""
        return self._run(self._calls.unblock(users))

    def page(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        fields: str | None = None,
    ) -> Page:
        """One page: the newest users, or those after or before a cursor."""
        return self._run(self._calls.page(limit, after, before, fields))

    def pages(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        fields: str | None = None,
    ) -> Iterator[Page]:
        """Page after page to the end of the list; with `before`, from there back to its beginning."""
        walk = Walk(self._calls, limit, before or after, forward=before is None, fields=fields)
        while (page := self._run(walk.turn())) is not None:
            yield page

    def blocked_users(self, *, limit: int | None = 1_000, fields: str | None = None) -> Iterator[BlockedUser]:
        """Everybody on the list, newest block first, each once; `limit` users are asked for at a time."""
        for page in self.pages(limit=limit, fields=fields):
            yield from page.users

    def check(self, users: Users, *, may_list: bool = True) -> list[CheckedUser]:
        """Whether each of `users` is blocked now, in their order.

        If the server has no check, as Meta's, and `may_list`, the client looks through the whole list. Then a number
        needs its country code, or `ValueError` is raised. Raises `SomeUsersFailed` if some are no users.
        """
        return self._run(self._calls.check(users, may_list=may_list))

    def drops(self, after: int = 0) -> RecentDropList:
        """What wablock's gate took out of the number's webhooks since the drop with the `seq` `after`, oldest first."""
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

    def _made_http(self) -> httpx2.Client:
        return httpx2.Client(verify=self._is_tls)

    def _run(self, exchange: Exchange[T]) -> T:
        answer: HttpResponse | Lost | None = None
        while True:
            try:
                step = exchange.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Wait):
                answer = None
                time.sleep(step.seconds)
            else:
                answer = self._send(step)

    def _send(self, request: HttpRequest) -> HttpResponse | Lost:
        try:
            return _response(self._http.request(**self._request(request)))
        except httpx2.HTTPError as trouble:
            return _lost(trouble)


class AsyncClient(_Shell[httpx2.AsyncClient]):
    """`Client` for asyncio; its calls do and raise the same. Many tasks may use one."""

    async def block(
        self, users: Users, *, reason: str | None = None, note: str | None = None, expires_at: int | None = None
    ) -> list[UserDone]:
        """See `Client.block`."""
        return await self._run(self._calls.block(users, reason, note, expires_at))

    async def unblock(self, users: Users) -> list[UserDone]:
        """See `Client.unblock`."""
        return await self._run(self._calls.unblock(users))

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

    def _made_http(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(verify=self._is_tls)

    async def _run(self, exchange: Exchange[T]) -> T:
        answer: HttpResponse | Lost | None = None
        while True:
            try:
                step = exchange.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Wait):
                answer = None
                await asyncio.sleep(step.seconds)
            else:
                answer = await self._send(step)

    async def _send(self, request: HttpRequest) -> HttpResponse | Lost:
        try:
            return _response(await self._http.request(**self._request(request)))
        except httpx2.HTTPError as trouble:
            return _lost(trouble)


def _response(answer: httpx2.Response) -> HttpResponse:
    return HttpResponse(answer.status_code, answer.content, answer.headers)


def _lost(trouble: httpx2.HTTPError) -> Lost:
    return Lost(str(trouble) or type(trouble).__name__)


def _checked_url(url: str) -> str:
    try:
        parts = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        parts = httpx2.URL("")
    # A password in it would be sent in the token's place, and told in messages.
    if parts.scheme not in ("http", "https") or not parts.host or parts.query or parts.fragment or parts.userinfo:
        raise ValueError("base_url must begin with http:// or https://, name a host, and have no password and no query")
    return url.rstrip("/")


def _checked_token(token: str) -> str:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("token must be printable ASCII characters, without spaces")
    return token
