"""Name lookups for many tenants: a tenant whose names never resolve delays no other.

The system's resolver does them, so that `/etc/hosts`, search domains and a container's own names count. It cannot be
interrupted: a lookup that takes longer than its callers wait continues in its thread, on the account that started it.
"""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import msgspec

_tenant: Final[ContextVar[str]] = ContextVar("tenant", default="")

LookUp = Callable[[str], Sequence[Any]]
"""As `socket.getaddrinfo` for TCP and port 0; may take its time."""

_THREADS_EACH: Final = 4
_MOST_WAITING_EACH: Final = 100
_MOST_REMEMBERED: Final = 1_000
_FOUND_FOR: Final = 5.0  # seconds; as long as a name that has moved may lead to where it was
_MISSING_FOR: Final = 1.0


@contextmanager
def on_behalf_of(account_id: str) -> Iterator[None]:
    """The names that are looked up within, by whatever lies between, are this account's. Without it, the operator's."""
    before = _tenant.set(account_id)
    try:
        yield
    finally:
        _tenant.reset(before)


class NotFoundInTime(OSError):
    """The lookup did not end in time: the name may have an address."""


class _Resolved(msgspec.Struct, frozen=True):
    """`trouble`: what was raised instead."""

    until: float
    addresses: Sequence[Any] = ()
    trouble: Exception | None = None


class NameLookups:
    """Looks a name up once at a time for all who want it, and remembers for a few seconds what was found.

    Each tenant has four threads, and a queue of its own for them. A name is waited for `within` seconds.
    """

    def __init__(
        self,
        look_up: LookUp | None = None,
        *,
        within: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look_up = look_up or _ask_system
        self._within = within
        self._monotonic = monotonic
        self._known: dict[str, _Resolved] = {}
        self._under_way: dict[str, list[asyncio.Future[_Resolved]]] = {}
        self._threads: Counter[str] = Counter()
        self._queues: dict[str, dict[str, asyncio.Future[_Resolved]]] = {}

    async def __call__(self, host: str, port: int) -> Sequence[Any]:
        """As `loop.getaddrinfo` for TCP; raises `OSError`, and of these `NotFoundInTime`."""
        if (address := in_numbers(host, port)) is not None:
            return address
        found = self._remembered(host) or await self._awaited(host)
        if found.trouble is not None:
            raise type(found.trouble)(*found.trouble.args)
        return [(*kind, (sockaddr[0], port, *sockaddr[2:])) for *kind, sockaddr in found.addresses]

    def _remembered(self, host: str) -> _Resolved | None:
        found = self._known.get(host)
        return found if found is not None and found.until >= self._monotonic() else None

    async def _awaited(self, host: str) -> _Resolved:
        try:
            async with asyncio.timeout(self._within):
                return await asyncio.shield(self._looking(host, _tenant.get()))
        except TimeoutError:
            raise NotFoundInTime(f"its name was not found within {self._within:g} s") from None

    def _looking(self, host: str, account: str) -> asyncio.Future[_Resolved]:
        """What will be found. Only a look-up that has begun is shared: another tenant's queue may never move."""
        queue = self._queues.setdefault(account, {})
        if host in queue:
            return queue[host]
        if len(queue) >= _MOST_WAITING_EACH:
            raise NotFoundInTime("too many other names are looked up")
        looking = queue[host] = asyncio.get_running_loop().create_future()
        if host in self._under_way:
            self._join(queue, host)
        self._begin_next(account)
        return looking

    def _join(self, queue: dict[str, asyncio.Future[_Resolved]], host: str) -> None:
        self._under_way[host].append(queue.pop(host))

    def _begin_next(self, account: str) -> None:
        queue = self._queues.get(account, {})
        while queue and self._threads[account] < _THREADS_EACH:
            host = next(iter(queue))
            if host in self._under_way:
                self._join(queue, host)
            elif (found := self._remembered(host)) is not None:
                queue.pop(host).set_result(found)
            else:
                self._under_way[host] = [queue.pop(host)]
                self._threads[account] += 1
                self._start(host, account)
        if not queue:
            self._queues.pop(account, None)

    def _start(self, host: str, account: str) -> None:
        loop = asyncio.get_running_loop()
        job = host, account, loop
        try:
            threading.Thread(target=self._look, args=job, name="wablock-name", daemon=True).start()
        except RuntimeError:  # the system gives no more threads
            loop.call_soon(self._end, *job[:2], (), NotFoundInTime("no thread is left to look its name up"))

    def _look(self, host: str, account: str, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread of its own."""
        addresses: Sequence[Any] = ()
        trouble: Exception | None = None
        try:
            addresses = self._look_up(host)
        except Exception as error:
            trouble = error
        try:
            loop.call_soon_threadsafe(self._end, host, account, addresses, trouble)
        except RuntimeError:  # the loop is closed: the server has stopped meanwhile
            return

    def _end(self, host: str, account: str, addresses: Sequence[Any], trouble: Exception | None) -> None:
        kept_for = _FOUND_FOR if trouble is None else _MISSING_FOR
        found = _Resolved(self._monotonic() + kept_for, addresses, trouble)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[host] = found
        for looking in self._under_way.pop(host):
            looking.set_result(found)
        self._threads[account] -= 1
        if not self._threads[account]:
            del self._threads[account]
        self._begin_next(account)


def _ask_system(host: str) -> Sequence[Any]:
    return socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)


def in_numbers(host: str, port: int) -> Sequence[Any] | None:
    """As `NameLookups`, where `host` is an address in any spelling (`127.1`); None for a name."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
