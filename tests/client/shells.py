"""Both clients with one interface, so that one suite tests them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol

from wablock.client import AsyncClient, BlockedUser, CheckedUser, Client, Page, UserDone
from wablock.client.users import Users


class Calling(Protocol):
    """What a test does with a client."""

    @property
    def block(self) -> Callable[..., list[UserDone]]: ...
    def unblock(self, users: Users) -> list[UserDone]: ...
    def pages(self, **options: Any) -> list[Page]: ...
    def blocked_users(self, **options: Any) -> list[BlockedUser]: ...
    def check(self, users: Users) -> list[CheckedUser]: ...
    def is_blocked(self, user: str) -> bool: ...


class _Sync:
    def __init__(self, client: Client) -> None:
        self.block: Callable[..., list[UserDone]] = client.block
        self.unblock = client.unblock
        self.check = client.check
        self.is_blocked = client.is_blocked
        self.pages = lambda **options: list(client.pages(**options))
        self.blocked_users = lambda **options: list(client.blocked_users(**options))


class _Async:
    """An `AsyncClient` on a loop of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: AsyncClient) -> None:
        def running(call: Any) -> Any:
            return lambda *args, **options: loop.run_until_complete(call(*args, **options))

        async def pages(**options: Any) -> list[Page]:
            return [page async for page in client.pages(**options)]

        async def blocked_users(**options: Any) -> list[BlockedUser]:
            return [user async for user in client.blocked_users(**options)]

        self.block = running(client.block)
        self.unblock = running(client.unblock)
        self.check = running(client.check)
        self.is_blocked = running(client.is_blocked)
        self.pages = running(pages)
        self.blocked_users = running(blocked_users)


@contextmanager
def calling(kind: str, token: str, phone_number_id: str, **others: Any) -> Iterator[Calling]:
    """A client of this kind, `sync` or `async`; it is closed at the end."""
    if kind == "sync":
        with Client(token, phone_number_id, **others) as client:
            yield _Sync(client)
        return
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        made = AsyncClient(token, phone_number_id, **others)
        yield _Async(loop, made)
        runner.run(made.close())


@contextmanager
def methods_of(kind: str, token: str, phone_number_id: str, **others: Any) -> Iterator[Callable[..., Any]]:
    """A function that calls any method of a client of this kind, by its name.

    Of an iterator it returns the first `first` values, by default all.
    """
    with Client(token, phone_number_id, **others) as client, asyncio.Runner() as runner:
        several = AsyncClient(token, phone_number_id, **others)

        async def of_async(name: str, *values: Any, first: int | None = None, **options: Any) -> Any:
            result = getattr(several, name)(*values, **options)
            if not hasattr(result, "__aiter__"):
                return await result if asyncio.iscoroutine(result) else result
            found: list[Any] = []
            async for it in result:
                found.append(it)
                if len(found) == first:
                    break
            return found

        def call(name: str, *values: Any, first: int | None = None, **options: Any) -> Any:
            if kind == "async":
                return runner.run(of_async(name, *values, first=first, **options))
            result = getattr(client, name)(*values, **options)
            return list(islice(result, first)) if isinstance(result, Iterator) else result

        yield call
        runner.run(several.close())
