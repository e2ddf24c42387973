"""Name lookups for many tenants: an account whose names never resolve does not delay another account.

The system's resolver looks names up, so `/etc/hosts`, search domains and the names of containers work. A lookup cannot
be interrupted. If its callers time out, it continues in its thread, and that thread still counts for the account that
started it.
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
"""The same as `socket.getaddrinfo` for TCP and port 0. It may block for a long time."""

_THREADS_EACH: Final = 4
_MOST_WAITING_EACH: Final = 100
_MOST_REMEMBERED: Final = 1_000
_REMEMBERED_FOR: Final = 5.0  # seconds in which a changed address may go unnoticed
_ERROR_REMEMBERED_FOR: Final = 1.0


@contextmanager
def on_behalf_of(account_id: str) -> Iterator[None]:
    """A context in which every name lookup counts for this account. Without it, lookups count for the operator."""
    before = _tenant.set(account_id)
    try:
        yield
    finally:
        _tenant.reset(before)


class NotFoundInTime(OSError):
    """The lookup timed out. The name may have an address."""


class _Resolved(msgspec.Struct, frozen=True):
    """The result of a lookup: its addresses, or the exception that it raised."""

    until: float
    addresses: Sequence[Any] = ()
    error: Exception | None = None


class NameLookups:
    """Looks names up. Callers that want the same name share one lookup, and its result is kept for a few seconds.

    Each account has four threads and its own queue. A caller waits at most `within` seconds for a name.
    """

    def __init__(
        self, look_up: LookUp | None = None, *, within: float = 5.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._look_up = look_up or _system_lookup
        self._within = within
        self._monotonic = monotonic
        self._known: dict[str, _Resolved] = {}
        self._in_flight: dict[str, list[asyncio.Future[_Resolved]]] = {}
        self._threads: Counter[str] = Counter()
        self._queues: dict[str, dict[str, asyncio.Future[_Resolved]]] = {}

    async def __call__(self, host: str, port: int) -> Sequence[Any]:
        """The same as `loop.getaddrinfo` for TCP. Raises `OSError`; if the lookup times out, `NotFoundInTime`."""
        if (address := in_numbers(host, port)) is not None:
            return address
        resolved = self._remembered(host) or await self._resolve(host)
        if resolved.error is not None:
            raise type(resolved.error)(*resolved.error.args)
        return [(*kind, (sockaddr[0], port, *sockaddr[2:])) for *kind, sockaddr in resolved.addresses]

    def _remembered(self, host: str) -> _Resolved | None:
        resolved = self._known.get(host)
        return resolved if resolved is not None and resolved.until >= self._monotonic() else None

    async def _resolve(self, host: str) -> _Resolved:
        try:
            async with asyncio.timeout(self._within):
                return await asyncio.shield(self._shared_lookup(host, _tenant.get()))
        except TimeoutError:
            raise NotFoundInTime(f"its name was not found within {self._within:g} s") from None

    def _shared_lookup(self, host: str, account: str) -> asyncio.Future[_Resolved]:
        """The future result of a lookup. Accounts have separate queues, and share a lookup once it has started."""
        queue = self._queues.setdefault(account, {})
        if host in queue:
            return queue[host]
        if len(queue) >= _MOST_WAITING_EACH:
            raise NotFoundInTime("too many other name lookups are waiting")
        lookup = queue[host] = asyncio.get_running_loop().create_future()
        if host in self._in_flight:
            self._join(queue, host)
        self._start_next(account)
        return lookup

    def _join(self, queue: dict[str, asyncio.Future[_Resolved]], host: str) -> None:
        self._in_flight[host].append(queue.pop(host))

    def _start_next(self, account: str) -> None:
        queue = self._queues.get(account, {})
        while queue and self._threads[account] < _THREADS_EACH:
            host = next(iter(queue))
            if host in self._in_flight:
                self._join(queue, host)
            elif (resolved := self._remembered(host)) is not None:
                queue.pop(host).set_result(resolved)
            else:
                self._in_flight[host] = [queue.pop(host)]
                self._threads[account] += 1
                self._start(host, account)
        if not queue:
            self._queues.pop(account, None)

    def _start(self, host: str, account: str) -> None:
        loop = asyncio.get_running_loop()
        job = host, account, loop
        try:
            threading.Thread(target=self._look, args=job, name="wablock-name", daemon=True).start()
        except RuntimeError:  # the system cannot start more threads
            loop.call_soon(self._end, *job[:2], (), NotFoundInTime("no thread is left to look its name up"))

    def _look(self, host: str, account: str, loop: asyncio.AbstractEventLoop) -> None:
        """Look the name up. This runs in its own thread."""
        addresses: Sequence[Any] = ()
        error: Exception | None = None
        try:
            addresses = self._look_up(host)
        except Exception as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(self._end, host, account, addresses, error)
        except RuntimeError:  # the loop is closed: the server has stopped
            return

    def _end(self, host: str, account: str, addresses: Sequence[Any], error: Exception | None) -> None:
        kept_for = _REMEMBERED_FOR if error is None else _ERROR_REMEMBERED_FOR
        resolved = _Resolved(self._monotonic() + kept_for, addresses, error)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[host] = resolved
        for lookup in self._in_flight.pop(host):
            lookup.set_result(resolved)
        self._threads[account] -= 1
        if not self._threads[account]:
            del self._threads[account]
        self._start_next(account)


def _system_lookup(host: str) -> Sequence[Any]:
    return socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)


def in_numbers(host: str, port: int) -> Sequence[Any] | None:
    """The same as `NameLookups` if `host` is an IP address in any spelling, such as `127.1`; None for a name."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
